//! What was measured here, as panels: errors and times of scaled networks, a row for each base.

use super::point::{ERROR, FLOPS, Looks, MINUTES, Point, by_strategy};
use crate::bench::scaling::UNSCALED;
use crate::paper::Evidence;
use crate::report::panels::Panel;

/// What a figure can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Errors,
    Times,
}

/// Which of the measured networks belong to a figure.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    strategies: Vec<String>,
    /// Of any base where there is none.
    bases: Vec<String>,
    kinds: Vec<Kind>,
}

impl Wanted {
    /// Errors and times of any base.
    pub(super) fn all(strategies: &[&str]) -> Self {
        Self::bases(strategies, &[])
    }

    /// Errors and times of these bases.
    pub(super) fn bases(strategies: &[&str], bases: &[&str]) -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            strategies: texts(strategies),
            bases: texts(bases),
            kinds: vec![Kind::Errors, Kind::Times],
        }
    }

    /// Errors alone.
    pub(super) fn errors(strategies: &[&str]) -> Self {
        Self {
            kinds: vec![Kind::Errors],
            ..Self::all(strategies)
        }
    }

    fn has(&self, point: &Point) -> bool {
        let base = self.bases.is_empty() || self.bases.contains(&point.base);
        let scaled = point.strategy == UNSCALED || self.strategies.contains(&point.strategy);
        base && scaled && !point.strategy.is_empty()
    }
}

/// A row of panels for each base that was measured, and all its points. A base alone shows no strategy.
pub(super) fn rows(
    evidence: &Evidence,
    wanted: &Wanted,
    looks: &Looks,
) -> (Vec<Vec<Panel>>, Vec<Point>) {
    let of = |kind: Kind| -> Vec<Point> {
        let all: Vec<Point> = match kind {
            _ if !wanted.kinds.contains(&kind) => Vec::new(),
            Kind::Errors => evidence.trained.iter().map(Point::trained).collect(),
            Kind::Times => {
                let trained = evidence.timed.iter().filter(|one| one.suite == "train");
                trained.map(Point::timed).collect()
            }
        };
        all.into_iter().filter(|point| wanted.has(point)).collect()
    };
    let (errors, times) = (of(Kind::Errors), of(Kind::Times));
    let mut bases: Vec<&str> = Vec::new();
    for point in errors.iter().chain(&times) {
        if !bases.contains(&point.base.as_str()) {
            bases.push(&point.base);
        }
    }
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for base in bases {
        let mut row = Vec::new();
        for (points, axis) in [(&errors, ERROR), (&times, MINUTES)] {
            for (source, points) in by_source(points, base) {
                if points.iter().all(|point| point.strategy == UNSCALED) {
                    continue;
                }
                let title = format!("{base}, {source}");
                row.push(by_strategy(&title, &points, (FLOPS, axis), looks));
                shown.extend(points);
            }
        }
        rows.extend(row.chunks(3).map(<[Panel]>::to_vec));
    }
    (rows, shown)
}

/// A base's points by where they are from.
fn by_source(points: &[Point], base: &str) -> Vec<(String, Vec<Point>)> {
    let mut sources: Vec<(String, Vec<Point>)> = Vec::new();
    for point in points.iter().filter(|point| point.base == base) {
        match sources
            .iter_mut()
            .find(|(source, _)| *source == point.source)
        {
            Some((_, known)) => known.push(point.clone()),
            None => sources.push((point.source.clone(), vec![point.clone()])),
        }
    }
    sources
}

/// The commands that measure what a figure shows.
pub(super) fn command(model: &str, strategies: &[&str], kinds: &[Kind]) -> Vec<String> {
    let strategies = strategies.join(",");
    let one = |kind: &Kind| match kind {
        Kind::Errors => format!(
            "triaxis search scaling --model {model} --strategy {strategies} --factors 1,2,4,8 --recipe fast-scaling \
             --data-dir imagenet/ --ledger papers.ledger"
        ),
        Kind::Times => {
            format!("triaxis bench scaling --model {model} --strategy {strategies} --csv rows.csv")
        }
    };
    kinds.iter().map(one).collect()
}
