//! `triaxis train`.

mod resume;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use triaxis_models::{Model, Network, Spec};

use super::device::Device;
use super::options::{RecipeOptions, RunOptions};
use super::stop::Stop;
use crate::checkpoint::{CheckpointStore, Standing};
use crate::data::{DataOptions, Split, open};
use crate::error::{Error, Result};
use crate::output::OutputLock;
use crate::progress::{Pass, Phase, Progress, Verbosity};
use crate::recipe::{PAPER_DECAY, Recipe};
use crate::report::{EpochRow, Evaluation, Report};
use crate::trainer::{Flow, Sums, Trainer, WeightKind};
use crate::weights::{FitOptions, Weights};
use resume::{Changes, Resumed, resume_from};

/// Options of `triaxis train`.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Data: class folders, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
    #[arg(long, value_name = "PATH", help_heading = "Data")]
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
    recipe: RecipeOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Print the run's summary as JSON on standard output
    #[arg(long, help_heading = "Run")]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long, help_heading = "Run")]
    quiet: bool,
    #[command(flatten)]
    device: Device,
}

impl Train {
    pub(super) fn run(&self) -> Result<()> {
        let mut recipe = self.recipe.recipe()?;
        recipe.validate()?;
        let mut spec = Spec::find(&recipe.model)?;
        let side = recipe.img_size.unwrap_or(spec.resolution);
        let data = self.open_data(&recipe, side)?;
        spec.resolution = side;
        spec.num_classes = recipe.num_classes.unwrap_or(data.train.classes().len());
        spec.network.set_drop(recipe.drop, recipe.drop_path);
        recipe.img_size = Some(side);
        recipe.num_classes = Some(spec.num_classes);
        recipe.weight_decay = recipe.weight_decay.or(Some(match spec.network {
            Network::EfficientNet(_) => 1e-5,
            _ => PAPER_DECAY,
        }));

        let directory = self.run.directory(spec.name());
        let _lock = OutputLock::acquire(&directory)?;
        let mut store = CheckpointStore::open(&directory)?;
        let changes = match self.run.force {
            true => Changes::Forced,
            false => Changes::Safe,
        };
        let resumed = resume_from(&mut store, &directory, &recipe, changes)?;
        // From here on, so that a request in the minutes that a device may take to compile is not lost.
        let stop = Stop::listen(self.run.time_limit)
            .map_err(|e| Error::disk("listen to signals", &directory, None, e))?;
        let gpu = self.device.open()?;
        let mut progress = Progress::new(if self.quiet {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        });
        data.notes.iter().for_each(|note| progress.note(note));
        let mut trainer = Trainer::new(&gpu, spec.clone(), &data, &recipe)?;
        if let (None, Some(path)) = (&resumed, &recipe.initial_checkpoint) {
            let options = FitOptions {
                new_head: true,
                ..FitOptions::default()
            };
            let fitted = Weights::load(Path::new(path))?.fit(&spec, &options)?;
            fitted.notes.iter().for_each(|note| progress.note(note));
            trainer.begin_from(&fitted)?;
        }
        let mut run = Run {
            options: self,
            stop,
            speeds: Vec::new(),
            warned: false,
            report: Report {
                model: spec.name.clone(),
                resolution: side,
                num_classes: spec.num_classes,
                flops: trainer.complexity().flops,
                params: trainer.complexity().params,
                acts: trainer.complexity().acts,
                data: self.data_dir.clone(),
                train_images: data.train.len() as u64,
                eval_images: data.validation.len() as u64,
                adapter: format!("{} ({})", gpu.info().name, gpu.info().driver),
                recipe_hash: recipe.hash(),
                recipe: recipe.clone(),
                ..Report::default()
            },
            recipe,
            directory,
            store,
            trainer,
            progress,
        };
        run.begin(resumed)?;
        run.epochs()?;
        run.end()
    }

    fn open_data(&self, recipe: &Recipe, side: usize) -> Result<Split> {
        let options = DataOptions {
            validation_fraction: self.validation_split,
            seed: recipe.seed,
            synthetic_side: side,
            ..DataOptions::default()
        };
        Ok(open(&self.data_dir, &options)?)
    }
}

/// A line of standard output. What was to be kept is in files by now, so a reader that is gone does no harm.
fn tell(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A run in its directory.
struct Run<'a> {
    options: &'a Train,
    recipe: Recipe,
    directory: PathBuf,
    store: CheckpointStore,
    trainer: Trainer,
    progress: Progress,
    stop: Stop,
    report: Report,
    speeds: Vec<Option<f64>>,
    /// Whether it was said that a report could not be written.
    warned: bool,
}

