//! What every search has: pictures, a recipe, a ledger, and trials to do.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use triaxis_models::Spec;

use super::slurm;
use crate::cli::device::Device;
use crate::cli::links::Links;
use crate::cli::options::RecipeOptions;
use crate::cli::print;
use crate::cli::stop::Stop;
use crate::cli::target::{self, NOTHING};
use crate::data::{DataOptions, open};
use crate::error::{Destination, Error, Result};
use crate::ledger::{Ledger, LedgerOptions, Planned, State, Study, Trial};
use crate::study::{Seen, Setting, work};
use crate::trainer::Flow;

/// Options that every search has.
#[derive(Debug, Args)]
pub(super) struct StudyOptions {
    /// Data: class folders, tar archives, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new(), help_heading = "Data")]
    data_dir: String,
    /// Part of every class held out where the data has no validation of its own
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.1,
        help_heading = "Data"
    )]
    validation_split: f64,
    #[command(flatten)]
    links: Links,
    /// Train on so many of the classes, chosen by the seed [default: all]
    #[arg(long, value_name = "N", help_heading = "Data")]
    classes: Option<usize>,
    /// File that holds every trial. The same command again goes on where it stopped, and several may share it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "study.ledger",
        help_heading = "Study"
    )]
    ledger: PathBuf,
    /// Name of the study in the ledger [default: the search's]
    #[arg(long, value_name = "NAME", help_heading = "Study")]
    study: Option<String>,
    /// Folder that takes pictures and networks
    #[arg(
        long,
        value_name = "DIR",
        default_value = "study",
        help_heading = "Study"
    )]
    out: PathBuf,
    /// Write a Slurm script, whose tasks are workers of this study, instead of training
    #[arg(long, value_name = "FILE", help_heading = "Study")]
    emit_sbatch: Option<PathBuf>,
    /// Tasks of that script
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        requires = "emit_sbatch",
        help_heading = "Study"
    )]
    tasks: usize,
    /// Say nothing but errors while trials are trained
    #[arg(short, long, help_heading = "Study")]
    quiet: bool,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Study")]
    pub(super) json: bool,
    #[command(flatten)]
    recipe: RecipeOptions,
    #[command(flatten)]
    device: Device,
}

/// A study that is under way.
pub(super) struct Running {
    pub(super) ledger: Ledger,
    pub(super) setting: Setting,
    /// The network to begin with, for the pictures.
    pub(super) base: Spec,
    pub(super) name: String,
    out: PathBuf,
    stop: Stop,
    quiet: bool,
}

impl StudyOptions {
    /// Writes the script of --emit-sbatch, where it is asked for; whether that is so, and all is done.
    pub(super) fn emit(&self) -> Result<bool> {
        let Some(path) = &self.emit_sbatch else {
            return Ok(false);
        };
        let data = Path::new(&self.data_dir);
        let inputs = self.recipe.files().chain([data, self.ledger.as_path()]);
        target::file("--emit-sbatch", path, inputs)?;
        let words: Vec<String> = std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        put("--emit-sbatch", path, &slurm::script(&words, self.tasks)?)?;
        print::text(&format!("{0}\nsubmit it with: sbatch {0}", path.display()))?;
        Ok(true)
    }

    /// Opens pictures, device and ledger, and begins the study or goes on with it. `prepare` sees the network to begin with
    /// and the seed, before anything is written; it gives the numbers that decide which networks are tried, in words, and
    /// what else it has found.
    pub(super) fn begin<T>(
        &self,
        kind: &str,
        prepare: impl FnOnce(&Spec, u64) -> Result<(String, T)>,
    ) -> Result<(Running, T)> {
        target::folder("--out", &self.out, NOTHING, NOTHING)?;
        let mut recipe = self.recipe.recipe()?;
        recipe.validate()?;
        if self.recipe.auto_batch() || recipe.initial_checkpoint.is_some() {
            return Err(Error::config(
                "--auto-batch, --initial-checkpoint",
                "they would not be the same for every network of a study",
                "Leave them out",
            ));
        }
        let mut base = Spec::find(&recipe.model)?;
        base.resolution = recipe.img_size.take().unwrap_or(base.resolution);
        let data = open(
            &self.data_dir,
            &DataOptions {
                validation_fraction: self.validation_split,
                seed: recipe.seed,
                synthetic_side: base.resolution,
                follow_links: self.links.follow_links,
            },
        )?;
        let data = match self.classes {
            Some(count) => data.some_classes(count, recipe.seed)?,
            None => data,
        };
        base.num_classes = data.train.classes().len();
        base.check()?;
        recipe.shape(&mut base.network);
        let (options, prepared) = prepare(&base, recipe.seed)?;
        let options = format!("{options}\nbase:\n{}", base.to_toml());
        let stop = Stop::listen(None).map_err(|e| {
            let action = "listen to signals";
            Error::unwritten(Destination::Other, action, &self.ledger, None, e)
        })?;
        let mut ledger = Ledger::open(&self.ledger, &LedgerOptions::default())?;
        let setting = Setting {
            gpu: self.device.open()?,
            data,
            recipe,
        };
        let name = self.study.clone().unwrap_or_else(|| kind.to_owned());
        // Threads change nothing.
        let told = crate::Recipe {
            workers: 0,
            ..setting.recipe.clone()
        };
        ledger.begin(&Study {
            name: name.clone(),
            kind: kind.to_owned(),
            recipe: told.to_toml(),
            data: setting.fingerprint(),
            options,
        })?;
        let running = Running {
            ledger,
            setting,
            base,
            name,
            out: self.out.clone(),
            stop,
            quiet: self.quiet,
        };
        Ok((running, prepared))
    }
}

