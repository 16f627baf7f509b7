//! What `triaxis search tiny` prints.

use std::path::PathBuf;

use serde::Serialize;
use triaxis_search::GaussianProcess;

use crate::cli::print;
use crate::error::Result;
use crate::ledger::Trial;
use crate::study::tiny::{Formula, Network, Point};

/// Rows of the formula's table.
const ROWS: usize = 6;

/// The study's result.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    trials: &'a [Trial],
    /// Numbers of the trials that the formula was learnt from.
    front: &'a [i64],
    formula: Terms,
    network: Option<Made>,
}

/// The formula: depth and resolution as sums over the front, and some of what it gives.
#[derive(Debug, Serialize)]
struct Terms {
    base_flops: u64,
    /// The least and the greatest share of the front.
    shares: (f64, f64),
    depth: Curve,
    resolution: Curve,
    table: Vec<Row>,
}

/// `value(c) = offset + Σ amplitude · exp(−(ln c − ln share)² / (2 · length²))`.
#[derive(Debug, Serialize)]
struct Curve {
    offset: f64,
    length: f64,
    /// Standard deviation of the front's networks about the curve.
    noise: f64,
    log_marginal_likelihood: f64,
    terms: Vec<Term>,
}

#[derive(Debug, Serialize)]
struct Term {
    share: f64,
    amplitude: f64,
}

/// What the formula gives for a share of the base's multiply-adds; deviations are those of a network, noise included.
#[derive(Debug, Serialize)]
struct Row {
    share: f64,
    depth: f64,
    depth_deviation: f64,
    resolution: f64,
    resolution_deviation: f64,
    width: f64,
    pixels: usize,
    flops: u64,
}

/// The network for a target.
#[derive(Debug, Serialize)]
struct Made {
    #[serde(flatten)]
    row: Row,
    name: String,
    params: u64,
    acts: u64,
    /// As `train --model` takes it from a file.
    spec: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        trials: &'a [Trial],
        front: &'a [i64],
        formula: &Formula,
        network: Option<&Network>,
    ) -> Result<Self> {
        let (low, high) = formula.range();
        let table = (0..ROWS).filter_map(|i| {
            let share = high + (low - high) * i as f64 / (ROWS - 1) as f64;
            let flops = (share * formula.base_flops() as f64).round() as u64;
            // Where rounding leaves no network of that size, the row is left out.
            formula.network(flops).ok().map(|network| row(&network))
        });
        let [(_, depth), (_, resolution)] = formula.processes();
        let network = match network {
            None => None,
            Some(network) => {
                let cost = network.spec.complexity()?;
                Some(Made {
                    row: row(network),
                    name: network.spec.name.clone(),
                    params: cost.params,
                    acts: cost.acts,
                    spec: network.spec.to_toml(),
                })
            }
        };
        Ok(Self {
            trials,
            front,
            formula: Terms {
                base_flops: formula.base_flops(),
                shares: (low, high),
                depth: curve(depth),
                resolution: curve(resolution),
                table: table.collect(),
            },
            network,
        })
    }
}

fn row(network: &Network) -> Row {
    Row {
        share: network.share,
        depth: network.depth.mean,
        depth_deviation: network.depth.of_observation,
        resolution: network.resolution.mean,
        resolution_deviation: network.resolution.of_observation,
        width: network.width,
        pixels: network.spec.resolution,
        flops: network.flops,
    }
}

fn curve(process: &GaussianProcess) -> Curve {
    let (offset, terms) = process.terms();
    let term = |(at, amplitude): (f64, f64)| Term {
        share: at.exp(),
        amplitude,
    };
    Curve {
        offset,
        length: process.kernel().length,
        noise: process.noise(),
        log_marginal_likelihood: process.log_marginal_likelihood(),
        terms: terms.into_iter().map(term).collect(),
    }
}

/// The report for people.
pub(super) fn text(report: &Report<'_>, points: &[Point], files: &[PathBuf]) -> String {
    let done = report
        .trials
        .iter()
        .filter(|trial| trial.outcome.is_some())
        .count();
    let failed = report
        .trials
        .iter()
        .filter(|trial| trial.message.is_some())
        .count();
    let mut text = format!(
        "{} done, {failed} failed; the best {}:\n\n",
        print::counted(done, "trial", "trials"),
        points.len()
    );
    let mut best = points.to_vec();
    best.sort_by(|a, b| b.share.total_cmp(&a.share));
    let rows: Vec<[String; 6]> = best
        .iter()
        .map(|point| {
            [
                format!(
                    "{:.2} M",
                    point.share * report.formula.base_flops as f64 / 1e6
                ),
                format!("{:.4}", point.share),
                format!("{:.3}", point.depth),
                format!("{:.3}", point.width),
                format!("{:.3}", point.resolution),
                format!("{:.2} %", point.error),
            ]
        })
        .collect();
    text += &print::table(
        ["flops", "share c", "depth", "width", "resolution", "error"],
        &rows,
    );
    text += "\nthe formula, of which --json has every term:\n";
    for (name, curve) in [
        ("depth", &report.formula.depth),
        ("resolution", &report.formula.resolution),
    ] {
        text += &format!(
            "  {name}(c) = {:.4} + sum over the {} networks of a·exp(-(ln c - ln c')²/(2·{:.4}²)), noise {:.4}\n",
            curve.offset,
            curve.terms.len(),
            curve.length,
            curve.noise
        );
    }
    text += "  width: solved on the real count\n\n";
    let rows: Vec<[String; 6]> = report
        .formula
        .table
        .iter()
        .map(|row| {
            [
                format!("{:.4}", row.share),
                format!("{:.3} ± {:.3}", row.depth, row.depth_deviation),
                format!("{:.3} ± {:.3}", row.resolution, row.resolution_deviation),
                format!("{:.3}", row.width),
                row.pixels.to_string(),
                format!("{:.2} M", row.flops as f64 / 1e6),
            ]
        })
        .collect();
    text += &print::table(
        ["share c", "depth", "resolution", "width", "pixels", "flops"],
        &rows,
    );
    if let Some(made) = &report.network {
        text += &format!(
            "\n{}: depth {:.3}, width {:.3}, {} pixels; {} multiply-adds, {} parameters, {} activations\n",
            made.name,
            made.row.depth,
            made.row.width,
            made.row.pixels,
            print::count(made.row.flops),
            print::count(made.params),
            print::count(made.acts)
        );
        let (low, high) = report.formula.shares;
        if !(low..=high).contains(&made.row.share) {
            text += &format!(
                "this is outside of the shares that the formula was learnt from, {low:.4} to {high:.4}: a guess\n"
            );
        }
    }
    text += "\n";
    for path in files {
        text += &format!("{}\n", path.display());
    }
    text
}
