//! What a recipe chooses by name: optimizer, schedule, average, each with its own numbers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::read::choose;
use crate::error::{Error, Result, suggestion};

/// The rule that turns a gradient into a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
    /// RMSProp as TensorFlow has it: `eps` inside the root, the square average starting at one.
    RmspropTf(RmspropTf),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
}

/// Numbers of [`Optimizer::Sgd`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step that is repeated.
    pub momentum: f64,
    /// Whether the gradient is looked up ahead of the step, as Nesterov has it.
    pub nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self {
            momentum: 0.9,
            nesterov: true,
        }
    }
}

/// Numbers of [`Optimizer::RmspropTf`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmspropTf {
    /// Share of the squared-gradient average that is kept each step.
    pub alpha: f64,
    /// Share of the last step that is repeated.
    pub momentum: f64,
    /// Added under the root.
    pub eps: f64,
}

impl Default for RmspropTf {
    fn default() -> Self {
        Self {
            alpha: 0.9,
            momentum: 0.9,
            eps: 1e-3,
        }
    }
}

/// Numbers of [`Optimizer::AdamW`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// Shares of the gradient and of the squared-gradient averages that are kept each step.
    pub betas: [f64; 2],
    /// Added to the root.
    pub eps: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-8,
        }
    }
}

/// The shape of the learning rate over the epochs, after warm-up. `t` of `T` epochs are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Schedule {
    /// Half a cosine from `lr` down to `min_lr`.
    Cosine,
    /// `lr × beta^(t/T)`.
    Exp(Exp),
    /// `lr × decay_rate^⌊t/decay_epochs⌋`.
    Step(Step),
    /// `lr` throughout.
    Constant,
}

/// Numbers of [`Schedule::Exp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exp {
    /// Fraction of `lr` that is reached after the last epoch.
    pub beta: f64,
}

impl Default for Exp {
    fn default() -> Self {
        Self { beta: 0.02 }
    }
}

/// Numbers of [`Schedule::Step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Epochs between two drops.
    pub decay_epochs: f64,
    /// What the rate is multiplied by at each drop.
    pub decay_rate: f64,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            decay_epochs: 30.0,
            decay_rate: 0.1,
        }
    }
}

/// A moving average of the weights and of the batch-norm statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelEma {
    /// None.
    Off,
    /// As pycls has it: every `period` steps, by a share that grows with the batch and shrinks with the epochs.
    Pycls(PyclsEma),
    /// As timm and TensorFlow have it: every step, by `1 - decay`.
    Decay(DecayEma),
}

/// What `clip_grad` limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ClipMode {
    /// The norm of the whole gradient.
    #[default]
    Norm,
    /// Each number.
    Value,
    /// The norm of the gradient of each output of a layer, as a share of its weights' norm: adaptive gradient clipping
    /// (<https://arxiv.org/abs/2102.06171>), on all layers but the classifier.
    Agc,
}

impl FromStr for ClipMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "norm" => Ok(Self::Norm),
            "value" => Ok(Self::Value),
            "agc" => Ok(Self::Agc),
            _ => Err(Error::config(
                "clip_mode",
                format!("cannot be \"{name}\""),
                suggestion(name, ["norm", "value", "agc"]),
            )),
        }
    }
}

/// Numbers of [`ModelEma::Pycls`]; the share is `min(1, alpha × batch_size / epochs × period)`, and 1 in warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PyclsEma {
    /// Share of the new weights for one image in one epoch.
    pub alpha: f64,
    /// Steps between two updates.
    pub period: usize,
}

impl Default for PyclsEma {
    fn default() -> Self {
        Self {
            alpha: 1e-5,
            period: 32,
        }
    }
}

/// Numbers of [`ModelEma::Decay`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecayEma {
    /// Share of the average that is kept each step.
    pub decay: f64,
    /// Whether the first steps keep less, `min(decay, (1 + n) / (10 + n))` after `n` steps, as TensorFlow has it.
    pub warmup: bool,
}

impl Default for DecayEma {
    fn default() -> Self {
        Self {
            decay: 0.9998,
            warmup: false,
        }
    }
}

impl FromStr for Optimizer {
    type Err = Error;

    /// The optimizer of that name, with its defaults.
    fn from_str(name: &str) -> Result<Self> {
        choose("opt", name)
    }
}

impl FromStr for Schedule {
    type Err = Error;

    /// The schedule of that name, with its defaults.
    fn from_str(name: &str) -> Result<Self> {
        choose("sched", name)
    }
}

impl FromStr for ModelEma {
    type Err = Error;

    /// The average of that name, with its defaults.
    fn from_str(name: &str) -> Result<Self> {
        choose("model_ema", name)
    }
}