impl Running {
    /// Adds networks to the study from its place `first` on, with the points that they stand for.
    pub(super) fn plan<'a>(
        &mut self,
        first: usize,
        networks: impl Iterator<Item = (&'a Spec, &'a [f64])>,
    ) -> Result<()> {
        self.plan_with_seed(first, 0, networks)
    }

    /// The same, with `more` added to the recipe's seed.
    pub(super) fn plan_with_seed<'a>(
        &mut self,
        first: usize,
        more: u64,
        networks: impl Iterator<Item = (&'a Spec, &'a [f64])>,
    ) -> Result<()> {
        let planned = networks
            .map(|(spec, at)| {
                let planned = self.setting.planned(spec, at)?;
                Ok(Planned {
                    seed: planned.seed.wrapping_add(more),
                    ..planned
                })
            })
            .collect::<Result<Vec<_>>>()?;
        self.ledger.plan(&self.name, first, &planned)
    }

    /// Does what waits.
    pub(super) fn work(&mut self) -> Result<()> {
        let total = self.trials()?.len();
        let (stop, quiet) = (&self.stop, self.quiet);
        let mut said = false;
        work(&mut self.ledger, &self.name, &self.setting, |seen| {
            match seen {
                Seen::Ended(trial) if !quiet => tell(&ended(trial, total)),
                Seen::Waiting if !quiet && !std::mem::replace(&mut said, true) => {
                    tell("the last trials are in work elsewhere");
                }
                _ => {}
            }
            match stop.requested() {
                true => Flow::Stop,
                false => Flow::Continue,
            }
        })
    }

    /// The study's trials as they are now.
    pub(super) fn trials(&self) -> Result<Vec<Trial>> {
        self.ledger.trials(Some(&self.name))
    }

    /// Writes a file into the study's folder, and gives its path.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.out).map_err(|source| {
            Error::unwritten("--out", "make the folder", &self.out, None, source)
        })?;
        let path = self.out.join(name);
        put("--out", &path, text)?;
        Ok(path)
    }
}

/// Reads two numbers with two dots between them.
pub(super) fn range(text: &str) -> Result<(f64, f64), String> {
    let numbers = text
        .split_once("..")
        .map(|(low, high)| (low.trim().parse(), high.trim().parse()));
    match numbers {
        Some((Ok(low), Ok(high))) => Ok((low, high)),
        _ => Err("expected two numbers, such as 0.35..1.35".into()),
    }
}

fn put(option: &'static str, path: &Path, text: &str) -> Result<()> {
    target::write(option, "write the study's file", path, text)
}

/// A line for people. A terminal that is gone harms no trial.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn ended(trial: &Trial, total: usize) -> String {
    let name = &trial.planned.name;
    let place = trial.place + 1;
    match (&trial.outcome, trial.state) {
        (Some(outcome), _) => format!(
            "trial {place} of {total}: {name}, {:.1} M flops, top-1 error {:.2} %, {:.1} s",
            trial.planned.flops as f64 / 1e6,
            outcome.top1_error,
            outcome.seconds
        ),
        (None, State::Failed) => {
            let why = trial.message.as_deref().unwrap_or_default();
            format!("trial {place} of {total}: {name} failed: {why}")
        }
        (None, state) => format!("trial {place} of {total}: {name} is {}", state.name()),
    }
}
