//! A run in its directory, from its first step or its last checkpoint to its end.

use std::path::PathBuf;
use std::time::Instant;

use triaxis_engine::Gpu;

use super::Train;
use super::pulse::Pulse;
use super::resume::Resumed;
use super::setup::Setup;
use crate::checkpoint::{CheckpointStore, Standing};
use crate::cli::print::{self, counted};
use crate::cli::stop::{SaveRequest, Stop};
use crate::error::{Error, Result};
use crate::logs::{Logs, Record};
use crate::progress::{Asked, Live, Pass, Phase, Progress};
use crate::report::{EpochRow, Report};
use crate::trainer::{Evaluations, Flow, OnNan, StepDone, Sums, Trainer, WeightKind};

/// Whether somebody asked the run to stop, by a signal or a key.
fn is_asked(progress: &mut Progress, stop: &Stop) -> bool {
    if progress.asked() > Asked::Nothing {
        stop.ask();
    }
    stop.requested()
}

/// A run in its directory.
pub(super) struct Run<'a> {
    pub(super) options: &'a Train,
    pub(super) setup: Setup,
    pub(super) directory: PathBuf,
    pub(super) store: CheckpointStore,
    pub(super) gpu: Gpu,
    pub(super) trainer: Trainer,
    pub(super) progress: Progress,
    pub(super) stop: Stop,
    pub(super) saves: SaveRequest,
    pub(super) logs: Logs,
    pub(super) pulse: Pulse,
    pub(super) report: Report,
    pub(super) speeds: Vec<Option<f64>>,
    /// Whether it was said that a report could not be written.
    pub(super) warned: bool,
    /// When the device was lost last.
    pub(super) lost: Option<Instant>,
    /// Steps left out, as far as that was said.
    pub(super) skipped: u64,
}

