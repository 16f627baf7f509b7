//! One epoch's batches, made by threads, taken in order.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
};

use super::{
    Batch, Damaged, EXAMPLES, lock,
    source::{Source, panicked},
};
use crate::data::DataError;

/// The batches of one epoch, in order.
pub struct Epoch {
    pub(super) shared: Arc<Shared>,
    pub(super) workers: Vec<JoinHandle<()>>,
    pub(super) damage: Arc<Mutex<Damaged>>,
}

impl Iterator for Epoch {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = self.shared.take(self.workers.is_empty())?;
        let result = made.and_then(|(batch, found)| {
            let mut damaged = lock(&self.damage);
            // A disk that stumbles once is no damage for ever.
            damaged.retain(|index, _| !batch.indices[..batch.valid].contains(index));
            damaged.extend(found);
            let pictures = self.shared.source.data.len();
            let tolerance = self.shared.source.options.tolerance;
            if !tolerance.allows(damaged.len(), pictures) {
                return Err(DataError::TooManyDamaged {
                    damaged: damaged.len(),
                    pictures,
                    tolerance,
                    examples: damaged.values().take(EXAMPLES).cloned().collect(),
                });
            }
            Ok(batch)
        });
        if result.is_err() {
            self.shared.stop();
        }
        Some(result)
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.shared.stop();
        for worker in self.workers.drain(..) {
            // A worker cannot panic: what it runs of others is caught.
            let _ = worker.join();
        }
    }
}

/// A batch with what was found damaged on the way.
pub(super) type Made = Result<(Batch, Damaged), DataError>;

pub(super) struct Shared {
    source: Arc<Source>,
    epoch: u32,
    order: Vec<u32>,
    queue: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    next_to_make: usize,
    next_to_take: usize,
    ready: BTreeMap<usize, Made>,
    stop: bool,
}

impl Shared {
    pub(super) fn new(source: Arc<Source>, epoch: u32, first_batch: usize, queue: usize) -> Self {
        Self {
            order: source.order(epoch),
            epoch,
            source,
            queue,
            state: Mutex::new(State {
                next_to_make: first_batch,
                next_to_take: first_batch,
                ready: BTreeMap::new(),
                stop: false,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            if state.stop || state.next_to_make >= self.source.batches() {
                return;
            }
            if state.next_to_make >= state.next_to_take + self.queue {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let number = state.next_to_make;
            state.next_to_make += 1;
            drop(state);
            let make = || self.make(number);
            // A fault that names no picture must not leave `take` waiting for this batch.
            let made = catch_unwind(AssertUnwindSafe(make))
                .unwrap_or_else(|panic| Some(Err(panicked(format!("batch {number}"), &*panic))));
            state = lock(&self.state);
            if let Some(made) = made {
                state.ready.insert(number, made);
                self.changed.notify_all();
            }
        }
    }

    /// Batch `number`, or none where the epoch was stopped meanwhile.
    fn make(&self, number: usize) -> Option<Made> {
        self.source
            .batch(self.epoch, &self.order, number, || lock(&self.state).stop)
    }

    fn take(&self, alone: bool) -> Option<Made> {
        let mut state = lock(&self.state);
        let number = state.next_to_take;
        if state.stop || number >= self.source.batches() {
            return None;
        }
        if alone {
            drop(state);
            let made = self.make(number)?;
            lock(&self.state).next_to_take += 1;
            return Some(made);
        }
        loop {
            if let Some(made) = state.ready.remove(&number) {
                state.next_to_take += 1;
                self.changed.notify_all();
                return Some(made);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }
}
