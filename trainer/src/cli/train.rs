//! `triaxis train`.

mod pulse;
mod recover;
mod resume;
mod run;
mod setup;
mod trials;

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use triaxis_models::{Model, Spec};

use super::device::Device;
use super::options::{DataFlags, LogOptions, RecipeOptions, RunOptions};
use super::print::counted;
use super::stop::{SaveRequest, Stop};
use crate::checkpoint::{CheckpointStore, State};
use crate::data::{DataOptions, Split, open};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::output::OutputLock;
use crate::progress::{About, Progress, Verbosity};
use crate::recipe::Recipe;
use crate::report::EpochRow;
use crate::trainer::batch_that_fits;
use pulse::Pulse;
use resume::{Changes, resume_from};
use run::Run;
use setup::Setup;

/// Options of `triaxis train`.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Data: class folders, tar archives, Parquet files, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
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
    data: DataFlags,
    #[command(flatten)]
    recipe: RecipeOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    logs: LogOptions,
    /// Print the run's summary as JSON on standard output
    #[arg(long, help_heading = "Run")]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long, help_heading = "Run")]
    quiet: bool,
    #[command(flatten)]
    device: Device,
}

/// A run before it begins, or goes on.
#[derive(Clone, Debug)]
struct Start {
    recipe: Recipe,
    spec: Spec,
    /// Where it is written.
    directory: PathBuf,
    saves: SaveRequest,
    /// Which of several trials it is.
    trial: Option<Trial>,
}

/// What a run knows of the others, where it is one of several.
#[derive(Clone, Debug)]
struct Trial {
    /// Its place among them and its seed, in words.
    title: String,
    /// Requests to stop, and the time limit, that all of them share.
    stop: Stop,
    /// Whether an earlier command saw its end: then it is left as it is, unless there is more to train.
    is_known: bool,
}

impl Train {
    pub(super) fn run(&self) -> Result<()> {
        let (recipe, spec) = self.prepared()?;
        let directory = self.run.directory(spec.name())?;
        // First of all: the signal would end a process that does not listen.
        let saves = SaveRequest::listen()
            .map_err(|e| Error::disk("listen to signals", &directory, None, e))?;
        let start = Start {
            recipe,
            spec,
            directory,
            saves,
            trial: None,
        };
        match self.run.trials {
            1 => self.train(start).map(drop),
            _ => self.trials(&start),
        }
    }

    /// Recipe and network as they are given.
    fn prepared(&self) -> Result<(Recipe, Spec)> {
        let mut recipe = self.recipe.recipe()?;
        // The recipe keeps the table, so that a run goes on by the same kernels whatever becomes of the file.
        if let Some(tuned) = self.device.tuned()? {
            recipe.kernels = tuned.kernels;
        }
        recipe.validate()?;
        if recipe.initial_checkpoint.is_none()
            && (!recipe.freeze.is_empty() || recipe.layer_decay < 1.0)
        {
            return Err(Error::config(
                "--freeze, --layer-decay",
                "they spare weights that were trained before, and training would begin from random ones",
                "Give --initial-checkpoint, or leave them out",
            ));
        }
        let spec = Spec::find(&recipe.model)?;
        Ok((recipe, spec))
    }

