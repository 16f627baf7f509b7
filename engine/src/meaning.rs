//! What operators compute, as plain data.

use crate::ops::{Activation, Conv2d, Depthwise, Divisor, FusedConv2d, Pool};

/// What an operator computes, as plain data, for passes over graphs and for exporters. Inputs stand in the order given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Meaning {
    /// Nothing that a pass knows.
    #[default]
    Other,
    /// A convolution of `x` by a weight.
    Conv2d(Conv2d),
    /// A convolution of each channel of `x` by a kernel of its own.
    Depthwise(Depthwise),
    /// A convolution of `x` by a weight, plus a bias, and what else was fused into it.
    FusedConv2d {
        /// The convolution and its activations.
        fused: FusedConv2d,
        /// Whether a residual is the next input.
        residual: bool,
        /// Whether a gate is the last input.
        gate: bool,
        /// Whether the mean of each channel over an image is a second output.
        mean: bool,
    },
    /// A weight whose narrow groups are laid side by side for the kernels, and how: the same numbers, and zeros.
    Bundle {
        /// Groups side by side.
        count: usize,
        /// Channels that leave one of them.
        group_out: usize,
    },
    /// Mean and variance of each channel of `x`.
    BatchNormStatistics,
    /// The coefficients of a batch norm, from gamma, beta, running mean and running variance.
    BatchNormCoefficients {
        /// Added to the variance.
        eps: f32,
    },
    /// A batch norm of `x` by such coefficients.
    BatchNorm {
        /// Applied to the result.
        activation: Activation,
    },
    /// dgamma and dbeta of such a batch norm, from `x`, the coefficients and the gradient of the result.
    BatchNormGradSums {
        /// Applied to the result.
        activation: Activation,
    },
    /// The same where the gradient is what [`crate::Reading::Excited`] makes of the third input by the next two.
    ExcitedGradSums {
        /// Applied to the result.
        activation: Activation,
        /// Of an image.
        pixels: usize,
    },
    /// The gradient of what such a batch norm normalises, from `x`, the coefficients and the gradient of the result, and
    /// of batch statistics dgamma and dbeta.
    BatchNormGradInput {
        /// Applied to the result.
        activation: Activation,
    },
    /// The numbers by which such a gradient is made as it is read, from the coefficients and, of batch statistics, dgamma
    /// and dbeta.
    BatchNormGradCoefficients {
        /// Values a channel.
        count: usize,
    },
    /// `x` plus a number a channel.
    Bias,
    /// A function of every number of `x`.
    Activation(Activation),
    /// The gradient of such a function, from `x` and the gradient of the result.
    ActivationGrad(Activation),
    /// `x` times a number for each channel of each image.
    Gate,
    /// These numbers, from the mean of each channel: through a layer of weight and bias, this activation, another such layer
    /// and a sigmoid.
    Excite(Activation),
    /// The gradient of these numbers, from `x` and the gradient of the result.
    GateGradScale,
    /// The sum of two tensors of one shape.
    Add,
    /// The mean of each channel over an image.
    GlobalAvgPool,
    /// To every pixel of an image its share of each channel's number: the gradient of that mean.
    Spread {
        /// Of an image.
        pixels: usize,
    },
    /// The mean under each window.
    AvgPool(Pool, Divisor),
    /// The largest number under each window; padding is smaller than all of them.
    MaxPool(Pool),
}
