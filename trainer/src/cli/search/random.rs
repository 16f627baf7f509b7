//! `triaxis search random`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use triaxis_models::{Spec, Strategy, scaling};

use super::study::{Running, StudyOptions, range};
use crate::cli::number;
use crate::cli::print;
use crate::error::{Error, Result};
use crate::ledger::Trial;
use crate::study::picture;
use crate::study::random::{Band, Family, Space};

/// Options of `triaxis search random`.
#[derive(Debug, Args)]
pub(super) struct RandomSearch {
    /// Networks to train
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = "Search")]
    trials: usize,
    /// Which RegNet
    #[arg(long, value_enum, default_value_t, help_heading = "Search")]
    family: Regnet,
    /// Multiply-adds that a network may have, such as 475M..525M
    #[arg(long, value_name = "A..B", value_parser = counts, help_heading = "Search")]
    flops: Option<(u64, u64)>,
    /// Parameters that it may have
    #[arg(long, value_name = "A..B", value_parser = counts, help_heading = "Search")]
    params: Option<(u64, u64)>,
    /// Activations that it may have
    #[arg(long, value_name = "A..B", value_parser = counts, help_heading = "Search")]
    acts: Option<(u64, u64)>,
    /// Blocks
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "12..28", help_heading = "Space")]
    depth: (f64, f64),
    /// Channels that the first block wants
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "8..256", help_heading = "Space")]
    w0: (f64, f64),
    /// Channels that each block wants more than the one before
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "8..256", help_heading = "Space")]
    wa: (f64, f64),
    /// Ratio of neighbouring widths
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "2..3", help_heading = "Space")]
    wm: (f64, f64),
    /// Channels a group
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "1..128", help_heading = "Space")]
    group: (f64, f64),
    /// Side of the images, pixels [default: --img-size, or that of --model]
    #[arg(long, value_name = "A..B", value_parser = range, help_heading = "Space")]
    resolution: Option<(f64, f64)>,
    /// Channels of RegNetZ's last convolution; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Space")]
    head: usize,
    /// Scale the best network to --target-flops by this strategy, such as dWr
    #[arg(
        long,
        value_name = "S",
        requires = "target_flops",
        help_heading = "Search"
    )]
    then_scale: Option<Strategy>,
    /// Multiply-adds that the best network is scaled to
    #[arg(long, value_name = "N", value_parser = number::count, requires = "then_scale", help_heading = "Search")]
    target_flops: Option<u64>,
    #[command(flatten)]
    pub(super) study: StudyOptions,
}

/// The families by name.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Regnet {
    /// Bottlenecks with squeeze-and-excite
    Y,
    /// Inverted bottlenecks with linear ends
    #[default]
    Z,
}

/// Reads a band of counts.
fn counts(text: &str) -> Result<(u64, u64), String> {
    match text.split_once("..") {
        Some((low, high)) => Ok((number::count(low)?, number::count(high)?)),
        None => Err("expected two numbers, such as 475M..525M".into()),
    }
}

/// What the study found.
#[derive(Debug, Serialize)]
struct Report<'a> {
    trials: &'a [Trial],
    /// Numbers of the trials that are done, the least error first.
    ranked: Vec<i64>,
    /// Top-1 error that half of the networks do not exceed, percent.
    median_error: f64,
    best: Made,
    scaled: Option<Made>,
}

/// A network and what it costs.
#[derive(Debug, Serialize)]
struct Made {
    name: String,
    pixels: usize,
    flops: u64,
    params: u64,
    acts: u64,
    /// Top-1 error of its trial, percent; none for one that was not trained.
    error: Option<f64>,
    spec: String,
}

impl RandomSearch {
    pub(super) fn run(&self) -> Result<()> {
        if self.trials == 0 {
            return Err(Error::config("--trials", "it is 0", "Give 1 or more"));
        }
        let prepare = |base: &Spec, seed| {
            let side = base.resolution as f64;
            let space = Space {
                family: match self.family {
                    Regnet::Y => Family::Y,
                    Regnet::Z => Family::Z,
                },
                depth: self.depth,
                w0: self.w0,
                wa: self.wa,
                wm: self.wm,
                group: self.group,
                resolution: self.resolution.unwrap_or((side, side)),
                head: self.head,
                band: Band {
                    flops: self.flops,
                    params: self.params,
                    acts: self.acts,
                },
                num_classes: base.num_classes,
                seed,
            };
            Ok((format!("{space:#?}"), space.draw(self.trials)?))
        };
        let (mut running, drawn) = self.study.begin("random", prepare)?;
        running.plan(0, drawn.iter().map(|one| (&one.spec, one.at.as_slice())))?;
        running.work()?;
        self.report(&running)
    }

