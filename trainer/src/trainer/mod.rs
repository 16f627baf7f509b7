//! Training: two plans, two loaders, and the loop that joins them.

mod averages;
mod diagnose;
pub mod draw;
mod epochs;
mod fit;
mod guard;
mod measure;
mod memory;
mod metrics;
mod mixing;
mod parameters;
mod position;
mod predict;
mod resident;
mod snapshot;
pub(crate) mod step;
mod swa;
mod tune;

use std::sync::Arc;
use std::time::{Duration, Instant};

use triaxis_engine::{Arena, Complexity, Error as EngineError, Gpu, Graph, Mode, Plan};
use triaxis_models::Model;

use crate::data::{Dataset, Loader, LoaderOptions, Split};
use crate::error::{Error, Result};
use crate::recipe::Recipe;
use crate::report::Evaluation;
use crate::schedule::learning_rate;
pub use averages::{Evaluations, WeightKind};
pub use diagnose::{Suspect, Suspects};
use draw::Drawn;
pub use fit::{batch_that_fits, largest_batch};
pub use guard::{Mishaps, OnNan};
pub use memory::{MemoryNeeded, memory_needed};
pub(crate) use memory::{inference_schedule, schedules, training_schedule};
pub use metrics::Sums;
use metrics::{Outcome, Watch};
pub use parameters::{ParameterUpdate, parameter_updates};
use position::Cut;
use step::{Part, Place};

/// A network in training.
///
/// Everything is a function of the recipe and the data: two trainers made alike do the same, bit for bit, whatever the
/// number of loader threads, stopped and resumed or not.
pub struct Trainer {
    gpu: Gpu,
    model: Box<dyn Model>,
    recipe: Recipe,
    side: usize,
    train: Plan,
    train_drawn: Drawn,
    /// Which training pictures the device has, where it keeps them.
    uploaded: Vec<bool>,
    eval: Plan,
    eval_drawn: Drawn,
    loader: Loader,
    eval_loader: Loader,
    measure: Option<measure::Measure>,
    complexity: Complexity,
    epoch: usize,
    batch: usize,
    step: u64,
    classes: Vec<String>,
    swa: swa::WeightSum,
    best: Option<crate::checkpoint::Best>,
    rows: Vec<crate::report::EpochRow>,
    /// The pictures, for their names.
    data: Arc<dyn Dataset>,
    eval_data: Arc<dyn Dataset>,
    policy: OnNan,
    mishaps: Mishaps,
    suspects: Option<Suspects>,
}

/// How the loss is scaled in mixed precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScaling {
    /// What the next step's loss is multiplied by.
    pub scale: f32,
    /// Steps that changed nothing, since f16 did not hold their gradients.
    pub missed: u64,
}

/// Whether to go on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next batch.
    Continue,
    /// No more for now: [`Trainer::train_epoch`] returns with the epoch unfinished.
    Stop,
}

/// Where an epoch stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct StepDone {
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
    /// Steps of the whole run that are done.
    pub step: u64,
    /// Sums over the epoch, a few steps old; `None` before the first have arrived.
    pub sums: Option<Sums>,
    /// Its learning rate.
    pub rate: f64,
    /// How long the step had to wait for its pictures.
    pub waited: Duration,
}

