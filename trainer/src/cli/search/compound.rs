//! `triaxis search compound`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use triaxis_models::Spec;

use super::study::{Running, StudyOptions};
use crate::cli::print;
use crate::error::{Error, Result};
use crate::ledger::Trial;
use crate::study::compound::{Grid, network, product};
use crate::study::{picture, same};

/// Options of `triaxis search compound`.
#[derive(Debug, Args)]
pub(super) struct Compound {
    /// Distance of neighbours on the grid
    #[arg(long, value_name = "X", default_value_t = Grid::default().step, help_heading = "Search")]
    step: f64,
    /// Largest base of depth, width and resolution
    #[arg(long, value_name = "X", default_value_t = Grid::default().largest, help_heading = "Search")]
    largest: f64,
    /// What phi 1 multiplies the multiply-adds by
    #[arg(long, value_name = "X", default_value_t = Grid::default().product, help_heading = "Search")]
    product: f64,
    /// How far from --product a point of the grid may be
    #[arg(long, value_name = "X", default_value_t = Grid::default().tolerance, help_heading = "Search")]
    tolerance: f64,
    /// Make the networks of phi 1 to P
    #[arg(long, value_name = "P", default_value_t = 7, help_heading = "Search")]
    phi: u32,
    #[command(flatten)]
    pub(super) study: StudyOptions,
}

/// What the study found.
#[derive(Debug, Serialize)]
struct Report<'a> {
    trials: &'a [Trial],
    grid: Vec<Tried>,
    /// The point with the least error.
    chosen: Tried,
    networks: Vec<Made>,
}

/// A point of the grid, and the trial of its network.
#[derive(Clone, Debug, Serialize)]
struct Tried {
    alpha: f64,
    beta: f64,
    gamma: f64,
    product: f64,
    /// Number of the trial in the ledger. Points that rounding makes one network of share it.
    trial: i64,
    flops: u64,
    /// Top-1 error, percent; none for a trial that failed.
    error: Option<f64>,
}

/// The network of a `phi`.
#[derive(Debug, Serialize)]
struct Made {
    phi: u32,
    name: String,
    pixels: usize,
    flops: u64,
    /// Multiply-adds by those of the base.
    ratio: f64,
    params: u64,
    acts: u64,
    spec: String,
}

impl Compound {
    pub(super) fn run(&self) -> Result<()> {
        let grid = Grid {
            step: self.step,
            largest: self.largest,
            product: self.product,
            tolerance: self.tolerance,
        };
        let prepare = |base: &Spec, _| {
            let mut networks: Vec<(Spec, [f64; 3])> = Vec::new();
            let mut places = Vec::new();
            for point in grid.points()? {
                let spec = network(base, point, 1.0)?;
                let known = networks.iter().position(|(other, _)| same(other, &spec));
                places.push((point, known.unwrap_or(networks.len())));
                if known.is_none() {
                    networks.push((spec, point));
                }
            }
            let Grid {
                step,
                largest,
                product,
                tolerance,
            } = grid;
            let options = format!(
                "step = {step}\nlargest = {largest}\nproduct = {product}\ntolerance = {tolerance}"
            );
            Ok((options, (networks, places)))
        };
        let (mut running, (networks, places)) = self.study.begin("compound", prepare)?;
        running.plan(0, networks.iter().map(|(spec, at)| (spec, at.as_slice())))?;
        running.work()?;
        self.report(&running, &places)
    }

    fn report(&self, running: &Running, places: &[([f64; 3], usize)]) -> Result<()> {
        let trials = running.trials()?;
        let mut grid: Vec<Tried> = places
            .iter()
            .map(|(point, place)| {
                let trial = &trials[*place];
                Tried {
                    alpha: point[0],
                    beta: point[1],
                    gamma: point[2],
                    product: product(*point),
                    trial: trial.id,
                    flops: trial.planned.flops,
                    error: trial.outcome.as_ref().map(|outcome| outcome.top1_error),
                }
            })
            .collect();
        let rank = |one: &Tried| (one.error.unwrap_or(f64::INFINITY), one.flops);
        grid.sort_by(|a, b| {
            rank(a)
                .0
                .total_cmp(&rank(b).0)
                .then(rank(a).1.cmp(&rank(b).1))
        });
        let chosen = grid[0].clone();
        if chosen.error.is_none() {
            let why = trials.iter().find_map(|trial| trial.message.clone());
            return Err(Error::config(
                "triaxis search compound",
                format!("every trial failed: {}", why.unwrap_or_default()),
                "Begin another study with a --recipe that trains",
            ));
        }
        let mut files =
            vec![running.write("trials.svg", &picture::trials(&trials, &[chosen.trial]))?];
        let point = [chosen.alpha, chosen.beta, chosen.gamma];
        let base_flops = running.base.complexity()?.flops;
        let mut networks = Vec::new();
        for phi in 1..=self.phi {
            let spec = network(&running.base, point, f64::from(phi))?;
            let cost = spec.complexity()?;
            files.push(running.write(&format!("{}.toml", spec.name), &spec.to_toml())?);
            networks.push(Made {
                phi,
                name: spec.name.clone(),
                pixels: spec.resolution,
                flops: cost.flops,
                ratio: cost.flops as f64 / base_flops as f64,
                params: cost.params,
                acts: cost.acts,
                spec: spec.to_toml(),
            });
        }
        let report = Report {
            trials: &trials,
            grid,
            chosen,
            networks,
        };
        match self.study.json {
            true => print::json(&report),
            false => print::text(&text(&report, &files)),
        }
    }
}

/// The report for people.
fn text(report: &Report<'_>, files: &[PathBuf]) -> String {
    let rows: Vec<[String; 6]> = report
        .grid
        .iter()
        .map(|one| {
            [
                format!("{:.2}", one.alpha),
                format!("{:.2}", one.beta),
                format!("{:.2}", one.gamma),
                format!("{:.4}", one.product),
                format!("{:.2} M", one.flops as f64 / 1e6),
                one.error
                    .map_or_else(|| "failed".into(), |error| format!("{error:.2} %")),
            ]
        })
        .collect();
    let mut text = print::table(
        ["alpha", "beta", "gamma", "product", "flops", "error"],
        &rows,
    );
    let chosen = &report.chosen;
    text += &format!(
        "\nchosen: depth {}^phi, width {}^phi, resolution {}^phi\n\n",
        chosen.alpha, chosen.beta, chosen.gamma
    );
    let rows: Vec<[String; 6]> = report
        .networks
        .iter()
        .map(|made| {
            [
                format!("phi {}", made.phi),
                made.pixels.to_string(),
                format!("{:.2} M", made.flops as f64 / 1e6),
                format!("{:.3}", made.ratio),
                format!("{:.0}", 2f64.powi(made.phi.cast_signed())),
                format!("{:.3} M", made.params as f64 / 1e6),
            ]
        })
        .collect();
    text += &print::table(
        [
            "network",
            "pixels",
            "flops",
            "times the base's",
            "2^phi",
            "params",
        ],
        &rows,
    );
    text += "\n";
    for path in files {
        text += &format!("{}\n", path.display());
    }
    text
}
