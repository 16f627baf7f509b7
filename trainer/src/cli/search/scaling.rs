//! `triaxis search scaling` and `triaxis search ablation`.

mod report;

use clap::Args;
use triaxis_models::Spec;

use super::study::{Running, StudyOptions};
use crate::cli::print;
use crate::error::{Error, Result};
use crate::study::scaled::{Way, to_factors, to_targets};
use report::Report;

/// Options of `triaxis search scaling`.
#[derive(Debug, Args)]
pub(super) struct Scaling {
    /// How growth is shared: d, w, r, dw, dr, wr, dwr, dWr, orig, alpha=A or weights such as d1_w8_g8_r1; commas
    /// between several
    #[arg(
        long,
        value_name = "S",
        value_delimiter = ',',
        default_value = "w,dw,dwr,dWr",
        help_heading = "Search"
    )]
    strategy: Vec<String>,
    /// Growth of the multiply-adds, with commas between several; 1 is the network itself
    #[arg(
        long,
        value_name = "X",
        value_delimiter = ',',
        default_value = "1,2,4",
        help_heading = "Search"
    )]
    factors: Vec<f64>,
    /// Multiply-adds to scale to, such as 1G,4G, instead of --factors
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = crate::cli::number::count, conflicts_with = "factors",
          help_heading = "Search")]
    target_flops: Vec<u64>,
    #[command(flatten)]
    repeated: Repeated,
    #[command(flatten)]
    pub(super) study: StudyOptions,
}

/// Options of `triaxis search ablation`.
#[derive(Debug, Args)]
pub(super) struct Ablation {
    /// What is shrunk: one dimension alone, or several alike; commas between several ways
    #[arg(
        long,
        value_name = "S",
        value_delimiter = ',',
        default_value = "d,w,r,dr,dwr",
        help_heading = "Search"
    )]
    strategy: Vec<String>,
    /// Multiply-adds to shrink to, such as 200M,100M [default: a half and a quarter of those of --model]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = crate::cli::number::count, help_heading = "Search")]
    target_flops: Vec<u64>,
    #[command(flatten)]
    repeated: Repeated,
    #[command(flatten)]
    pub(super) study: StudyOptions,
}

#[derive(Debug, Args)]
struct Repeated {
    /// Trials of each network, with the seeds --seed, --seed + 1 and so on: error is their mean ± standard deviation
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Search")]
    trials: usize,
}

impl Scaling {
    pub(super) fn run(&self) -> Result<()> {
        let plan = |base: &Spec| match self.target_flops.is_empty() {
            true => to_factors(base, &self.strategy, &self.factors),
            false => to_targets(base, &self.strategy, &self.target_flops),
        };
        study("scaling", &self.study, self.repeated.trials, plan)
    }
}

impl Ablation {
    pub(super) fn run(&self) -> Result<()> {
        let plan = |base: &Spec| {
            let flops = base.complexity()?.flops;
            let targets = match self.target_flops.as_slice() {
                [] => vec![flops / 2, flops / 4],
                given => given.to_vec(),
            };
            to_targets(base, &self.strategy, &targets)
        };
        study("ablation", &self.study, self.repeated.trials, plan)
    }
}

fn study(
    kind: &str,
    options: &StudyOptions,
    trials: usize,
    plan: impl FnOnce(&Spec) -> Result<Vec<Way>>,
) -> Result<()> {
    if trials == 0 {
        return Err(Error::config("--trials", "it is 0", "Give 1 or more"));
    }
    let prepare = |base: &Spec, _| {
        let ways = plan(base)?;
        let names: String = ways
            .iter()
            .map(|way| format!("{}\n", way.spec.name))
            .collect();
        Ok((names, ways))
    };
    let (mut running, ways) = options.begin(kind, prepare)?;
    // Seed after seed, so that more --trials add to those that are there.
    for trial in 0..trials {
        let networks = ways
            .iter()
            .map(|way| (&way.spec, way.multipliers.as_slice()));
        running.plan_with_seed(trial * ways.len(), trial as u64, networks)?;
    }
    running.work()?;
    report(options, &running, &ways)
}

fn report(options: &StudyOptions, running: &Running, ways: &[Way]) -> Result<()> {
    let trials = running.trials()?;
    let report = Report::new(&running.base, ways, &trials)?;
    let mut files = vec![running.write("errors.svg", &report.picture())?];
    for way in ways {
        files.push(running.write(&format!("{}.toml", way.spec.name), &way.spec.to_toml())?);
    }
    match options.json {
        true => print::json(&report),
        false => print::text(&report.text(&files)),
    }
}
