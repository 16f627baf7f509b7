//! `triaxis bench scaling`.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use triaxis_engine::{AdapterKind, Gpu, Precision};
use triaxis_models::Spec;

use super::super::print;
use super::super::target;
use super::{Device, Tally, Written};
use crate::bench::page::{Clock, Rows, Run};
use crate::bench::scaling::{Follows, Group, Scaled, ScaledRow, groups, networks};
use crate::bench::{self, Case, Form, Row, RowFile, Settings};
use crate::error::{Error, Result};
use crate::paper::IMAGENET;
use crate::recipe::Recipe;
use crate::trainer::batch_that_fits;

/// The paper's networks of about half a billion multiply-adds.
const MODELS: [&str; 3] = ["efficientnet_b0", "regnety_500mf", "regnetz_500mf"];

/// The most images a batch that is looked for.
const MOST: usize = 1024;

#[derive(Debug, Args)]
pub(super) struct Scaling {
    /// Network to scale: a name of `triaxis models` or a TOML file; may be repeated
    #[arg(long, default_values = MODELS)]
    model: Vec<String>,
    /// How growth is shared: d, w, r, dw, dr, wr, dwr, dWr, orig, alpha=A or weights such as d1_w8_g8_r1; commas
    /// between several
    #[arg(
        long,
        value_name = "S",
        value_delimiter = ',',
        default_value = "w,dw,dwr,dWr"
    )]
    strategy: Vec<String>,
    /// Growth of the multiply-adds, with commas between several; 1 is the network itself
    #[arg(
        long,
        value_name = "X",
        value_delimiter = ',',
        default_value = "1,2,4,8,16"
    )]
    factors: Vec<f64>,
    /// Images of a batch [default: for each network the largest power of 2 up to 1024 whose training fits into the
    /// device's memory, or --memory-limit]
    #[arg(short, long, value_name = "IMAGES", value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Option<u16>,
    /// What is measured
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Side of the images before scaling, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// Activations as f16, in training their gradients, too
    #[arg(long)]
    amp: bool,
    /// Pictures of an epoch, whose time is reckoned [default: those of ImageNet]
    #[arg(long, value_name = "IMAGES", default_value_t = IMAGENET as u64, hide_default_value = true)]
    epoch_images: u64,
    /// Runs that are measured, after two that warm up
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    #[command(flatten)]
    written: Written,
    /// Page to write, as `bench report` draws it
    #[arg(long, value_name = "PAGE.html", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: Device,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// A whole training step
    #[default]
    Train,
    /// Pictures to logits
    Infer,
}

/// The JSON document.
#[derive(Serialize)]
struct Document<'a> {
    /// Which time counts: `wall` or `processor`.
    clock: &'static str,
    rows: Vec<Flat<'a>>,
    groups: &'a [Group],
}

#[derive(Serialize)]
struct Flat<'a> {
    #[serde(flatten)]
    row: &'a Row,
    #[serde(flatten)]
    scaled: &'a Scaled,
}

impl Scaling {
    pub(super) fn run(&self) -> Result<()> {
        let mut file = self.written.csv.as_deref();
        let mut file = file.take().map(RowFile::<ScaledRow>::open).transpose()?;
        if let Some(out) = &self.out {
            let models = self.model.iter().map(Path::new);
            target::file("--out", out, models.chain(self.written.csv.as_deref()))?;
        }
        let mut all = Vec::new();
        for model in &self.model {
            let mut base = Spec::find(model)?;
            base.resolution = self.img_size.unwrap_or(base.resolution);
            base.check()?;
            all.extend(networks(&base, &self.strategy, &self.factors)?);
        }
        let gpu = self.device.open()?;
        let clock = self.clock(&gpu)?;
        let bench = bench::Bench::new(&gpu)?;
        drop(gpu);
        note(&bench.machine.to_string());
        let mut rows = Vec::new();
        for (spec, mut scaled) in all {
            let row = self.measure(&bench, spec)?;
            if self.mode == Mode::Train {
                let ms = clock.of(&row).map(|ms| ms / row.batch.max(1) as f64);
                let minutes = ms.map(|ms| ms * self.epoch_images as f64 / 60_000.0);
                scaled.epoch_minutes = minutes.map(bench::round);
            }
            match clock.of(&row) {
                Some(ms) => note(&format!("{}: {ms} ms", row.case)),
                None => note(&format!("{}: not measured: {}", row.case, row.problem)),
            }
            let row = [(row, scaled)];
            if let Some(file) = &mut file {
                file.append(&row)?;
            }
            rows.extend(row);
        }
        let mut tally = Tally::default();
        rows.iter().for_each(|(row, _)| tally.count(row));
        let groups = groups(&rows, clock);
        self.write_page(&rows, clock)?;
        let text = format!("{}\n{}", table(&rows, clock), relations(&groups, clock));
        match (self.written.json, stdout().is_terminal()) {
            (true, _) => print::json(&Document {
                clock: clock_name(clock),
                rows: rows
                    .iter()
                    .map(|(row, scaled)| Flat { row, scaled })
                    .collect(),
                groups: &groups,
            })?,
            (false, true) => print::text(&text)?,
            (false, false) => {
                note(&text);
                let lines = RowFile::<ScaledRow>::lines(&rows);
                print::text(&format!("{}\n{lines}", RowFile::<ScaledRow>::header()))?;
            }
        }
        tally.outcome()
    }

