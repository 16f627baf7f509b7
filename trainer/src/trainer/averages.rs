//! The averages of the weights: which there are, where they are kept, how all are evaluated.

use serde::{Deserialize, Serialize};
use triaxis_engine::Arena;

use super::{Flow, Trainer};
use crate::error::Result;
use crate::recipe::ModelEma;
use crate::report::Evaluation;

/// Whose numbers are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightKind {
    /// The weights as trained.
    #[default]
    Raw,
    /// Their moving average over steps.
    Ema,
    /// The mean of those at the ends of epochs.
    Swa,
}

/// How the weights and their averages did on the whole validation set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluations {
    /// The weights as trained.
    pub raw: Evaluation,
    /// Their moving average, where there is one.
    pub ema: Option<Evaluation>,
    /// The mean of the epochs' weights, where there is one.
    pub swa: Option<Evaluation>,
}

impl WeightKind {
    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Raw => "the weights as trained",
            Self::Ema => "the moving average of the weights (EMA)",
            Self::Swa => "the mean of the epochs' weights (SWA)",
        }
    }

    /// In a word.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Raw => "weights",
            Self::Ema => "EMA",
            Self::Swa => "SWA",
        }
    }

    /// Where the training plan keeps parameters and running statistics. [`triaxis_engine::ops::average()`] names those of
    /// the moving average.
    pub(super) fn arenas(self) -> [Arena; 2] {
        match self {
            Self::Raw => [Arena::Parameters, Arena::Buffers],
            Self::Ema => [Arena::OfParameters("average"), Arena::OfBuffers("average")],
            Self::Swa => [Arena::OfParameters("swa"), Arena::OfBuffers("swa")],
        }
    }
}

impl Trainer {
    /// Whether the recipe has a moving average.
    pub(super) fn has_ema(&self) -> bool {
        self.recipe.model_ema != ModelEma::Off
    }

    /// The averages of the weights that there are to evaluate: the mean of epochs' weights begins with the first of them.
    pub fn averages(&self) -> Vec<WeightKind> {
        let ema = self.has_ema().then_some(WeightKind::Ema);
        let swa = (self.swa.epochs > 0).then_some(WeightKind::Swa);
        ema.into_iter().chain(swa).collect()
    }

    /// Sets the moving average of the weights, where there is one, to the weights.
    pub(super) fn begin_average(&self) -> Result<()> {
        if self.has_ema() {
            let [parameters, buffers] = WeightKind::Ema.arenas();
            let train = &self.train;
            train.copy_arena(&parameters, train, &Arena::Parameters)?;
            train.copy_arena(&buffers, train, &Arena::Buffers)?;
        }
        Ok(())
    }

    /// Evaluates the weights and each of their averages; `watch` hears of each how many batches are done and may stop it:
    /// `None` then.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::evaluate`].
    pub fn evaluate_all(
        &mut self,
        mut watch: impl FnMut(usize) -> Flow,
    ) -> Result<Option<Evaluations>> {
        let Some(raw) = self.evaluate(WeightKind::Raw, &mut watch)? else {
            return Ok(None);
        };
        let mut all = Evaluations {
            raw,
            ..Evaluations::default()
        };
        for weights in self.averages() {
            let evaluation = self.evaluate(weights, &mut watch)?;
            if evaluation.is_none() {
                return Ok(None);
            }
            match weights {
                WeightKind::Raw => {}
                WeightKind::Ema => all.ema = evaluation,
                WeightKind::Swa => all.swa = evaluation,
            }
        }
        Ok(Some(all))
    }
}
