//! Losses and hits, counted on the device and read without waiting.

use std::collections::VecDeque;

use triaxis_engine::{Exported, Pending, PendingArena};

use crate::error::Result;

/// Sums over the images of an epoch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Of the losses.
    pub losses: f64,
    /// Images whose class came first.
    pub hits1: f64,
    /// Images whose class was among the first five.
    pub hits5: f64,
    /// Images.
    pub images: f64,
    /// Losses that were not finite.
    pub non_finite: f64,
}

impl Sums {
    /// From the state of [`triaxis_engine::ops::accuracy`].
    pub(super) fn new(state: &[f32]) -> Self {
        let at = |i: usize| state.get(i).map_or(0.0, |&x| f64::from(x));
        Self {
            losses: at(0),
            hits1: at(1),
            hits5: at(2),
            images: at(3),
            non_finite: at(4),
        }
    }

    /// Mean of the losses that were finite.
    pub fn loss(&self) -> f64 {
        self.losses / (self.images - self.non_finite).max(1.0)
    }

    /// Top-1 accuracy in percent.
    pub fn top1(&self) -> f64 {
        100.0 * self.hits1 / self.images.max(1.0)
    }

    /// Top-5 accuracy in percent.
    pub fn top5(&self) -> f64 {
        100.0 * self.hits5 / self.images.max(1.0)
    }
}

/// What a step leaves, on its way.
pub(super) struct Outcome {
    /// Of [`triaxis_engine::ops::accuracy`].
    pub(super) sums: Pending,
    /// Of [`triaxis_engine::ops::gradient_norm`].
    pub(super) norm: Option<Pending>,
    /// What the next step's loss is multiplied by, in mixed precision.
    pub(super) scale: Option<Pending>,
}

/// Whether a step was sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// The batch of the epoch.
    pub(super) batch: usize,
    /// Whether losses and gradients were finite.
    pub(super) finite: bool,
    /// Whether weights changed.
    pub(super) updated: bool,
    /// Whether they did not because a gradient was not finite: a sum of several batches that goes on changes none either.
    pub(super) left_out: bool,
    /// What the next step's loss is multiplied by, in mixed precision.
    pub(super) scale: Option<f32>,
}

/// Reads that are on their way, oldest first.
pub(super) struct Watch {
    pending: VecDeque<(usize, Outcome)>,
    latest: Option<Sums>,
    /// Losses of the epoch that were not finite so far.
    non_finite: f64,
    verdicts: VecDeque<Verdict>,
    /// Running statistics of batch norms after a step, on their way and here.
    looks: VecDeque<(u64, PendingArena)>,
    seen: VecDeque<(u64, Vec<Exported>)>,
}

impl Watch {
    /// Begins where the sums of the epoch stand.
    pub(super) fn new(so_far: Sums) -> Self {
        Self {
            pending: VecDeque::new(),
            latest: None,
            non_finite: so_far.non_finite,
            verdicts: VecDeque::new(),
            looks: VecDeque::new(),
            seen: VecDeque::new(),
        }
    }

    /// Adds the reads that follow a batch.
    pub(super) fn push(&mut self, batch: usize, outcome: Outcome) {
        self.pending.push_back((batch, outcome));
    }

    /// Adds a read of the running statistics that follows a step.
    pub(super) fn look(&mut self, step: u64, statistics: PendingArena) {
        self.looks.push_back((step, statistics));
    }

    /// Takes what has arrived, without waiting; the newest sums so far.
    pub(super) fn arrived(&mut self) -> Result<Option<Sums>> {
        while let Some((batch, outcome)) = self.pending.front_mut() {
            let Some(sums) = outcome.sums.poll()? else {
                break;
            };
            let batch = *batch;
            // The others were submitted with the sums, so they are here or about to be.
            let outcome = self.pending.pop_front().map(|(_, outcome)| outcome);
            let (norm, scale) = outcome.map_or((None, None), |o| (o.norm, o.scale));
            self.take(batch, &sums, norm, scale)?;
        }
        while let Some((step, look)) = self.looks.front_mut() {
            let Some(statistics) = look.poll()? else {
                break;
            };
            self.seen.push_back((*step, statistics));
            self.looks.pop_front();
        }
        Ok(self.latest)
    }

    /// Waits for all.
    pub(super) fn finish(&mut self) -> Result<Option<Sums>> {
        while let Some((batch, outcome)) = self.pending.pop_front() {
            let sums = outcome.sums.wait()?;
            self.take(batch, &sums, outcome.norm, outcome.scale)?;
        }
        while let Some((step, look)) = self.looks.pop_front() {
            self.seen.push_back((step, look.wait()?));
        }
        Ok(self.latest)
    }

    /// The next step that was judged, in order.
    pub(super) fn verdict(&mut self) -> Option<Verdict> {
        self.verdicts.pop_front()
    }

    /// The next running statistics that have arrived, and the step that they follow.
    pub(super) fn statistics(&mut self) -> Option<(u64, Vec<Exported>)> {
        self.seen.pop_front()
    }

    fn take(
        &mut self,
        batch: usize,
        sums: &[f32],
        norm: Option<Pending>,
        scale: Option<Pending>,
    ) -> Result<()> {
        let sums = Sums::new(sums);
        let go = match norm {
            Some(norm) => norm.wait()?.get(GO).copied(),
            None => None,
        };
        let go = go.unwrap_or(1.0);
        let left_out = go == 0.0;
        let finite = !left_out && sums.non_finite <= self.non_finite;
        self.non_finite = sums.non_finite;
        self.verdicts.push_back(Verdict {
            batch,
            finite,
            updated: go > 0.0,
            left_out,
            scale: match scale {
                Some(scale) => scale.wait()?.first().copied(),
                None => None,
            },
        });
        self.latest = Some(sums);
        Ok(())
    }
}

/// The place, in what is made of the gradients, that says whether weights may change.
const GO: usize = 3;