    fn report(&self, running: &Running) -> Result<()> {
        let trials = running.trials()?;
        let mut ranked: Vec<(&Trial, f64)> = trials
            .iter()
            .filter_map(|trial| Some((trial, trial.outcome.as_ref()?.top1_error)))
            .collect();
        ranked.sort_by(|a, b| {
            a.1.total_cmp(&b.1)
                .then(a.0.planned.flops.cmp(&b.0.planned.flops))
        });
        let errors: Vec<f64> = ranked.iter().map(|(_, error)| *error).collect();
        let (Some((winner, error)), Ok(distribution)) = (
            ranked.first(),
            triaxis_search::statistics::Distribution::new(&errors),
        ) else {
            let why = trials.iter().find_map(|trial| trial.message.clone());
            return Err(Error::config(
                "triaxis search random",
                format!("every trial failed: {}", why.unwrap_or_default()),
                "Begin another study with a --recipe that trains",
            ));
        };
        let spec = Spec::from_toml(&winner.planned.network)?;
        let best = made(&spec, Some(*error))?;
        let scaled = match (&self.then_scale, self.target_flops) {
            (Some(strategy), Some(target)) => {
                let count = |spec: &Spec| Ok(spec.complexity()?.flops);
                let fit = scaling::fit(&spec, target, |s| strategy.at(s), count)?;
                Some(made(&fit.nearest.spec, None)?)
            }
            _ => None,
        };
        let mut files = vec![
            running.write("errors.svg", &picture::distribution(&distribution))?,
            running.write("trials.svg", &picture::trials(&trials, &[winner.id]))?,
        ];
        for made in [Some(&best), scaled.as_ref()].into_iter().flatten() {
            files.push(running.write(&format!("{}.toml", made.name), &made.spec)?);
        }
        let report = Report {
            trials: &trials,
            ranked: ranked.iter().map(|(trial, _)| trial.id).collect(),
            median_error: distribution.median(),
            best,
            scaled,
        };
        match self.study.json {
            true => print::json(&report),
            false => print::text(&text(&report, &ranked, &files)),
        }
    }
}

fn made(spec: &Spec, error: Option<f64>) -> Result<Made> {
    let cost = spec.complexity()?;
    Ok(Made {
        name: spec.name.clone(),
        pixels: spec.resolution,
        flops: cost.flops,
        params: cost.params,
        acts: cost.acts,
        error,
        spec: spec.to_toml(),
    })
}

/// The report for people.
fn text(report: &Report<'_>, ranked: &[(&Trial, f64)], files: &[PathBuf]) -> String {
    let failed = report
        .trials
        .iter()
        .filter(|trial| trial.message.is_some())
        .count();
    let rows: Vec<[String; 6]> = ranked
        .iter()
        .map(|(trial, error)| {
            let pixels = trial.planned.numbers.last().copied().unwrap_or_default();
            [
                trial.planned.name.clone(),
                pixels.to_string(),
                format!("{:.2} M", trial.planned.flops as f64 / 1e6),
                format!("{:.3} M", trial.planned.params as f64 / 1e6),
                format!("{:.3} M", trial.planned.acts as f64 / 1e6),
                format!("{error:.2} %"),
            ]
        })
        .collect();
    let mut text = print::table(
        ["network", "pixels", "flops", "params", "acts", "error"],
        &rows,
    );
    text += &format!(
        "\n{} done, {failed} failed; half of the networks have an error of {:.2} % or less\n\n",
        print::counted(ranked.len(), "trial", "trials"),
        report.median_error
    );
    let chosen = [
        ("best", Some(&report.best)),
        ("scaled", report.scaled.as_ref()),
    ];
    for (what, made) in chosen
        .into_iter()
        .filter_map(|(what, made)| Some((what, made?)))
    {
        text += &format!(
            "{what}: {}, {} pixels; {} multiply-adds, {} parameters, {} activations\n",
            made.name,
            made.pixels,
            print::count(made.flops),
            print::count(made.params),
            print::count(made.acts)
        );
    }
    text += "\n";
    for path in files {
        text += &format!("{}\n", path.display());
    }
    text
}
