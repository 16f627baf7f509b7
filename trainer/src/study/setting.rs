//! What all trials of a study share, and one of them trained.

use std::time::Instant;

use triaxis_engine::Gpu;
use triaxis_models::Spec;

use crate::data::Split;
use crate::error::Result;
use crate::ledger::{Outcome, Planned, Trial};
use crate::recipe::Recipe;
use crate::report::EpochRow;
use crate::trainer::{Evaluations, Flow, Trainer};

/// Device, pictures and recipe of a study.
pub struct Setting {
    /// The device.
    pub gpu: Gpu,
    /// The pictures.
    pub data: Split,
    /// The recipe, without a network.
    pub recipe: Recipe,
}

/// Where a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepOf {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
}

impl Setting {
    /// What tells whether the pictures changed: `4000 pictures of 123 bytes, hash …` of both splits.
    pub fn fingerprint(&self) -> String {
        let prints = [&self.data.train, &self.data.validation].map(|data| {
            let print = data.fingerprint();
            let hash: String = print.hash.chars().take(16).collect();
            format!(
                "{} pictures of {} bytes ({hash})",
                print.pictures, print.bytes
            )
        });
        format!("{} to train on and {} to validate on", prints[0], prints[1])
    }

    /// The network for these pictures, with the recipe's dropout.
    pub fn fitted(&self, spec: &Spec) -> Spec {
        let mut spec = spec.clone();
        spec.num_classes = self.data.train.classes().len();
        self.recipe.shape(&mut spec.network);
        spec
    }

    /// The whole recipe of a network's trial.
    pub fn recipe_of(&self, spec: &Spec) -> Recipe {
        Recipe {
            model: spec.name.clone(),
            img_size: Some(spec.resolution),
            num_classes: Some(spec.num_classes),
            weight_decay: Some(self.recipe.decay_for(&spec.network)),
            ..self.recipe.clone()
        }
    }

    /// The trial of a network; `numbers` are the point of the study that it stands for.
    ///
    /// # Errors
    ///
    /// A network that cannot be.
    pub fn planned(&self, spec: &Spec, numbers: &[f64]) -> Result<Planned> {
        let spec = self.fitted(spec);
        let cost = spec.complexity()?;
        let recipe = self.recipe_of(&spec);
        Ok(Planned {
            name: spec.name.clone(),
            network: spec.to_toml(),
            recipe: recipe.settings(),
            seed: recipe.seed,
            flops: cost.flops,
            params: cost.params,
            acts: cost.acts,
            numbers: numbers.to_vec(),
        })
    }

    /// Trains and evaluates a trial's network from its first step; `watch` sees every step and may stop it: `None` then.
    /// The errors are those of the last epoch, of the weights or an average of them, whichever is best.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::new`] and [`Trainer::train_epoch`].
    pub fn train(
        &self,
        trial: &Trial,
        mut watch: impl FnMut(StepOf) -> Flow,
    ) -> Result<Option<Outcome>> {
        let spec = Spec::from_toml(&trial.planned.network)?;
        // Trials of one network differ in their seeds alone.
        let recipe = Recipe {
            seed: trial.planned.seed,
            ..self.recipe_of(&spec)
        };
        let began = Instant::now();
        let mut trainer = Trainer::new(&self.gpu, spec, &self.data, &recipe)?;
        let (epochs, batches) = (recipe.epochs, trainer.batches());
        while trainer.epoch() < epochs && !trainer.stalled() {
            let epoch = trainer.epoch();
            let mut at = |batch| {
                watch(StepOf {
                    epoch,
                    epochs,
                    batch,
                    batches,
                })
            };
            let Some(sums) = trainer.train_epoch(|done| at(done.batch))? else {
                return Ok(None);
            };
            let Some(Evaluations { raw, ema, swa }) = trainer.evaluate_all(|_| at(batches))? else {
                return Ok(None);
            };
            trainer.record(EpochRow {
                epoch: epoch as u64,
                train_loss: sums.loss(),
                eval: raw,
                ema,
                swa,
                lr: trainer.learning_rate(),
                recipe: recipe.settings(),
            });
        }
        let curve = trainer.rows().to_vec();
        let last = curve.last().cloned().unwrap_or_default();
        let (_, end) = last.best();
        Ok(Some(Outcome {
            adapter: format!("{} ({})", self.gpu.info().name, self.gpu.info().driver),
            curve,
            top1_error: 100.0 - end.top1,
            top5_error: 100.0 - end.top5,
            seconds: began.elapsed().as_secs_f64(),
            memory: trainer.plan().memory().total(),
        }))
    }
}
