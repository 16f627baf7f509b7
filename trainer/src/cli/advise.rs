//! `triaxis advise`.

mod check;
mod measuring;
mod options;
mod report;

use std::path::PathBuf;

use clap::Args;

use super::device::Device;
use super::print;
use super::spec_file::{self, Existing};
use crate::advise::{
    Accuracy, Advisor, Family, Line, Phase, Quantity, Ranking, Rule, Tables, Trials, published,
};
use crate::error::{Error, Result};
use crate::ledger::{Absent, Ledger, LedgerOptions};
use measuring::{Measuring, nothing_measured};
use options::{Errors, Limits, Networks, Training};
use report::Report;

/// Options of `triaxis advise`.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT)]
pub(super) struct Advise {
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    networks: Networks,
    #[command(flatten)]
    errors: Errors,
    #[command(flatten)]
    measuring: Measuring,
    /// Networks to show, the best first
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output")]
    top: u16,
    /// TOML file to write the best network to; `train`, `info` and `scale` take it as MODEL
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a file at --out
    #[arg(long, requires = "out", help_heading = "Output")]
    force: bool,
    /// Print one JSON document on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: Device,
}

/// One paragraph, which is broken where the terminal ends.
const ABOUT: &str = "\
    Step times and latencies are predicted from a few runs on this adapter, which are measured once, in about a minute, \
    and kept in a file. Memory, multiply-adds and parameters are exact. Errors are those of ImageNet's validation \
    pictures, top-1, as the papers print them, on a curve over multiply-adds for each family; with --ledger they are \
    those of your own trials. Loading pictures, evaluation and checkpoints are not in the times.";

impl Advise {
    pub(super) fn run(&self) -> Result<()> {
        if self.measuring.check {
            return check::run(
                &self.measuring,
                &self.device,
                self.training.amp()?,
                self.json,
            );
        }
        let (task, budget) = self.training.task(&self.limits)?;
        let accuracy = self.accuracy()?;
        let families = self.networks.families(&accuracy)?;
        let rules = self.networks.rules()?;
        self.check_out()?;
        let gpu = self.device.open()?;
        let amp = task.recipe.amp;
        let latency = budget.limits(Quantity::Latency);
        let mut phases = vec![Phase::Train];
        phases.extend(latency.then_some(Phase::Infer));
        let measured = self.measuring.measured(&gpu, &phases, amp)?;
        let model = |phase| measured.model(phase, amp);
        let Some(train) = model(Phase::Train)? else {
            return Err(nothing_measured(&gpu));
        };
        let advisor = Advisor {
            limits: *gpu.limits(),
            task,
            budget,
            train,
            infer: model(Phase::Infer)?,
            accuracy,
        };
        if latency && advisor.infer.is_none() {
            return Err(nothing_measured(&gpu));
        }
        let mut ranking = rank(&advisor, &families, &rules)?;
        if ranking.fitting.is_empty() {
            return Err(none(&advisor, &ranking));
        }
        for one in ranking.fitting.iter_mut().take(self.top.into()) {
            advisor.complete(one)?;
        }
        if let Some(path) = &self.out {
            spec_file::write(path, &ranking.fitting[0].spec, Existing::Replace)?;
        }
        let report = Report::new(self, &advisor, &ranking, &measured.place);
        match self.json {
            true => print::json(&report),
            false => print::text(&report.text()),
        }
    }

    fn accuracy(&self) -> Result<Accuracy> {
        let Some(path) = &self.errors.ledger else {
            let length = self.training.length();
            return Ok(Accuracy::Published(Tables::new(length)?));
        };
        let options = LedgerOptions {
            absent: Absent::Refuse,
            ..LedgerOptions::default()
        };
        let ledger = Ledger::open(path, &options)?;
        let trials = Trials::new(&ledger, self.errors.study.as_deref())?;
        Ok(Accuracy::Learned(trials))
    }

    /// Before anything is measured, so that a minute is not for nothing.
    fn check_out(&self) -> Result<()> {
        let Some(path) = &self.out else {
            return Ok(());
        };
        spec_file::check(path)?;
        match path.exists() && !self.force {
            false => Ok(()),
            true => Err(Error::config(
                "--out",
                format!("{} exists", path.display()),
                "Give another file, or --force to replace this one",
            )),
        }
    }
}

fn rank(advisor: &Advisor, families: &[Family], rules: &[Rule]) -> Result<Ranking> {
    let lines = Line::all(families, rules)?;
    advisor.rank(&lines, &published(families)?)
}

/// No network keeps the limits: which come nearest, and by how much they miss.
fn none(advisor: &Advisor, ranking: &Ranking) -> Error {
    let mut near: Vec<_> = ranking
        .beyond
        .iter()
        .filter_map(|one| Some((one, advisor.budget.tightest(&one.cost)?)))
        .collect();
    near.sort_by(|a, b| a.1.share.total_cmp(&b.1.share));
    let mut named: Vec<String> = Vec::new();
    let mut bases: Vec<&str> = Vec::new();
    let mut options: Vec<&str> = Vec::new();
    for (one, tightest) in near {
        if bases.contains(&one.candidate.base.as_str()) || named.len() == 3 {
            continue;
        }
        bases.push(&one.candidate.base);
        if !options.contains(&tightest.quantity.option()) {
            options.push(tightest.quantity.option());
        }
        let amount = one.cost.of(tightest.quantity).unwrap_or(f64::NAN);
        named.push(format!(
            "{} ({} of {}, {:.2} times the limit)",
            one.spec.name,
            tightest.quantity.told(amount),
            tightest.quantity.name(),
            tightest.share
        ));
    }
    if named.is_empty() {
        return Error::config(
            "advise",
            "no network of these families can be made for these pictures on this adapter",
            "Give another --img-size, --family or --strategy",
        );
    }
    Error::config(
        "advise",
        format!(
            "no network keeps the limits; the nearest are {}",
            named.join(", ")
        ),
        format!(
            "Raise {}, or give a smaller --img-size or --batch-size",
            options.join(" and ")
        ),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_help_ends_with_one_paragraph() {
        assert!(!super::ABOUT.contains('\n') && !super::ABOUT.contains("  "));
    }
}