impl Run<'_> {
    /// All that is left of the run, from where it stands.
    pub(super) fn whole(&mut self, resumed: Option<Resumed>) -> Result<()> {
        self.begin(resumed)?;
        self.epochs()?;
        self.end()
    }

    /// Writes how it ended into the logs.
    pub(super) fn close(&mut self, outcome: &Result<()>) {
        let text = match outcome {
            Ok(()) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        let step = self.trainer.step();
        self.log(&Record::End { step, text });
    }

    /// A line for people, and for those who read the logs.
    pub(super) fn note(&mut self, line: &str) {
        self.progress.note(line);
        let (step, text) = (self.trainer.step(), line.to_owned());
        self.log(&Record::Note { step, text });
    }

    fn log(&mut self, record: &Record) {
        let warnings = self.logs.write(record);
        warnings.iter().for_each(|line| self.progress.note(line));
    }

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
        let mut notes = self.store.take_notes();
        let is_new = resumed.is_none();
        if let Some((snapshot, found)) = resumed {
            notes.extend(found);
            let now = self.trainer.data_fingerprints();
            let flags = &self.options.data;
            notes.extend(flags.compare(&self.options.data_dir, &snapshot.origin, &now)?);
            self.trainer.restore(&snapshot, &self.directory)?;
            self.speeds = Report::recall_speeds(&self.directory, self.trainer.rows().len());
            if self.options.run.force {
                self.set_aside("args.toml", snapshot.state.step)?;
                self.set_aside("network.toml", snapshot.state.step)?;
            }
            let (epoch, batch) = (self.trainer.epoch(), self.trainer.batches_done());
            let was = snapshot.state.batch;
            notes.push(match was == batch as u64 {
                true if epoch >= self.setup.recipe.epochs => {
                    let epochs = counted(epoch, "epoch", "epochs");
                    format!("the run is complete, with {epochs}; --epochs gives it more")
                }
                true => format!("resumed at epoch {epoch}, step {batch}"),
                false => format!(
                    "resumed at epoch {epoch}, step {batch} of {}, where about as many pictures are done as at step {was} by the \
                     batch size and data of before",
                    self.trainer.batches()
                ),
            });
        }
        self.log(&Record::Start {
            step: self.trainer.step(),
            epoch: self.trainer.epoch() as u64,
            model: self.report.model.clone(),
            adapter: self.report.adapter.clone(),
            recipe: self.report.recipe_hash.clone(),
        });
        notes.iter().for_each(|line| self.note(line));
        self.progress.recall(self.trainer.rows());
        if is_new && self.setup.on_nan == OnNan::Rollback {
            // Something to go back to before the first epoch is over.
            self.save(Standing::Newest)?;
        }
        self.setup.recipe.save(&self.directory.join("args.toml"))?;
        self.setup
            .save_network(&self.directory.join("network.toml"))
    }

    /// Keeps what a run was trained by up to `step`, before it is replaced: `args-000021.toml`.
    fn set_aside(&self, name: &str, step: u64) -> Result<()> {
        let path = self.directory.join(name);
        let kept = name.replace('.', &format!("-{step:06}."));
        let kept = self.directory.join(kept);
        if kept.exists() || !path.exists() {
            return Ok(());
        }
        let copied = std::fs::copy(&path, &kept);
        copied.map_err(|source| Error::disk("keep the recipe of before", &kept, None, source))?;
        Ok(())
    }

    fn save(&mut self, standing: Standing) -> Result<PathBuf> {
        let begin = Instant::now();
        // A request that comes while this one is written is for the next.
        let wanted = self.saves.take();
        let path = self.store.save(&self.trainer.snapshot()?, standing)?;
        for line in self.store.take_notes() {
            self.note(&line);
        }
        if wanted {
            let line = format!("{} is complete, as SIGUSR2 asked", path.display());
            self.note(&line);
        }
        self.log(&Record::Save {
            step: self.trainer.step(),
            seconds: begin.elapsed().as_secs_f64(),
        });
        Ok(path)
    }

    fn epochs(&mut self) -> Result<()> {
        let last = self.options.run.last_epoch(self.setup.recipe.epochs);
        while self.trainer.epoch() < last && !self.trainer.stalled() {
            if let Err(error) = self.epoch() {
                self.recover(error)?;
            } else if self.stop.requested() && self.trainer.epoch() < last {
                return self.stopped();
            }
        }
        if self.trainer.stalled() {
            self.note(&format!(
                "stopped: {} without a better top-1 accuracy (--patience)",
                counted(self.setup.recipe.patience, "epoch", "epochs")
            ));
        }
        Ok(())
    }

    /// What is left of the epoch in progress.
    fn epoch(&mut self) -> Result<()> {
        let epoch = self.trainer.epoch();
        self.progress.begin(self.pass(Phase::Train, epoch));
        let sums = self.train()?;
        let speed = self.progress.end();
        self.evaluate(epoch, &sums, speed)
    }

    /// Trains to the end of the epoch, with checkpoints on the way.
    fn train(&mut self) -> Result<Sums> {
        let every = self.options.run.checkpoint_every.unwrap_or(u64::MAX);
        let images = self.setup.recipe.batch_size;
        self.pulse.begin();
        loop {
            let epoch = self.trainer.epoch() as u64;
            let (progress, stop, saves) = (&mut self.progress, &self.stop, &self.saves);
            let (logs, pulse) = (&mut self.logs, &mut self.pulse);
            #[cfg(feature = "fail-points")]
            let gpu = &self.gpu;
            let watch = |done: StepDone| {
                #[cfg(feature = "fail-points")]
                crate::faults::after_step(done.step, gpu);
                let (loss, top1) = (done.sums.map(|s| s.loss()), done.sums.map(|s| s.top1()));
                if let Some(beat) = pulse.step(done.step, images, done.waited) {
                    let warnings = logs.write(&Record::Step {
                        step: done.step,
                        epoch,
                        loss,
                        top1,
                        lr: done.rate,
                        images_per_second: Some(beat.images_per_second),
                        loader_wait: Some(beat.loader_wait),
                    });
                    warnings.iter().for_each(|line| progress.note(line));
                }
                let last = pulse.last();
                progress.live(Live {
                    lr: Some(done.rate),
                    images_per_second: last.map(|beat| beat.images_per_second),
                    loader_wait: last.map(|beat| beat.loader_wait),
                });
                progress.step(done.batch, loss, top1);
                let save = saves.is_open() || done.step.is_multiple_of(every);
                match is_asked(progress, stop) || save {
                    true => Flow::Stop,
                    false => Flow::Continue,
                }
            };
            if let Some(sums) = self.trainer.train_epoch(watch)? {
                return Ok(sums);
            }
            if self.stop.requested() {
                self.stopped()?;
            }
            self.save(Standing::Newest)?;
        }
    }

    fn evaluate(&mut self, epoch: usize, sums: &Sums, speed: Option<f64>) -> Result<()> {
        self.progress.begin(self.pass(Phase::Evaluate, epoch));
        let Some(Evaluations { raw, ema, swa }) = self.measure()? else {
            return self.stopped();
        };
        self.progress.end();
        let row = EpochRow {
            epoch: epoch as u64,
            train_loss: sums.loss(),
            eval: raw,
            ema,
            swa,
            lr: self.trainer.learning_rate(),
            recipe: self.report.recipe_hash.clone(),
        };
        self.progress.epoch(&row, self.setup.recipe.epochs, speed);
        let skipped = self.trainer.mishaps().skipped;
        if skipped > self.skipped {
            let steps = counted(skipped as usize, "step", "steps");
            let line = format!("{steps} of the run left out: the gradients were not finite");
            self.note(&line);
            self.skipped = skipped;
        }
        let step = self.trainer.step();
        self.log(&Record::Epoch {
            step,
            row: row.clone(),
        });
        let standing = match self.trainer.record(row) {
            true => Standing::Best,
            false => Standing::Newest,
        };
        self.speeds.push(speed);
        self.save(standing)?;
        self.write_report();
        Ok(())
    }

    /// Evaluates the weights and their averages; `None` where the run is to end before that is done.
    fn measure(&mut self) -> Result<Option<Evaluations>> {
        let (progress, stop) = (&mut self.progress, &self.stop);
        self.trainer.evaluate_all(|done| {
            progress.step(done, None, None);
            match is_asked(progress, stop) {
                true => Flow::Stop,
                false => Flow::Continue,
            }
        })
    }

    fn stopped(&mut self) -> Result<()> {
        if self.progress.asked() == Asked::Quit {
            return Err(Error::Interrupted);
        }
        let checkpoint = self.save(Standing::Newest)?;
        Err(Error::Stopped { checkpoint })
    }

    /// What the network says of the validation pictures, for the report: by the weights that did best last.
    fn ask(&mut self) -> Result<()> {
        let last = self.trainer.rows().last();
        let weights = last.map_or(WeightKind::Raw, |row| row.best().0);
        self.progress
            .begin(self.pass(Phase::Evaluate, self.trainer.epoch().saturating_sub(1)));
        let (progress, stop) = (&mut self.progress, &self.stop);
        let watch = |done| {
            progress.step(done, None, None);
            match is_asked(progress, stop) {
                true => Flow::Stop,
                false => Flow::Continue,
            }
        };
        self.report.predictions = self.trainer.predictions(weights, watch)?;
        self.progress.end();
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.ask()?;
        let written = self.write_report();
        for damage in self.trainer.damage() {
            if damage.count > 0 {
                let line = format!(
                    "{} could not be decoded: {}",
                    counted(damage.count, "picture", "pictures"),
                    damage.examples.join("; ")
                );
                self.note(&line);
            }
        }
        if let Some(scaling) = self.trainer.scaling()?.filter(|s| s.missed > 0) {
            let line = format!(
                "{} steps changed nothing: f16 did not hold their gradients, and the loss was scaled down, to {} now",
                scaling.missed, scaling.scale
            );
            self.note(&line);
        }
        // A terminal that was taken is given back before the results are told.
        self.progress.close();
        if self.options.json {
            // Of several trials there is one document, at the end of them all.
            if self.options.run.trials == 1 {
                print::text(&self.report.summary())?;
            }
        } else if !self.options.quiet {
            if let Some(best) = self.trainer.best() {
                let whose = best.weights.label();
                print::text(&format!(
                    "best: {:.2} % top-1 after epoch {} ({whose})",
                    best.top1,
                    best.epoch + 1
                ))?;
            }
            print::text(&format!("checkpoints: {}", self.directory.display()))?;
            if written {
                print::text(&self.directory.join("report.html").display().to_string())?;
            }
        }
        Ok(())
    }

    /// Writes the report; whether it is there. Where it cannot be written, that is told once and stops nothing: the
    /// checkpoint holds all rows, and a later report tells them, too.
    fn write_report(&mut self) -> bool {
        self.report.rows = self.trainer.rows().to_vec();
        self.report.best = self.trainer.best().cloned();
        self.report.images_per_second.clone_from(&self.speeds);
        let written = self.report.write(&self.directory);
        if let Err(error) = &written
            && !std::mem::replace(&mut self.warned, true)
        {
            self.note(&format!("warning: {error}"));
        }
        written.is_ok()
    }

    fn pass(&self, phase: Phase, epoch: usize) -> Pass {
        let (steps, skipped) = match phase {
            Phase::Train => (self.trainer.batches(), self.trainer.batches_done()),
            Phase::Evaluate => (self.trainer.eval_batches(), 0),
        };
        Pass {
            phase,
            epoch,
            epochs: self.setup.recipe.epochs,
            steps,
            skipped,
            batch_size: self.setup.recipe.batch_size,
        }
    }
}