impl Run<'_> {
    fn begin(&mut self, resumed: Option<Resumed>) -> Result<()> {
        let Report {
            model,
            params,
            flops,
            adapter,
            ..
        } = &self.report;
        let memory = self.trainer.plan().memory().total() >> 20;
        let first = format!(
            "{model}: {params} parameters, {flops} multiply-adds; {memory} MiB to train on {adapter}"
        );
        self.progress.note(&first);
        if let Some((snapshot, notes)) = resumed {
            notes.iter().for_each(|note| self.progress.note(note));
            self.trainer.restore(&snapshot, &self.directory)?;
            self.speeds = Report::recall_speeds(&self.directory, self.trainer.rows().len());
            let (epoch, batch) = (self.trainer.epoch(), self.trainer.batches_done());
            self.progress
                .note(&format!("resumed at epoch {epoch}, step {batch}"));
        }
        self.recipe.save(&self.directory.join("args.toml"))
    }

    fn epochs(&mut self) -> Result<()> {
        let last = self
            .options
            .run
            .stop_after_epoch
            .unwrap_or(self.recipe.epochs)
            .min(self.recipe.epochs);
        while self.trainer.epoch() < last {
            let epoch = self.trainer.epoch();
            self.progress.begin(self.pass(Phase::Train, epoch));
            let sums = self.train()?;
            let speed = self.progress.end();
            self.evaluate(epoch, &sums, speed)?;
            if self.stop.requested() && self.trainer.epoch() < last {
                return self.stopped();
            }
        }
        Ok(())
    }

    /// Trains to the end of the epoch, with checkpoints on the way.
    fn train(&mut self) -> Result<Sums> {
        let every = self.options.run.checkpoint_every.unwrap_or(u64::MAX);
        loop {
            let (progress, stop) = (&mut self.progress, &self.stop);
            let watch = |done: crate::trainer::StepDone| {
                progress.step(
                    done.batch,
                    done.sums.map(|s| s.loss()),
                    done.sums.map(|s| s.top1()),
                );
                let pause = stop.requested() || done.step.is_multiple_of(every);
                if pause { Flow::Stop } else { Flow::Continue }
            };
            if let Some(sums) = self.trainer.train_epoch(watch)? {
                return Ok(sums);
            }
            if self.stop.requested() {
                self.stopped()?;
            }
            self.store
                .save(&self.trainer.snapshot()?, Standing::Newest)?;
        }
    }

    fn evaluate(&mut self, epoch: usize, sums: &Sums, speed: Option<f64>) -> Result<()> {
        self.progress.begin(self.pass(Phase::Evaluate, epoch));
        let Some((eval, average)) = self.measure()? else {
            return self.stopped();
        };
        self.progress.end();
        let row = EpochRow {
            epoch: epoch as u64,
            train_loss: sums.loss(),
            eval,
            average,
            lr: self.trainer.learning_rate(),
        };
        self.progress.epoch(&row, self.recipe.epochs, speed);
        let standing = if self.trainer.record(row) {
            Standing::Best
        } else {
            Standing::Newest
        };
        self.speeds.push(speed);
        self.store.save(&self.trainer.snapshot()?, standing)?;
        if let Err(error) = self.write_report()
            && !std::mem::replace(&mut self.warned, true)
        {
            // The checkpoint holds all rows: a later report tells them, too.
            self.progress.note(&format!("warning: {error}"));
        }
        Ok(())
    }

    /// Evaluates the weights and their average; `None` where the run is to end before that is done.
    fn measure(&mut self) -> Result<Option<(Evaluation, Option<Evaluation>)>> {
        let (progress, stop) = (&mut self.progress, &self.stop);
        let mut watch = |done| {
            progress.step(done, None, None);
            match stop.requested() {
                true => Flow::Stop,
                false => Flow::Continue,
            }
        };
        let Some(raw) = self.trainer.evaluate(WeightKind::Raw, &mut watch)? else {
            return Ok(None);
        };
        if !self.trainer.averages() {
            return Ok(Some((raw, None)));
        }
        let average = self.trainer.evaluate(WeightKind::Average, watch)?;
        Ok(average.map(|average| (raw, Some(average))))
    }

    fn stopped(&mut self) -> Result<()> {
        let checkpoint = self
            .store
            .save(&self.trainer.snapshot()?, Standing::Newest)?;
        Err(Error::Stopped { checkpoint })
    }

    fn end(&mut self) -> Result<()> {
        self.write_report()?;
        for damage in self.trainer.damage() {
            if damage.count > 0 {
                let line = format!(
                    "{} pictures could not be decoded: {}",
                    damage.count,
                    damage.examples.join("; ")
                );
                self.progress.note(&line);
            }
        }
        if self.options.json {
            let path = self.directory.join("summary.json");
            let text = std::fs::read_to_string(&path)
                .map_err(|e| Error::disk("read the summary", &path, None, e))?;
            tell(text.trim_end());
        } else if !self.options.quiet {
            if let Some(best) = self.trainer.best() {
                let whose = if best.average {
                    "averaged weights"
                } else {
                    "weights"
                };
                tell(&format!(
                    "best: {:.2} % top-1 after epoch {} ({whose})",
                    best.top1,
                    best.epoch + 1
                ));
            }
            tell(&format!("checkpoints: {}", self.directory.display()));
            tell(&self.directory.join("report.html").display().to_string());
        }
        Ok(())
    }

    fn write_report(&mut self) -> Result<()> {
        self.report.rows = self.trainer.rows().to_vec();
        self.report.best = self.trainer.best().cloned();
        self.report.images_per_second.clone_from(&self.speeds);
        self.report.write(&self.directory)
    }

    fn pass(&self, phase: Phase, epoch: usize) -> Pass {
        let (steps, skipped) = match phase {
            Phase::Train => (self.trainer.batches(), self.trainer.batches_done()),
            Phase::Evaluate => (self.trainer.eval_batches(), 0),
        };
        Pass {
            phase,
            epoch,
            epochs: self.recipe.epochs,
            steps,
            skipped,
            batch_size: self.recipe.batch_size,
        }
    }
}