    /// A software driver shares its cores with all else that runs, and its memory is not known.
    fn clock(&self, gpu: &Gpu) -> Result<Clock> {
        if gpu.limits().kind == AdapterKind::Gpu {
            return Ok(Clock::Wall);
        }
        if self.batch_size.is_none() && gpu.memory_limit().is_none() {
            return Err(Error::config(
                "--batch-size",
                format!("how much memory {} has is not known", gpu.info().name),
                "Give --batch-size, or --memory-limit",
            ));
        }
        Ok(match bench::cpu_seconds() {
            Some(_) => Clock::Processor,
            None => Clock::Wall,
        })
    }

    /// On a device of its own, so that the first run compiles its kernels.
    fn measure(&self, bench: &bench::Bench, spec: Spec) -> Result<Row> {
        let gpu = self.device.open()?;
        let recipe = Recipe {
            amp: self.amp,
            batch_size: MOST,
            ..Recipe::default()
        };
        let batch = match self.batch_size {
            Some(batch) => batch.into(),
            None => match batch_that_fits(&gpu, &spec, &recipe, MOST) {
                Ok((batch, _)) => batch,
                // Measured as one picture, whose row tells what is missing.
                Err(Error::Engine(_) | Error::Device { .. }) => 1,
                Err(other) => return Err(other),
            },
        };
        let case = Case { spec, batch };
        let settings = Settings {
            runs: self.runs.into(),
            ..Settings::default()
        };
        let mut rows = match self.mode {
            Mode::Train => bench::train(&gpu, bench, &settings, &case, &recipe)?,
            Mode::Infer => {
                let form = match (self.device.no_fuse, self.amp) {
                    (true, _) => Form::Unfused,
                    (false, true) => Form::Fused(Precision::F16),
                    (false, false) => Form::Fused(Precision::F32),
                };
                bench::infer(&gpu, bench, &settings, &case, form)?
            }
        };
        Ok(rows.swap_remove(0))
    }

    fn write_page(&self, rows: &[ScaledRow], clock: Clock) -> Result<()> {
        let Some(out) = &self.out else {
            return Ok(());
        };
        let run = |(row, scaled): &ScaledRow| Run {
            row: row.clone(),
            size: Some(scaled.size()),
            way: Some(scaled.way()),
        };
        let page = Rows {
            runs: rows.iter().map(run).collect(),
            ..Rows::default()
        };
        let html = page.html("Scaled networks", clock);
        target::write("--out", "write the page", out, html)
    }
}

fn clock_name(clock: Clock) -> &'static str {
    match clock {
        Clock::Wall => "wall",
        Clock::Processor => "processor",
    }
}

/// A line on standard error; nobody to tell if that is gone.
fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

fn table(rows: &[ScaledRow], clock: Clock) -> String {
    let heading = [
        "network",
        "pixels",
        "batch",
        "MFLOPs",
        "params M",
        "acts M",
        "memory",
        "ms",
        "ms/image",
        "min/epoch",
    ];
    let millions = |count: u64| format!("{:.2}", count as f64 / 1e6);
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.2}"));
    let line = |(row, scaled): &ScaledRow| {
        let ms = clock.of(row);
        [
            row.model.clone(),
            row.resolution.to_string(),
            row.batch.to_string(),
            millions(scaled.flops),
            millions(scaled.params),
            millions(scaled.acts),
            row.memory_bytes.map_or("-".to_owned(), print::bytes),
            number(ms),
            number(ms.map(|ms| ms / row.batch.max(1) as f64)),
            number(scaled.epoch_minutes),
        ]
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    print::table(heading, &lines)
}

fn relations(groups: &[Group], clock: Clock) -> String {
    let heading = [
        "base",
        "strategy",
        "networks",
        "r flops",
        "r params",
        "r acts",
        "acts line ms",
    ];
    let told = |follows: &Option<Follows>| match follows {
        Some(f) => format!("{:.3} [{:.3}, {:.3}]", f.r, f.low, f.high),
        None => "-".to_owned(),
    };
    let line = |group: &Group| {
        [
            group.base.clone(),
            group.strategy.clone(),
            group.networks.to_string(),
            told(&group.flops),
            told(&group.params),
            told(&group.acts),
            group.acts.map_or("-".to_owned(), |f| {
                format!("{:.3} + {:.3} a million", f.intercept, f.slope)
            }),
        ]
    };
    let lines: Vec<_> = groups.iter().map(line).collect();
    let mut text = print::table(heading, &lines);
    text += match clock {
        Clock::Wall => "Times are by the clock on the wall",
        Clock::Processor => {
            "Times are processor time over all threads, because the adapter is a software driver"
        }
    };
    text += "; r is Pearson's, of the time of an image, with its 95 % interval.\n";
    for group in groups.iter().filter(|group| !group.flop_bound.is_empty()) {
        text += &format!(
            "Slower than its activations tell, so bound by flops, among {} scaled by {}: {}\n",
            group.base,
            group.strategy,
            group.flop_bound.join(", ")
        );
    }
    text
}