    /// Trains to the end; a row for each epoch.
    fn train(&self, start: Start) -> Result<Vec<EpochRow>> {
        let Start {
            mut recipe,
            mut spec,
            directory,
            saves,
            trial,
        } = start;
        let side = recipe.img_size.unwrap_or(spec.resolution);
        // Before the data, which may take minutes to list: a second trainer is to hear of the first at once.
        let lock = OutputLock::acquire(&directory)?;
        let data = self.open_data(&recipe, side)?;
        spec.resolution = side;
        spec.num_classes = recipe.num_classes.unwrap_or(data.train.classes().len());
        recipe.shape(&mut spec.network);
        recipe.img_size = Some(side);
        recipe.num_classes = Some(spec.num_classes);
        recipe.weight_decay = Some(recipe.decay_for(&spec.network));

        let mut store = CheckpointStore::open(&directory)?;
        let changes = match self.run.force {
            true => Changes::Forced,
            false => Changes::Safe,
        };
        let stop = match &trial {
            Some(trial) => trial.stop.clone(),
            // From here on, so that a request in the minutes that a device may take to compile is not lost.
            None => Stop::listen(self.run.time_limit)
                .map_err(|e| Error::disk("listen to signals", &directory, None, e))?,
        };
        let gpu = self.device.open_with(&recipe.kernels)?;
        if self.recipe.auto_batch() {
            let fitting = batch_that_fits(&gpu, &spec, &recipe, data.train.len())?;
            (recipe.batch_size, recipe.grad_accum_steps) = fitting;
        }
        let resumed = resume_from(&mut store, &directory, &recipe, &spec, changes)?;
        let mut progress = Progress::new(match self.quiet {
            true => Verbosity::Quiet,
            false => Verbosity::Normal,
        });
        let title = trial.as_ref().map(|trial| trial.title.clone());
        let notes = title.into_iter().chain(lock.notice());
        let notes = notes.chain(data.notes.clone());
        notes.for_each(|note| progress.note(&note));
        if trial.is_some_and(|trial| trial.is_known)
            && let Some((snapshot, found)) = &resumed
            && self.is_over(&snapshot.state, &recipe)
        {
            let now = [&data.train, &data.validation].map(|data| data.fingerprint());
            let changed = self.data.compare(&self.data_dir, &snapshot.origin, &now)?;
            let notes = found.iter().chain(&changed);
            notes.for_each(|note| progress.note(note));
            let epochs = counted(snapshot.state.rows.len(), "epoch", "epochs");
            progress.note(&format!(
                "{}: it was done before, with {epochs}",
                directory.display()
            ));
            return Ok(snapshot.state.rows.clone());
        }
        if self.recipe.auto_batch() {
            progress.note(&format!(
                "{} a batch, {} an update; batch norm counts each batch by itself",
                counted(recipe.batch_size, "image", "images"),
                counted(recipe.grad_accum_steps, "batch", "batches")
            ));
        }
        if recipe.lr_base_size.is_some() {
            let images = counted(recipe.images_an_update(), "image", "images");
            let peak = recipe.peak_lr() as f32;
            progress.note(&format!(
                "{images} an update, for which the peak rate is {peak}"
            ));
        }
        let missing = gpu.info().missing();
        if let Some((name, instead)) = missing.iter().find(|(name, _)| *name == "shader-f16")
            && recipe.amp
        {
            progress.note(&format!("mixed precision, with no {name} here: {instead}"));
        }
        let setup = Setup {
            spec,
            data,
            recipe,
            on_nan: self.run.on_nan,
        };
        let mut trainer = setup.trainer(&gpu)?;
        if resumed.is_none() {
            let notes = setup.begin(&mut trainer)?;
            notes.iter().for_each(|note| progress.note(note));
        }
        if let Some((pictures, bytes)) = trainer.resident() {
            progress.note(&format!(
                "{pictures} training pictures stay in GPU memory, {:.1} MiB: each is uploaded once",
                bytes as f64 / f64::from(1 << 20)
            ));
        }
        if self.logs.tui {
            let about = About {
                model: setup.spec.name().to_owned(),
                adapter: gpu.info().name.clone(),
                memory: trainer.plan().memory().total(),
            };
            progress.dashboard(about);
        }
        let mut run = Run {
            options: self,
            report: setup.report(&trainer, &gpu, &self.data_dir),
            logs: Logs::open(&directory),
            pulse: Pulse::new(self.logs.log_interval),
            setup,
            directory,
            store,
            gpu,
            trainer,
            progress,
            stop,
            saves,
            speeds: Vec::new(),
            warned: false,
            lost: None,
            skipped: 0,
        };
        let outcome = run.whole(resumed);
        run.close(&outcome);
        outcome.map(|()| run.trainer.rows().to_vec())
    }

    /// Whether a run that stands there has nothing left to train.
    fn is_over(&self, state: &State, recipe: &Recipe) -> bool {
        let best = state.best.as_ref();
        state.epoch >= self.run.last_epoch(recipe.epochs) as u64
            || best.is_some_and(|best| best.is_stale(&state.rows, recipe.patience))
    }

    fn open_data(&self, recipe: &Recipe, side: usize) -> Result<Split> {
        let options = DataOptions {
            validation_fraction: self.validation_split,
            seed: recipe.seed,
            synthetic_side: side,
            follow_links: self.data.links.follow_links,
        };
        Ok(open(&self.data_dir, &options)?)
    }
}
