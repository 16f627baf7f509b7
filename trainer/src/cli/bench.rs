//! `triaxis bench`.

mod compare;
mod output;
mod report;
mod scaling;
mod series;
mod table;

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use triaxis_engine::Precision;

use super::device::Device;
use super::halving::Misfit;
use super::number::at_least;
use super::target;
use crate::bench::{self, Case, Form, Kernels, Settings};
use crate::data::{DataOptions, Split, open};
use crate::error::{Error, Result};
use crate::import;
use crate::recipe::Recipe;
use series::Series;

/// The networks that are measured unless told otherwise.
const MODELS: [&str; 4] = ["efficientnet_b0", "regnetz_4gf", "resnet50", "tinynet_e"];

/// Options of `triaxis bench`.
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inference: latency, throughput, memory, bytes moved
    Models(Models),
    /// Training steps, and the loader beside them
    Training(Training),
    /// Scaled networks: what they cost, and which of their counts tells it best
    Scaling(scaling::Scaling),
    /// PyTorch, ONNX Runtime, ncnn, burn or a command of yours beside it, in turn on the same cases
    Compare(compare::Compare),
    /// Rows as one page: roofline, time by node, time by size, peers
    Report(report::Report),
}

#[derive(Debug, Args)]
struct Models {
    #[command(flatten)]
    cases: Cases,
    /// Images of a batch; may be repeated
    #[arg(short, long, value_name = "IMAGES", default_values_t = [1, 8, 64], value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Vec<u16>,
    /// Store activations as f16
    #[arg(long, conflicts_with = "no_fuse")]
    f16: bool,
    #[command(flatten)]
    written: Written,
    #[command(flatten)]
    device: Device,
}

#[derive(Debug, Args)]
struct Training {
    #[command(flatten)]
    cases: Cases,
    /// Images of a batch; may be repeated
    #[arg(short, long, value_name = "IMAGES", default_values_t = [8, 64], value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Vec<u16>,
    /// How is trained: fast-scaling, efficientnet, tinynet, cifar, finetune, or a TOML file [default: the defaults of train]
    #[arg(long, value_name = "NAME|FILE")]
    recipe: Option<String>,
    /// Mixed precision: activations and their gradients as f16
    #[arg(long)]
    amp: bool,
    /// Measure the loader alone, too: class folders, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    data_dir: Option<String>,
    /// Threads that decode images [default: all cores]
    #[arg(short = 'j', long, value_parser = at_least(1), requires = "data_dir")]
    workers: Option<usize>,
    #[command(flatten)]
    written: Written,
    #[command(flatten)]
    device: Device,
}

/// What is measured, and how often.
#[derive(Debug, Args)]
struct Cases {
    /// Network: a name of `triaxis models`, a TOML or an ONNX file; may be repeated
    #[arg(long, default_values = MODELS)]
    model: Vec<String>,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// Give a row without numbers where a batch does not fit the device, instead of measuring half of it
    #[arg(long)]
    no_retry: bool,
    /// Runs that are measured, after two that warm up
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Add a row for every kernel, the longest first
    #[arg(long)]
    profile: bool,
    /// Write what --profile measured to this file, a Chrome trace for chrome://tracing or ui.perfetto.dev
    #[arg(
        long,
        value_name = "FILE.json",
        requires = "profile",
        help_heading = "Output"
    )]
    trace: Option<PathBuf>,
}

/// Where rows go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct Written {
    /// Append the rows to this file, too, under a header if it is new
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print one JSON document on standard output [default: CSV, on a terminal a table]
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(super) fn run(&self) -> Result<()> {
        match &self.command {
            Command::Models(models) => models.run(),
            Command::Training(training) => training.run(),
            Command::Scaling(scaling) => scaling.run(),
            Command::Compare(compare) => compare.run(),
            Command::Report(report) => report.run(),
        }
    }
}

impl Models {
    fn run(&self) -> Result<()> {
        let form = match (self.device.no_fuse, self.f16) {
            (true, _) => Form::Unfused,
            (false, true) => Form::Fused(Precision::F16),
            (false, false) => Form::Fused(Precision::F32),
        };
        let cases = self.cases.all(&self.batch_size)?;
        let settings = self.cases.settings();
        let series = Series {
            trace: self.cases.trace(&self.written, self.device.files())?,
            device: &self.device,
            cases: &cases,
            misfit: Misfit::of(self.cases.no_retry),
        };
        series.measure(&self.written, |gpu, bench, case| {
            bench::infer(gpu, bench, &settings, case, form)
        })
    }
}

