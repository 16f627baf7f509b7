//! A whole run for a program that has nothing to add to it.

use super::{Flow, Trainer, WeightKind};
use crate::error::Result;
use crate::report::{EpochRow, Evaluation};

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
            let eval = self.evaluate_whole(WeightKind::Raw)?;
            let average = match self.averages() {
                true => Some(self.evaluate_whole(WeightKind::Average)?),
                false => None,
            };
            let row = EpochRow {
                epoch,
                train_loss: sums.loss(),
                eval,
                average,
                lr: self.learning_rate(),
                recipe: self.recipe.settings(),
            };
            watch(&row);
            self.record(row);
        }
        Ok(())
    }

    fn evaluate_whole(&mut self, weights: WeightKind) -> Result<Evaluation> {
        let evaluation = self.evaluate(weights, |_| Flow::Continue)?;
        Ok(evaluation.expect("no batch asked to stop"))
    }
}
