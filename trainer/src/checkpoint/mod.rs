//! Checkpoints: one directory, one commit.
//!
//! ```text
//! output/checkpoint-000123/
//!     model.safetensors       weights and batch-norm statistics, under PyTorch's names and layouts
//!     optimizer.safetensors   momenta and the like
//!     ema.safetensors         the moving average of the weights, where there is one
//!     swa.safetensors         the mean of the epochs' weights, where it has begun
//!     swa-sum.safetensors     what that is made of, in f64
//!     state.json              where training stands
//!     MANIFEST.json           size and blake3 of each part, what made them, and a seal over itself
//! output/last, output/best    one line each: the name of a checkpoint directory
//! ```
//!
//! A checkpoint is written beside its place, flushed to the disk, and renamed: that rename is the commit. Whatever ends
//! the process, a directory with the final name is whole. What is read is checked against the manifest first, so
//! nothing damaged is used in silence. Weights and state hold no time, no path and no host name: equal runs write
//! equal bytes.

mod compare;
mod disk;
mod manifest;
mod names;
mod store;
pub mod tensors;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use compare::{Mismatch, compare};
pub use store::{CheckpointStore, Pointer, Standing, follow, load};
pub use tensors::{NamedTensor, TensorFile};

use crate::data::{Fingerprint, Preprocess};
use crate::report::EpochRow;
use crate::trainer::WeightKind;

/// All of a training run at one moment: what is needed to go on as if it had never stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Weights and batch-norm statistics.
    pub model: Vec<NamedTensor>,
    /// What the optimizer remembers.
    pub optimizer: Vec<NamedTensor>,
    /// The moving average of the weights, where the recipe has one.
    pub ema: Option<Vec<NamedTensor>>,
    /// The mean of the epochs' weights, where it has begun.
    pub swa: Option<Swa>,
    /// Where training stands.
    pub state: State,
    /// What made it.
    pub origin: Origin,
}

/// Stochastic weight averaging as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swa {
    /// The mean of the weights, with batch-norm statistics that were measured for it.
    pub mean: Vec<NamedTensor>,
    /// The sum of the weights that the mean is of, [`State::swa_epochs`] of them. The mean alone would not do to go on: it
    /// is rounded.
    pub sum: Vec<NamedTensor<f64>>,
}

/// Where training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Batches done in the whole run. Numbers the checkpoint.
    pub step: u64,
    /// The epoch in progress, from 0.
    pub epoch: u64,
    /// Batches of that epoch that are done.
    pub batch: u64,
    /// Epochs whose weights are in the mean of stochastic weight averaging.
    #[serde(default)]
    pub swa_epochs: u64,
    /// The best evaluation so far.
    pub best: Option<Best>,
    /// A row for each epoch done.
    pub rows: Vec<EpochRow>,
    /// Sums and counts of the epoch in progress, by name.
    pub running: BTreeMap<String, f64>,
    /// What else the trainer wants back: the loss scale and its counters, the kernel table in force.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl State {
    /// What cannot be true of a run, if anything: a checkpoint may be made by anyone.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self {
            epoch, best, rows, ..
        } = self;
        if *epoch > u64::from(u32::MAX) {
            return Some(format!("epoch {epoch} is none that a run reaches"));
        }
        let last = rows.last().map(|row| row.epoch);
        match best {
            Some(best) if last.is_none_or(|last| best.epoch > last) => Some(format!(
                "the best epoch is {}, the last that was evaluated is {}",
                best.epoch,
                last.map_or("none".into(), |last| last.to_string())
            )),
            _ => None,
        }
    }
}

/// The best evaluation of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Top-1 accuracy in percent.
    pub top1: f64,
    /// Which weights reached it. Before there were two averages, this was whether the one did.
    #[serde(alias = "average", deserialize_with = "whose")]
    pub weights: WeightKind,
}

fn whose<'de, D: Deserializer<'de>>(from: D) -> Result<WeightKind, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Weights(WeightKind),
        Averaged(bool),
    }
    Ok(match Told::deserialize(from)? {
        Told::Weights(weights) => weights,
        Told::Averaged(true) => WeightKind::Ema,
        Told::Averaged(false) => WeightKind::Raw,
    })
}

impl Best {
    /// Whether so many epochs have brought nothing better since; never where `patience` is 0.
    pub(crate) fn is_stale(&self, rows: &[EpochRow], patience: usize) -> bool {
        let since = |last: &EpochRow| last.epoch.saturating_sub(self.epoch);
        patience > 0 && rows.last().map_or(0, since) >= patience as u64
    }
}

/// What made a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// [`Recipe::hash`](crate::recipe::Recipe::hash) of the recipe.
    pub recipe: String,
    /// The network as TOML; none where it is code alone, and in checkpoints of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// Version of the code.
    pub code: String,
    /// Name of the adapter, driver included.
    pub adapter: Option<String>,
    /// How pictures were prepared when it was evaluated; none in checkpoints of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<Preprocess>,
    /// The data that it was trained on, and that it was evaluated on; empty in checkpoints of before this was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Fingerprint>,
}

impl Snapshot {
    /// The first number that is not finite, by its name.
    fn first_non_finite(&self) -> Option<String> {
        let lists = [
            ("weight", Some(&self.model)),
            ("optimizer state", Some(&self.optimizer)),
            ("moving average", self.ema.as_ref()),
            ("mean", self.swa.as_ref().map(|swa| &swa.mean)),
        ];
        for (kind, list) in lists {
            if let Some(name) = list.and_then(|list| tensors::first_non_finite(list)) {
                return Some(format!("{kind} {name}"));
            }
        }
        let state = &self.state;
        let rows = state
            .rows
            .iter()
            .flat_map(EpochRow::numbers)
            .map(|(name, x)| (name.to_owned(), x));
        let best = state
            .best
            .iter()
            .map(|best| ("best top1".to_owned(), best.top1));
        let running = state.running.iter().map(|(name, &x)| (name.clone(), x));
        rows.chain(best)
            .chain(running)
            .find(|(_, x)| !x.is_finite())
            .map(|(name, _)| name)
    }
}
