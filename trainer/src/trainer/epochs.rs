//! A whole run for a program that has nothing to add to it.

use super::{Flow, Trainer, WeightKind};
use crate::error::Result;
use crate::report::EpochRow;

impl Trainer {
    /// Trains the epochs that the recipe has left and evaluates after each; `watch` hears of every one.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::train_epoch`] and [`Trainer::evaluate`].
    pub fn fit(&mut self, mut watch: impl FnMut(&EpochRow)) -> Result<()> {
        while self.epoch < self.recipe.epochs {
            let epoch = self.epoch as u64;
            let sums = self
                .train_epoch(|_| Flow::Continue)?
                .expect("no step asked to stop");
            let eval = self.evaluate(WeightKind::Raw, |_, _| {})?;
            let average = match self.averages() {
                true => Some(self.evaluate(WeightKind::Average, |_, _| {})?),
                false => None,
            };
            let row = EpochRow {
                epoch,
                train_loss: sums.loss(),
                eval,
                average,
                lr: self.learning_rate(),
            };
            watch(&row);
            self.record(row);
        }
        Ok(())
    }
}