impl Trainer {
    /// Compiles training and evaluation of `model` and sets the first weights from the recipe's seed.
    ///
    /// # Errors
    ///
    /// A recipe or data that cannot be, or a device that is too small: then with the largest batch that would fit.
    pub fn new(
        gpu: &Gpu,
        model: impl Model + 'static,
        data: &Split,
        recipe: &Recipe,
    ) -> Result<Self> {
        recipe.validate()?;
        let side = recipe.img_size.unwrap_or_else(|| model.resolution());
        let classes = data.train.classes().to_vec();
        if classes.len() != model.num_classes() {
            return Err(Error::config(
                "num_classes",
                format!(
                    "{} tells {} classes apart, the data has {}",
                    model.name(),
                    model.num_classes(),
                    classes.len()
                ),
                format!("Give --num-classes {} or leave it out", classes.len()),
            ));
        }
        let n = recipe.batch_size;
        let options = LoaderOptions {
            batch: n,
            side,
            workers: recipe.workers.max(1),
            seed: recipe.seed,
            augmentation: recipe.on_host()?,
            tolerance: recipe.data.damaged.tolerance(),
            stand_in: recipe.data.damaged.stand_in(),
            ..LoaderOptions::default()
        };
        let loader = Loader::new(Arc::clone(&data.train), options.clone())?;
        let options = LoaderOptions {
            shuffle: false,
            drop_last: false,
            augmentation: None,
            resized: Some(recipe.preprocess(side).resized()),
            ..options
        };
        let eval_loader = Loader::new(Arc::clone(&data.validation), options)?;

        let train_drawn = draw::training(&model, recipe, n, side)?;
        let eval_drawn = draw::evaluation(&model, recipe, n, side)?;
        let mut single = Graph::new(Mode::Evaluate);
        let image = single.input("image", [1, side, side, 3]);
        model.forward(&mut single, image)?;
        tune::Tuning::new(&model, recipe)?.check(recipe)?;
        let measuring = measure::drawn(&model, recipe, n, side)?;
        let compile = |drawn: &Drawn| Plan::compile(gpu, &drawn.graph, &drawn.kept());
        let advise = |e| fit::with_advice(e, gpu, &model, recipe, side);
        fit::expect_memory(gpu, [&train_drawn, &eval_drawn], measuring.as_ref()).map_err(advise)?;
        let kept = resident::drawn(gpu, &model, recipe, [n, side], data.train.len())?;
        let kept = kept.filter(|kept| {
            fit::expect_memory(gpu, [kept, &eval_drawn], measuring.as_ref()).is_ok()
        });
        let (train, train_drawn) = match kept.map(|kept| (compile(&kept), kept)) {
            Some((Ok(train), kept)) => (train, kept),
            // Without the memory for all pictures, those of each batch have to do.
            None | Some((Err(EngineError::OutOfMemory { .. }), _)) => {
                (compile(&train_drawn).map_err(advise)?, train_drawn)
            }
            Some((Err(error), _)) => return Err(error.into()),
        };
        let eval = compile(&eval_drawn).map_err(advise)?;
        let measure = measure::Measure::new(gpu, measuring, recipe).map_err(advise)?;
        train.initialise(recipe.seed)?;
        eval.initialise(recipe.seed)?;
        let trainer = Self {
            gpu: gpu.clone(),
            model: Box::new(model),
            recipe: recipe.clone(),
            side,
            train,
            train_drawn,
            uploaded: vec![false; data.train.len()],
            eval,
            eval_drawn,
            loader,
            eval_loader,
            measure,
            complexity: single.complexity(),
            epoch: 0,
            batch: 0,
            step: 0,
            classes,
            swa: swa::WeightSum::default(),
            best: None,
            rows: Vec::new(),
            data: Arc::clone(&data.train),
            eval_data: Arc::clone(&data.validation),
            policy: OnNan::default(),
            mishaps: Mishaps::default(),
            suspects: None,
        };
        trainer.begin_average()?;
        Ok(trainer)
    }

    /// Trains what is left of the epoch; `watch` sees every step and may stop it, behind the update in progress. The sums of the whole epoch, or
    /// `None` where it was stopped. The next epoch begins when [`Trainer::record`] has the outcome of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] at a loss or gradient that is not finite, naming the first node that made it, unless
    /// [`Trainer::on_nan`] says to leave such steps out; with mixed precision, which scales the loss until f16 holds the
    /// gradients, only where no scale does; data that cannot be read; a lost device.
    pub fn train_epoch(&mut self, mut watch: impl FnMut(StepDone) -> Flow) -> Result<Option<Sums>> {
        let epoch = self.epoch as u32;
        if self.batch == 0 {
            self.train.write(self.train_drawn.sums, &[0.0; 8])?;
        }
        let batches = self.loader.batches();
        // A snapshot behind the last batch was taken behind the epoch's end, too.
        let begun = self.batch < batches;
        let mut stop = false;
        let so_far = Sums::new(&self.train.read(self.train_drawn.sums)?);
        let mut pending = Watch::new(so_far);
        let mut ready = self.loader.epoch(epoch, self.batch);
        loop {
            let asked = Instant::now();
            let Some(batch) = ready.next() else { break };
            let waited = asked.elapsed();
            let batch = batch?;
            self.upload(&batch)?;
            let (plan, drawn) = (&self.train, &self.train_drawn);
            step::write(plan, drawn, &self.recipe, &batch, self.place())?;
            #[cfg(feature = "fail-points")]
            crate::faults::before_step(self.step, &self.train)?;
            self.train.run()?;
            self.batch += 1;
            self.step += 1;
            pending.push(self.batch - 1, self.read_outcome()?);
            if self.step.is_multiple_of(guard::STATISTICS_EVERY) {
                pending.look(self.step, self.train.export_later(&Arena::Buffers)?);
            }
            let sums = pending.arrived()?;
            self.judge(&mut pending)?;
            let done = StepDone {
                batch: self.batch,
                batches,
                step: self.step,
                sums,
                rate: self.rate_at(self.epoch, self.batch - 1),
                waited,
            };
            // An update is whole or has not begun wherever a run may stop.
            stop |= watch(done) == Flow::Stop;
            let whole = self.part(self.epoch, self.batch - 1).numbers[2] > 0.0;
            if stop && whole && self.batch < batches {
                pending.finish()?;
                self.judge(&mut pending)?;
                return Ok(None);
            }
        }
        let sums = pending.finish()?;
        self.judge(&mut pending)?;
        let sums = match sums {
            Some(sums) => sums,
            // Resumed behind the last batch.
            None => Sums::new(&self.train.read(self.train_drawn.sums)?),
        };
        if begun {
            self.end_epoch()?;
        }
        Ok(Some(sums))
    }