impl Training {
    fn run(&self) -> Result<()> {
        let cases = self.cases.all(&self.batch_size)?;
        let data = self.open_data(&cases)?;
        let recipe = self.recipe.as_deref().map(Recipe::find).transpose()?;
        let recipe = Recipe {
            amp: self.amp || recipe.as_ref().is_some_and(|r| r.amp),
            ..recipe.unwrap_or_default()
        };
        let settings = self.cases.settings();
        let read = [&self.recipe, &self.data_dir];
        let read = read.into_iter().flatten().map(Path::new);
        let read = read.chain(self.device.files());
        let series = Series {
            trace: self.cases.trace(&self.written, read)?,
            device: &self.device,
            cases: &cases,
            misfit: Misfit::of(self.cases.no_retry),
        };
        series.measure(&self.written, |gpu, bench, case| {
            let mut rows = bench::train(gpu, bench, &settings, case, &recipe)?;
            // Beside what was not measured it would tell of another batch than the one that is.
            let data = data.as_ref().filter(|_| rows[0].problem.is_empty());
            if let Some(data) = data {
                let rate = bench::loader_rate(&data.train, case, &recipe, self.workers)?;
                rows[0].loader_images_per_s = Some(rate.per_second);
                rows[0].loader_images_per_cpu_s = rate.per_cpu_second;
            }
            Ok(rows)
        })
    }

    fn open_data(&self, cases: &[Case]) -> Result<Option<Split>> {
        let side = cases.iter().map(|case| case.spec.resolution).max();
        let options = DataOptions {
            synthetic_side: side.unwrap_or(DataOptions::default().synthetic_side),
            ..DataOptions::default()
        };
        let open = |path: &String| open(path, &options);
        Ok(self.data_dir.as_ref().map(open).transpose()?)
    }
}

impl Cases {
    fn all(&self, batch_sizes: &[u16]) -> Result<Vec<Case>> {
        cases(&self.model, self.img_size, batch_sizes)
    }

    fn settings(&self) -> Settings {
        Settings {
            runs: self.runs.into(),
            kernels: match self.profile {
                true => Kernels::Apart,
                false => Kernels::Together,
            },
        }
    }

    /// The file of --trace, which is none of those that the command reads, nor that of --csv.
    fn trace<'a>(
        &'a self,
        written: &Written,
        read: impl Iterator<Item = &'a Path>,
    ) -> Result<Option<PathBuf>> {
        if let Some(path) = &self.trace {
            target::file(
                "--trace",
                path,
                self.model.iter().map(Path::new).chain(read),
            )?;
            if let Some(csv) = &written.csv {
                target::apart(("--trace", path), ("--csv", csv))?;
            }
        }
        Ok(self.trace.clone())
    }
}

/// Every network at every batch size.
pub(super) fn cases(
    models: &[String],
    side: Option<usize>,
    batch_sizes: &[u16],
) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for model in models {
        let mut spec = import::find(model)?;
        spec.resolution = side.unwrap_or(spec.resolution);
        spec.check()?;
        cases.extend(batch_sizes.iter().map(|&batch| Case {
            spec: spec.clone(),
            batch: batch.into(),
        }));
    }
    Ok(cases)
}

/// Whether anything was measured, for the exit code.
#[derive(Debug, Default)]
struct Tally {
    measured: bool,
    /// The first that kept anything from being measured.
    problem: String,
}

impl Tally {
    fn count(&mut self, row: &bench::Row) {
        self.measured |= row.problem.is_empty();
        if self.problem.is_empty() {
            self.problem.clone_from(&row.problem);
        }
    }

    /// What the command ends with: a row that was measured is what it was for.
    fn outcome(self) -> Result<()> {
        if self.measured || self.problem.is_empty() {
            return Ok(());
        }
        Err(Error::Device {
            problem: format!("nothing was measured: {}", self.problem),
            help: "Give a smaller network, --img-size or --batch-size, or more --memory-limit"
                .into(),
        })
    }
}
