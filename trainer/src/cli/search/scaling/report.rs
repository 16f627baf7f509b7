//! What `triaxis search scaling` and `ablation` print.

use std::path::PathBuf;

use serde::Serialize;
use triaxis_models::Spec;

use crate::bench::scaling::UNSCALED;
use crate::cli::print;
use crate::error::{Error, Result};
use crate::ledger::Trial;
use crate::paper::mean;
use crate::report::panels::{Curve, Panel, Panels, Scale, panels};
use crate::study::scaled::Way;

/// The study's result.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    trials: &'a [Trial],
    base: String,
    networks: Vec<Tried>,
}

/// A network and its trials.
#[derive(Debug, Serialize)]
struct Tried {
    name: String,
    strategy: String,
    factor: f64,
    /// The multiply-adds that it was scaled to.
    target: Option<u64>,
    depth: f64,
    width: f64,
    resolution: f64,
    pixels: usize,
    flops: u64,
    params: u64,
    acts: u64,
    /// Top-1 errors, percent, in the order of the seeds.
    errors: Vec<f64>,
    seeds: Vec<u64>,
    /// Their mean, and their standard deviation where there are several.
    error: Option<f64>,
    deviation: Option<f64>,
}

impl<'a> Report<'a> {
    pub(super) fn new(base: &Spec, ways: &[Way], trials: &'a [Trial]) -> Result<Self> {
        let tried = |way: &Way| {
            let [depth, width, resolution] = way.multipliers;
            let of = trials
                .iter()
                .filter(|trial| trial.planned.name == way.spec.name);
            let done: Vec<(u64, f64)> = of
                .filter_map(|trial| Some((trial.planned.seed, trial.outcome.as_ref()?.top1_error)))
                .collect();
            let (seeds, errors): (Vec<u64>, Vec<f64>) = done.into_iter().unzip();
            let counted = way.spec.complexity()?;
            let (error, deviation) = mean(&errors);
            Ok(Tried {
                name: way.spec.name.clone(),
                strategy: way.strategy.clone(),
                factor: way.factor,
                target: way.target,
                depth,
                width,
                resolution,
                pixels: way.spec.resolution,
                flops: counted.flops,
                params: counted.params,
                acts: counted.acts,
                error: (!errors.is_empty()).then_some(error),
                deviation,
                errors,
                seeds,
            })
        };
        let networks = ways.iter().map(tried).collect::<Result<Vec<_>>>()?;
        if networks.iter().all(|one| one.error.is_none()) {
            let why = trials.iter().find_map(|trial| trial.message.clone());
            return Err(Error::config(
                "triaxis search",
                format!("every trial failed: {}", why.unwrap_or_default()),
                "Begin another study with a --recipe that trains",
            ));
        }
        Ok(Self {
            trials,
            base: base.name.clone(),
            networks,
        })
    }

    /// Error against multiply-adds, a curve for each strategy.
    pub(super) fn picture(&self) -> String {
        let mut strategies: Vec<&str> = Vec::new();
        for one in &self.networks {
            if one.strategy != UNSCALED && !strategies.contains(&one.strategy.as_str()) {
                strategies.push(&one.strategy);
            }
        }
        let curve = |(look, name): (usize, &&str)| {
            let belongs = |one: &&Tried| one.strategy == *name || one.strategy == UNSCALED;
            let place = |one: &Tried| Some((one.flops as f64 / 1e6, one.error?));
            let mut points: Vec<(f64, f64)> = self
                .networks
                .iter()
                .filter(belongs)
                .filter_map(place)
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Curve {
                name: (*name).into(),
                look,
                points,
                ..Curve::default()
            }
        };
        let curves: Vec<Curve> = strategies.iter().enumerate().map(curve).collect();
        panels(&Panels {
            title: format!("{} scaled in several ways", self.base),
            caption: format!(
                "Each mark is a network, the mean of its trials ({} in all); lines join those of one strategy.",
                self.trials.len()
            ),
            across: 1,
            field: (520.0, 320.0),
            x_label: "flops (M, multiply-adds for one image)".into(),
            panels: vec![Panel {
                title: "validation error".into(),
                y_label: "top-1 error (%)".into(),
                y_scale: Scale::Linear,
                curves: curves
                    .into_iter()
                    .filter(|curve| !curve.points.is_empty())
                    .collect(),
                ..Panel::default()
            }],
            ..Panels::default()
        })
    }

    /// The report for people: targets apart, in each the least error first.
    pub(super) fn text(&self, files: &[PathBuf]) -> String {
        let heading = [
            "strategy",
            "depth",
            "width",
            "pixels",
            "flops",
            "params",
            "acts",
            "error",
            "than the best",
        ];
        let mut targets: Vec<Option<u64>> = self.networks.iter().map(|one| one.target).collect();
        targets.dedup();
        let mut text = String::new();
        for target in targets {
            let mut of: Vec<&Tried> = self
                .networks
                .iter()
                .filter(|one| one.target == target)
                .collect();
            let error = |one: &Tried| one.error.unwrap_or(f64::INFINITY);
            if let Some(target) = target {
                text += &format!(
                    "{} scaled to {} multiply-adds\n\n",
                    self.base,
                    print::count(target)
                );
                of.sort_by(|a, b| error(a).total_cmp(&error(b)));
            }
            let least = of
                .iter()
                .map(|one| error(one))
                .fold(f64::INFINITY, f64::min);
            let rows: Vec<[String; 9]> = of.iter().map(|one| row(one, least)).collect();
            text += &format!("{}\n", print::table(heading, &rows));
        }
        let failed = self
            .trials
            .iter()
            .filter(|trial| trial.message.is_some())
            .count();
        let done = self
            .trials
            .iter()
            .filter(|trial| trial.outcome.is_some())
            .count();
        let done = print::counted(done, "trial", "trials");
        text += &format!("{done} done, {failed} failed\n\n");
        for path in files {
            text += &format!("{}\n", path.display());
        }
        text
    }
}

fn row(one: &Tried, least: f64) -> [String; 9] {
    let millions = |count: u64| format!("{:.3} M", count as f64 / 1e6);
    let error = match (one.error, one.deviation) {
        (Some(error), Some(deviation)) => format!("{error:.2} ± {deviation:.2} %"),
        (Some(error), None) => format!("{error:.2} %"),
        (None, _) => "failed".into(),
    };
    [
        match one.target {
            Some(_) => one.strategy.clone(),
            None => format!("{} ×{}", one.strategy, one.factor),
        },
        format!("×{:.3}", one.depth),
        format!("×{:.3}", one.width),
        one.pixels.to_string(),
        millions(one.flops),
        millions(one.params),
        millions(one.acts),
        error,
        one.error
            .map_or_else(|| "-".into(), |error| format!("{:+.2}", error - least)),
    ]
}
