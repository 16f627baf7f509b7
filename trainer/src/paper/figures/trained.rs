//! Figures 4 to 9: errors and times of trained networks, the paper's own as published, ours where there are any.

use super::counted::place;
use super::ours::{self, Kind, Wanted};
use super::point::{Axis, ERROR, FLOPS, Looks, MINUTES, Point, by_kind, by_strategy};
use super::{Figure, make};
use crate::bench::scaling::UNSCALED;
use crate::paper::Evidence;
use crate::paper::published::{Published, TABLE_5, TABLE_6, TABLE_7, TABLE_8};
use crate::report::panels::Panel;

const AS_PUBLISHED: &str = "paper: what its Tables 5 to 8 print, which is not all that its plot shows: top-1 error on ImageNet after \
                            100 epochs, minutes for an epoch on eight V100. How the figure is read is our own.";

/// The published networks as points.
pub(super) fn published() -> Vec<Point> {
    let all = TABLE_5.iter().chain(&TABLE_6).chain(&TABLE_8);
    all.map(point).collect()
}

fn point(row: &Published) -> Point {
    let (base, strategy) = match row.model.split_once("->") {
        Some((base, _)) => (base, "dWr"),
        None if row.model == "EN-B0" => ("EN-B0", UNSCALED),
        None if row.model.starts_with("EN-") => ("EN-B0", "orig"),
        None => (row.model, UNSCALED),
    };
    let [flops, params, acts] = row.counts();
    Point {
        source: "paper".into(),
        model: row.model.into(),
        base: base.into(),
        strategy: strategy.into(),
        counts: [flops * 1e9, params * 1e6, acts * 1e6],
        error: row.errors[0].map(|error| (error, None, 1)),
        epochs: Some(100),
        minutes: Some(row.minutes),
        ..Point::default()
    }
}

/// Figures 4 to 6: bases scaled in several ways.
pub(super) fn scaled(
    (number, title): (&str, &str),
    bases: &[&str],
    strategies: &[&str],
    kinds: &[Kind],
    evidence: &Evidence,
) -> Figure {
    let looks = Looks::of(strategies.iter().copied());
    let known = published();
    let (mut points, mut rows) = (Vec::new(), Vec::new());
    for base in bases {
        let of: Vec<Point> = known
            .iter()
            .filter(|point| point.base == *base)
            .cloned()
            .collect();
        let panel = |axis: Axis| by_strategy(&format!("{base}, paper"), &of, (FLOPS, axis), &looks);
        rows.push(match kinds {
            [Kind::Errors] => vec![panel(ERROR)],
            _ => vec![panel(ERROR), panel(MINUTES)],
        });
        points.extend(of);
    }
    // Bases side by side where each has one panel.
    if rows.iter().all(|row| row.len() == 1) {
        rows = vec![rows.concat()];
    }
    let wanted = match kinds {
        [Kind::Errors] => Wanted::errors(strategies),
        _ => Wanted::all(strategies),
    };
    let (measured, more) = ours::rows(evidence, &wanted, &looks);
    points.extend(more);
    let mut figure = make(number, title, points);
    figure.panels.caption = AS_PUBLISHED.into();
    figure.panels.legend = looks.legend();
    figure.fill = ours::command(zoo_name(bases[0]), strategies, kinds);
    place(&mut figure, rows, measured, (330.0, 250.0));
    figure
}

fn zoo_name(base: &str) -> &str {
    match base {
        "EN-B0" => "efficientnet_b0",
        "RegNetY-500MF" => "regnety_500mf",
        _ => "regnetz_500mf",
    }
}