    /// Evaluates the whole validation set; `watch` hears how many batches are done and may stop it: `None` then.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] where not one loss is finite; data that cannot be read, a lost device.
    pub fn evaluate(
        &mut self,
        weights: WeightKind,
        mut watch: impl FnMut(usize) -> Flow,
    ) -> Result<Option<Evaluation>> {
        let [parameters, buffers] = weights.arenas();
        self.eval
            .copy_arena(&Arena::Parameters, &self.train, &parameters)?;
        self.eval
            .copy_arena(&Arena::Buffers, &self.train, &buffers)?;
        self.eval.write(self.eval_drawn.sums, &[0.0; 8])?;
        let batches = self.eval_batches();
        for (done, batch) in self.eval_loader.epoch(0, 0).enumerate() {
            step::write_batch(&self.eval, &self.eval_drawn, &batch?)?;
            self.eval.run()?;
            if watch(done + 1) == Flow::Stop && done + 1 < batches {
                return Ok(None);
            }
        }
        let sums = Sums::new(&self.eval.read(self.eval_drawn.sums)?);
        if sums.images > 0.0 && sums.non_finite >= sums.images {
            return Err(Error::Diverged {
                step: self.step,
                epoch: self.epoch as u64,
                what: "the loss of every validation picture".into(),
                help: "Checkpoints are as they were before this epoch. Lower --lr or lengthen --warmup-epochs, and begin anew \
                       under another --experiment"
                    .into(),
            });
        }
        Ok(Some(Evaluation {
            loss: sums.loss(),
            top1: sums.top1(),
            top5: sums.top5(),
        }))
    }

    /// Whether the recipe's patience has run out: so many epochs have brought no better top-1 accuracy.
    pub fn stalled(&self) -> bool {
        let best = self.best.as_ref();
        best.is_some_and(|best| best.is_stale(&self.rows, self.recipe.patience))
    }

    /// The epoch in progress, from 0: the number of epochs trained and recorded.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Batches of the epoch in progress that are done.
    pub fn batches_done(&self) -> usize {
        self.batch
    }

    /// Batches of an epoch.
    pub fn batches(&self) -> usize {
        self.loader.batches()
    }

    /// Batches of an evaluation.
    pub fn eval_batches(&self) -> usize {
        self.eval_loader.batches()
    }

    /// Batches done in the whole run: steps, as far as each of them is an update.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Learning rate of the last step.
    pub fn learning_rate(&self) -> f64 {
        let (epoch, batch) = match self.batch {
            0 if self.epoch > 0 => (self.epoch - 1, self.batches()),
            batch => (self.epoch, batch),
        };
        self.rate_at(epoch, batch.saturating_sub(1))
    }

    /// Multiply-adds, parameters and activations of the network for one image.
    pub fn complexity(&self) -> Complexity {
        self.complexity
    }

    /// The training plan: its memory, traffic and profile.
    pub fn plan(&mut self) -> &mut Plan {
        &mut self.train
    }

    /// The pictures that could not be decoded so far, in training and in evaluation.
    pub fn damage(&self) -> [crate::data::Damage; 2] {
        [self.loader.damage(), self.eval_loader.damage()]
    }

    fn rate_at(&self, epoch: usize, step: usize) -> f64 {
        learning_rate(&self.recipe, self.part(epoch, step).position) * self.mishaps.rate
    }

    fn cut(&self) -> Cut {
        Cut {
            batches: self.loader.batches(),
            pictures: self.recipe.batch_size,
        }
    }

    fn part(&self, epoch: usize, batch: usize) -> Part {
        Part::of(&self.recipe, epoch, batch, self.loader.batches())
    }

    /// The batch that is next.
    fn place(&self) -> Place {
        Place {
            epoch: self.epoch as u32,
            batch: self.batch,
            side: self.side,
            rate: self.mishaps.rate,
            part: self.part(self.epoch, self.batch),
            step: self.step,
        }
    }

    /// What a step leaves to be read: the sums of the epoch, and what was made of its gradients.
    fn read_outcome(&self) -> Result<Outcome> {
        let norm = self.train_drawn.step.map(|step| step.norm);
        Ok(Outcome {
            sums: self.train.read_later(self.train_drawn.sums)?,
            norm: norm.map(|norm| self.train.read_later(norm)).transpose()?,
            scale: match self.train_drawn.scale {
                Some(scale) => Some(self.train.read_later(scale.value)?),
                None => None,
            },
        })
    }

    /// Where the loss's scale stands after the steps so far; `None` without mixed precision.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn scaling(&self) -> Result<Option<LossScaling>> {
        let Some(scale) = self.train_drawn.scale else {
            return Ok(None);
        };
        Ok(Some(LossScaling {
            scale: self.train.read(scale.value)?[0],
            missed: self.train.read(scale.steps)?[1] as u64,
        }))
    }
}

#[cfg(test)]
mod tests;
