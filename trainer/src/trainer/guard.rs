//! What is done about numbers that are not finite.

use serde::{Deserialize, Serialize};
use triaxis_engine::Exported;

use super::Trainer;
use super::diagnose::Cause;
use super::metrics::{Verdict, Watch};
use crate::checkpoint::Snapshot;
use crate::error::{Error, Result};

/// What follows a step whose loss or gradients are not finite. Such a step never changes a weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnNan {
    /// The run ends, and says which node and which pictures it was.
    #[default]
    Stop,
    /// The step is left out and counted; a hundred in a row end the run.
    SkipStep,
    /// The run goes back to its last checkpoint and on at half the learning rate, at most three times.
    Rollback,
}

/// Steps in a row that may be left out: more are no accident.
const MOST_IN_A_ROW: u64 = 100;
/// A scale of the loss below which it is not the scale that makes gradients overflow: thirty halvings of the first.
const LEAST_SCALE: f32 = 1e-4;
/// Steps between two looks at the running statistics of batch norms, which no loss of training tells of. A look reads them
/// all, so it is as rare as a record of the logs is by default.
pub(super) const STATISTICS_EVERY: u64 = 50;
/// How often a run may go back.
const MOST_ROLLBACKS: u32 = 3;
/// Its place among [`State::extra`](crate::checkpoint::State::extra).
const NAME: &str = "mishaps";

/// What a run remembers of its numbers that were not finite; part of its checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mishaps {
    /// Steps that changed no weight, because a gradient was not finite.
    pub skipped: u64,
    /// The last of them in a row.
    pub in_a_row: u64,
    /// How often the run went back to a checkpoint.
    pub rollbacks: u32,
    /// What the learning rate is multiplied by since.
    pub rate: f64,
}

impl Default for Mishaps {
    fn default() -> Self {
        Self {
            skipped: 0,
            in_a_row: 0,
            rollbacks: 0,
            rate: 1.0,
        }
    }
}

impl Mishaps {
    /// Puts them into a snapshot that has none yet, where there are any.
    pub(super) fn save(&self, snapshot: &mut Snapshot) {
        if *self != Self::default() {
            let value = serde_json::to_value(self).expect("they are numbers under names");
            snapshot.state.extra.insert(NAME.into(), value);
        }
    }

    /// Those of a snapshot.
    pub(super) fn of(snapshot: &Snapshot) -> Result<Self, serde_json::Error> {
        match snapshot.state.extra.get(NAME) {
            Some(value) => serde_json::from_value(value.clone()),
            None => Ok(Self::default()),
        }
    }
}

impl Trainer {
    /// Sets what is done about numbers that are not finite.
    pub fn on_nan(&mut self, policy: OnNan) {
        self.policy = policy;
    }

    /// What has happened to the run so far.
    pub fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    /// Whether [`Trainer::roll_back`] may answer the next number that is not finite.
    pub fn may_roll_back(&self) -> bool {
        self.policy == OnNan::Rollback && self.mishaps.rollbacks < MOST_ROLLBACKS
    }

    /// Goes back to a snapshot of this run and on from there at half the learning rate; `path` names it in errors.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::restore`].
    pub fn roll_back(&mut self, snapshot: &Snapshot, path: &std::path::Path) -> Result<()> {
        let Mishaps {
            rollbacks, rate, ..
        } = self.mishaps;
        self.restore(snapshot, path)?;
        self.mishaps.rollbacks = rollbacks + 1;
        self.mishaps.rate = rate / 2.0;
        Ok(())
    }

    /// Judges what batch norms had gathered for evaluation after a step: training goes on without a sign of it where that is
    /// spoilt.
    fn judge_statistics(&self, step: u64, statistics: Vec<Exported>) -> Result<()> {
        let spoilt = |numbers: &[f32]| numbers.iter().any(|x| !x.is_finite());
        match statistics.into_iter().find(|(.., numbers)| spoilt(numbers)) {
            None => Ok(()),
            Some((what, ..)) => Err(Error::Diverged {
                step,
                epoch: self.epoch as u64,
                what,
                help: "Checkpoints are as they were before. Lower --lr or lengthen --warmup-epochs, and begin anew under \
                       another --experiment"
                    .into(),
            }),
        }
    }

    /// Judges the steps and the running statistics whose numbers have arrived.
    pub(super) fn judge(&mut self, watch: &mut Watch) -> Result<()> {
        while let Some(Verdict {
            batch,
            finite,
            updated,
            left_out,
            scale,
        }) = watch.verdict()
        {
            if updated {
                self.mishaps.in_a_row = 0;
            }
            if finite {
                continue;
            }
            // With mixed precision such a step halves the scale of the loss, until f16 holds the next one's gradients.
            if let (Some(scale), false) = (scale, updated) {
                if scale < LEAST_SCALE {
                    return Err(self.diagnose(batch, Cause::EveryScale));
                }
                continue;
            }
            self.mishaps.skipped += u64::from(left_out);
            self.mishaps.in_a_row += u64::from(left_out);
            if self.policy != OnNan::SkipStep || self.mishaps.in_a_row > MOST_IN_A_ROW {
                return Err(self.diagnose(batch, Cause::NotFinite));
            }
        }
        while let Some((step, statistics)) = watch.statistics() {
            self.judge_statistics(step, statistics)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