/// Figure 7: networks that were searched at their size beside those that were scaled to it.
pub(super) fn searched(evidence: &Evidence) -> Figure {
    let looks = Looks::of(["searched", "scaled"]);
    let kind = |point: &Point| match point.strategy.as_str() {
        UNSCALED | "" => "searched".to_owned(),
        _ => "scaled".to_owned(),
    };
    let known = published();
    let rows: Vec<Point> = known
        .into_iter()
        .filter(|p| TABLE_7.contains(&p.model.as_str()))
        .collect();
    let of = |family: &str| -> Vec<Point> {
        rows.iter()
            .filter(|point| point.model.starts_with(family))
            .cloned()
            .collect()
    };
    let panels = ["RegNetY", "RegNetZ"].map(|family| {
        by_kind(
            &format!("{family}, paper"),
            &of(family),
            (FLOPS, ERROR),
            &looks,
            kind,
        )
    });
    // Ours: searched at random, and scaled from what was found; those of other pictures in a panel of their own.
    let both = evidence
        .trained
        .iter()
        .filter(|one| matches!(one.study.1.as_str(), "random" | "scaling"));
    let mut data: Vec<&str> = Vec::new();
    for one in both.clone() {
        if !data.contains(&one.data.as_str()) {
            data.push(&one.data);
        }
    }
    let panel = |data: &&str| {
        let of: Vec<Point> = both
            .clone()
            .filter(|one| one.data == *data)
            .map(Point::trained)
            .collect();
        by_kind("ours", &of, (FLOPS, ERROR), &looks, kind)
    };
    let measured = data.iter().map(panel).map(|panel| vec![panel]).collect();
    let ours: Vec<Point> = both.clone().map(Point::trained).collect();
    let mut figure = make(
        "7",
        "Figure 7: searched and scaled networks",
        [rows, ours].concat(),
    );
    figure.panels.caption = format!(
        "{AS_PUBLISHED} Searched networks were found at their size, scaled ones at 0.5 or 4 B flops and then scaled by dWr; ours are \
         those of `search random` and of `search scaling`."
    );
    figure.panels.legend = looks.legend();
    figure.fill = vec![
        "triaxis search random --flops 3.8G..4.2G --then-scale dWr --target-flops 16G --recipe fast-scaling --data-dir imagenet/ \
         --ledger papers.ledger"
            .into(),
        "triaxis search scaling --model study/BEST.toml --strategy dWr --target-flops 16G --recipe fast-scaling --data-dir imagenet/ \
         --ledger papers.ledger"
            .into(),
    ];
    place(&mut figure, vec![panels.to_vec()], measured, (330.0, 250.0));
    figure
}

/// Figures 8 and 9: all networks, error against flops or against time.
pub(super) fn all(number: &str, title: &str, x: Axis, evidence: &Evidence) -> Figure {
    let known = published();
    let mut ours: Vec<Point> = evidence.trained.iter().map(Point::trained).collect();
    for point in &mut ours {
        point.minutes = evidence.timed_as(&point.model).map(|timed| timed.minutes());
    }
    ours.retain(|point| (x.of)(point).is_some());
    let families = Looks::of(["EfficientNet", "RegNetY", "RegNetZ", "ResNet, ResNeXt"]);
    let paper = by_kind("paper", &known, (x, ERROR), &families, |p| {
        family(&p.model).into()
    });
    // Errors on different pictures are no errors to compare: a panel for each study.
    let mut studies: Vec<&str> = Vec::new();
    for point in &ours {
        if !studies.contains(&point.source.as_str()) {
            studies.push(&point.source);
        }
    }
    let one = Looks::of(["EfficientNet"]);
    let panels = studies.iter().map(|study| {
        let of: Vec<Point> = ours
            .iter()
            .filter(|p| p.source == *study)
            .cloned()
            .collect();
        by_kind(study, &of, (x, ERROR), &one, |_| "EfficientNet".into())
    });
    let measured: Vec<Panel> = panels.collect();
    let measured: Vec<Vec<Panel>> = measured.into_iter().map(|panel| vec![panel]).collect();
    let mut points = known;
    points.extend(ours);
    rank(&mut points, x);
    let mut figure = make(number, title, points);
    figure.panels.caption = format!(
        "{AS_PUBLISHED} Ours: one panel for each study, because errors on other pictures are others."
    );
    figure.panels.legend = families.legend();
    let kinds: &[Kind] = match x.label == MINUTES.label {
        true => &[Kind::Errors, Kind::Times],
        false => &[Kind::Errors],
    };
    figure.fill = ours::command("regnetz_500mf", &["dWr"], kinds);
    place(&mut figure, vec![vec![paper]], measured, (560.0, 320.0));
    figure
}

/// The best first, where a table is read from the top.
fn rank(points: &mut [Point], x: Axis) {
    let of = |point: &Point| {
        let error = point.error.map_or(f64::INFINITY, |error| error.0);
        (
            point.source.clone(),
            error,
            (x.of)(point).unwrap_or(f64::INFINITY),
        )
    };
    points.sort_by(|a, b| {
        let (a, b) = (of(a), of(b));
        b.0.cmp(&a.0)
            .then(a.1.total_cmp(&b.1))
            .then(a.2.total_cmp(&b.2))
    });
}

fn family(model: &str) -> &'static str {
    match model {
        model if model.starts_with("EN-") => "EfficientNet",
        model if model.starts_with("RegNetY") => "RegNetY",
        model if model.starts_with("RegNetZ") => "RegNetZ",
        _ => "ResNet, ResNeXt",
    }
}
