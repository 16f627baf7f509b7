//! Losses and hits, counted on the device and read without waiting.

use std::collections::VecDeque;

use triaxis_engine::Pending;

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

    /// Mean loss.
    pub fn loss(&self) -> f64 {
        self.losses / self.images.max(1.0)
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

/// Reads that are on their way, oldest first.
pub(super) struct Watch {
    pending: VecDeque<(usize, Pending)>,
    latest: Option<Sums>,
    diverged: Option<usize>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            pending: VecDeque::new(),
            latest: None,
            diverged: None,
        }
    }

    /// Adds the read that follows a batch.
    pub(super) fn push(&mut self, batch: usize, read: Pending) {
        self.pending.push_back((batch, read));
    }

    /// Takes what has arrived, without waiting; the newest sums so far.
    pub(super) fn arrived(&mut self) -> Result<Option<Sums>> {
        while let Some((batch, read)) = self.pending.front_mut() {
            let Some(state) = read.poll()? else { break };
            let batch = *batch;
            self.pending.pop_front();
            self.take(batch, &state);
        }
        Ok(self.latest)
    }

    /// Waits for all.
    pub(super) fn finish(&mut self) -> Result<Option<Sums>> {
        while let Some((batch, read)) = self.pending.pop_front() {
            let state = read.wait()?;
            self.take(batch, &state);
        }
        Ok(self.latest)
    }

    /// The first batch whose loss was not finite.
    pub(super) fn diverged(&self) -> Option<usize> {
        self.diverged
    }

    fn take(&mut self, batch: usize, state: &[f32]) {
        let sums = Sums::new(state);
        if sums.non_finite > 0.0 {
            self.diverged.get_or_insert(batch);
        }
        self.latest = Some(sums);
    }
}
