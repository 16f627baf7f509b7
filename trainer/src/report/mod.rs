//! What a run tells: `summary.csv`, `summary.json` and a page to look at, `report.html`.

pub mod chart;
pub(crate) mod numbers;
pub(crate) mod page;
pub mod panels;
mod predictions;
mod summary;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Best;
use crate::error::{Error, Result};
use crate::output::write_in_output;
use crate::recipe::Recipe;
use crate::trainer::WeightKind;
pub(crate) use predictions::Answer;
pub use predictions::Predictions;

/// What several trials of one run found together, in the folder that they lie in.
pub(crate) const TRIALS: &str = "trials.json";

/// One evaluation over the whole validation set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Pictures whose class came first, in percent.
    pub top1: f64,
    /// Pictures whose class was among the first five, in percent.
    pub top5: f64,
}

/// The outcome of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRow {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Mean training loss over the epoch, with smoothing and mixup.
    pub train_loss: f64,
    /// The weights as trained.
    pub eval: Evaluation,
    /// Their moving average, where there is one. Runs of before there were two averages called theirs `average`.
    #[serde(default, alias = "average")]
    pub ema: Option<Evaluation>,
    /// The mean of the epochs' weights, where there is one.
    #[serde(default)]
    pub swa: Option<Evaluation>,
    /// Learning rate at the last step.
    pub lr: f64,
    /// Hash of the settings that it was trained by; empty in runs of before this was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipe: String,
}

impl EpochRow {
    /// Every number of the row with its name.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, f64)> {
        let mut numbers = vec![
            ("train_loss", self.train_loss),
            ("eval_loss", self.eval.loss),
            ("eval_top1", self.eval.top1),
            ("eval_top5", self.eval.top5),
            ("lr", self.lr),
        ];
        let averages = [
            (["ema_loss", "ema_top1", "ema_top5"], self.ema),
            (["swa_loss", "swa_top1", "swa_top5"], self.swa),
        ];
        for (names, average) in averages {
            if let Some(Evaluation { loss, top1, top5 }) = average {
                numbers.extend(names.into_iter().zip([loss, top1, top5]));
            }
        }
        numbers
    }

    /// The evaluation of these weights, where there are such.
    pub fn of(&self, weights: WeightKind) -> Option<Evaluation> {
        match weights {
            WeightKind::Raw => Some(self.eval),
            WeightKind::Ema => self.ema,
            WeightKind::Swa => self.swa,
        }
    }

    /// The evaluation with the best top-1 accuracy, and whose it is: of equal ones the weights as trained come first.
    pub fn best(&self) -> (WeightKind, Evaluation) {
        let averages = [WeightKind::Ema, WeightKind::Swa];
        let found = averages
            .into_iter()
            .filter_map(|weights| Some((weights, self.of(weights)?)));
        let raw = (WeightKind::Raw, self.eval);
        found.fold(raw, |best, other| match other.1.top1 > best.1.top1 {
            true => other,
            false => best,
        })
    }
}

/// A run as it stands: what it is, what came out so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the network.
    pub model: String,
    /// Side of the images in pixels.
    pub resolution: usize,
    /// Classes told apart.
    pub num_classes: usize,
    /// Multiply-adds for one image.
    pub flops: u64,
    /// Trained numbers.
    pub params: u64,
    /// Outputs of the convolutions for one image.
    pub acts: u64,
    /// The data, in words: "CIFAR-10, class folders".
    pub data: String,
    /// Images trained on each epoch.
    pub train_images: u64,
    /// Images evaluated.
    pub eval_images: u64,
    /// Name of the adapter, driver included.
    pub adapter: String,
    /// [`Recipe::hash`] of the recipe.
    pub recipe_hash: String,
    /// The recipe.
    pub recipe: Recipe,
    /// The best evaluation.
    pub best: Option<Best>,
    /// A row for each epoch done.
    pub rows: Vec<EpochRow>,
    /// Training speed in images/s, for each row where it is known. Not part of a checkpoint, which holds no time.
    pub images_per_second: Vec<Option<f64>>,
    /// What the network says of the validation pictures, once it is trained. For the page alone.
    #[serde(skip)]
    pub predictions: Option<Predictions>,
}

impl Report {
    /// Writes `summary.csv`, `summary.json` and `report.html` into `directory`, each at once.
    ///
    /// All three are made anew from the rows, so after a crash or a resume they never disagree with the checkpoint. One that
    /// cannot be written keeps none of the others.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let files = [
            ("summary.csv", summary::csv(self)),
            ("summary.json", self.summary()),
            ("report.html", self.html()),
        ];
        let write = |(name, text): (&str, String)| {
            let path = directory.join(name);
            write_in_output(&path, text.as_bytes()).map_err(|source| {
                Error::disk("write the report", &path, Some(text.len() as u64), source)
            })
        };
        files.map(write).into_iter().collect()
    }

    /// What `summary.json` says.
    pub fn summary(&self) -> String {
        summary::json(self)
    }

    /// The page: one HTML text with its pictures in it, for a screen of any width, light or dark.
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// The training speeds that an earlier part of the run left in `summary.json`, a number for each of `rows` epochs
    /// where it is known. They are for display only: what cannot be read is left out.
    pub fn recall_speeds(directory: &Path, rows: usize) -> Vec<Option<f64>> {
        summary::recall_speeds(directory, rows)
    }
}
