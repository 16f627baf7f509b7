//! A whole run for a program that has nothing to add to it.

use super::{Evaluations, Flow, Trainer};
use crate::error::Result;
use crate::report::EpochRow;

impl Trainer {
    /// Trains the epochs that the recipe has left and evaluates after each; `watch` hears of every one.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::train_epoch`] and [`Trainer::evaluate`].
    pub fn fit(&mut self, mut watch: impl FnMut(&EpochRow)) -> Result<()> {
        while self.epoch < self.recipe.epochs && !self.stalled() {
            let epoch = self.epoch as u64;
            let sums = self
                .train_epoch(|_| Flow::Continue)?
                .expect("no step asked to stop");
            let evaluations = self.evaluate_all(|_| Flow::Continue)?;
            let Evaluations { raw, ema, swa } = evaluations.expect("no batch asked to stop");
            let row = EpochRow {
                epoch,
                train_loss: sums.loss(),
                eval: raw,
                ema,
                swa,
                lr: self.learning_rate(),
                recipe: self.recipe.settings(),
            };
            watch(&row);
            self.record(row);
        }
        Ok(())
    }
}
