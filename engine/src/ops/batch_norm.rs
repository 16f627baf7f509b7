//! Batch normalisation. Kernels: `shaders/ops/batch_norm.wgsl`. Test: `tests/ops/batch_norm.rs`.

mod gradient;
mod gram;
mod statistics;

use super::Activation;
use super::entry::Incoming;
use crate::{
    Dispatch, Graph, Halves, In, LaunchContext, Meaning, Mode, Op, Out, Result, Shape, Value,
};
pub(crate) use gradient::GradCoefficients;
pub(super) use gradient::GradientParts;
use gradient::{GradInput, GradSums};
pub(crate) use gram::{GramGradGamma, GramGradWeight, GramWeights};
use statistics::{Coefficients, FrozenCoefficients, Statistics};
pub(super) use statistics::{Parts, statistics_of};

/// The vectors of a batch normalisation, each `[1, 1, 1, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNormInputs {
    /// The factor that is learnt, `weight` in files.
    pub gamma: Value,
    /// The summand that is learnt, `bias` in files.
    pub beta: Value,
    /// The mean of the batches seen, moved in training.
    pub running_mean: Value,
    /// The variance of the batches seen, moved in training.
    pub running_var: Value,
}

/// How a batch normalisation is done. The default is PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
    /// The weight of the new batch in the running statistics.
    pub momentum: f32,
    /// What is applied to the result in the same pass.
    pub activation: Activation,
    /// Whether a training graph, too, uses the running statistics and leaves them as they are: fine-tuning with small
    /// batches does. An evaluation graph always does.
    pub frozen: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self {
            eps: 1e-5,
            momentum: 0.1,
            activation: Activation::Identity,
            frozen: false,
        }
    }
}

/// Normalises each channel of `x`, `[n, h, w, c]`, and applies an activation:
/// `activation((x − mean) / √(variance + eps) · gamma + beta)` (Ioffe, Szegedy 2015, <https://arxiv.org/abs/1502.03167>).
///
/// In training, mean and (biased) variance are those of the batch, and the running ones move towards its mean and its
/// unbiased variance; in evaluation they are the running ones.
///
/// # Errors
///
/// [`crate::Error::Shape`] where a vector is not a number a channel, or where training would normalise one value a
/// channel (`n·h·w = 1`), which has no variance.
pub fn batch_norm(
    g: &mut Graph,
    x: Value,
    inputs: BatchNormInputs,
    options: BatchNorm,
) -> Result<Value> {
    let BatchNormInputs {
        gamma,
        beta,
        running_mean,
        running_var,
    } = inputs;
    let frozen = options.frozen || g.mode() == Mode::Evaluate;
    let coefficients = if frozen {
        let made = FrozenCoefficients { eps: options.eps };
        g.apply_one(made, &[gamma, beta, running_mean, running_var])?
    } else {
        let statistics = g.apply_one(Statistics, &[x])?;
        let made = Coefficients {
            eps: options.eps,
            momentum: match g.mode() {
                Mode::Measure => 1.0,
                _ => options.momentum,
            },
            count: g.shape(x).pixels(),
        };
        g.apply_one(made, &[statistics, gamma, beta, running_mean, running_var])?
    };
    let apply = Apply {
        activation: options.activation,
        frozen,
    };
    g.apply_one(apply, &[x, coefficients, gamma, beta])
}

/// Reads gamma and beta through the coefficients; they are inputs for the chain rule.
#[derive(Debug)]
struct Apply {
    activation: Activation,
    frozen: bool,
}

impl Op for Apply {
    fn name(&self) -> &'static str {
        "batch_norm_apply"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn meaning(&self) -> Meaning {
        Meaning::BatchNorm {
            activation: self.activation,
        }
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let expected = coefficients_of(inputs[0].c());
        match inputs[1] == expected {
            true => Ok(vec![inputs[0]]),
            false => Err(format!(
                "a gamma, beta, running mean and variance of {}, one number a channel",
                Shape::vector(inputs[0].c())
            )),
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            let dispatch = kernel("batch_norm_apply", self.activation)
                .params(&[x.vec4s(), threads(x), x.c4(), x.c()])
                .param_f32(0.0)
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images))
                .threads(threads(x));
            cx.push(Incoming::default().finish(dispatch, x, 0));
        }
    }

    /// The whole gradient of the normalisation, through mean and variance too: it is far cheaper as a whole, so the
    /// coefficients get none, and with them the statistics.
    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None; xs.len()]);
        };
        let (x, coefficients, activation) = (xs[0], xs[1], self.activation);
        let incoming = Incoming::default();
        let sums = GradSums {
            activation,
            incoming,
        };
        let sums = g.apply(sums, &[x, coefficients, dy])?;
        let (dgamma, dbeta) = (sums[0], sums[1]);
        let mut inputs = vec![x, coefficients, dy];
        if !self.frozen {
            inputs.extend([dgamma, dbeta]);
        }
        let dx = GradInput {
            activation,
            frozen: self.frozen,
            incoming,
        };
        let dx = g.apply_one(dx, &inputs)?;
        Ok(vec![Some(dx), None, Some(dgamma), Some(dbeta)])
    }
}

/// Threads that work on the images of `x`, each on four channels of as many pixels as make up for reading their
/// coefficients.
fn threads(x: Shape) -> usize {
    x.pixels().div_ceil(8) * x.c4()
}

/// Five numbers a channel, as `shaders/ops/batch_norm.wgsl` lists them.
fn coefficients_of(c: usize) -> Shape {
    Shape([1, 1, 5, c])
}

/// A launch of an entry point that knows the activation.
fn kernel(entry: &'static str, activation: Activation) -> Dispatch {
    Dispatch::new("ops/batch_norm", entry)
        .link("activations")
        .constant("ACTIVATION", activation.code())
}
