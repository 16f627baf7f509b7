//! One layer of such a list.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use triaxis_engine::ops::{
    self, Activation, BatchNorm, BatchNormInputs, Conv2d, Divisor, Padding, Pool,
};
use triaxis_engine::{
    Error, Graph, Init, Layout, ParameterOptions, ParameterRole, Result, Shape, Value,
};

use crate::check::{self, Checked, within};
use crate::layers::{ActivationName, Style, bias, conv_weight};

/// Longest path of a layer, in bytes.
const LONGEST_NAME: usize = 256;
/// Pixels of a kernel's or a window's side.
const KERNEL: RangeInclusive<usize> = 1..=1024;

/// A layer at its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The path under which it stands, with its parameters: `layer1.0.conv1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it reads: 0 are the images, 1 is what the first layer of the list makes.
    pub inputs: Vec<usize>,
    /// What it computes.
    pub op: LayerOp,
}

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LayerOp {
    /// A convolution. Parameters: `weight`, and `bias` where it has one.
    Conv {
        /// Channels out.
        width: usize,
        /// Side of the kernel, pixels.
        kernel: usize,
        /// Pixels from one output to the next.
        #[serde(default = "one")]
        stride: usize,
        /// What lies around the image.
        #[serde(default)]
        padding: Margin,
        /// Groups that the channels are cut into.
        #[serde(default = "one")]
        groups: usize,
        /// Whether a number is added to each channel.
        #[serde(default)]
        bias: bool,
    },
    /// A fully connected layer of all numbers of an image, `[n, h, w, c]` to `[n, 1, 1, width]`. Parameters: `weight`, and
    /// `bias` where it has one. The last one of a network is as wide as there are classes.
    Linear {
        /// Numbers out.
        width: usize,
        /// Whether a number is added to each.
        #[serde(default)]
        bias: bool,
    },
    /// A number added to each channel. Parameter: `bias`.
    Bias,
    /// Batch norm. Parameters: `weight`, `bias`; buffers: `running_mean`, `running_var`.
    BatchNorm {
        /// Added to a variance before its root is taken.
        eps: f64,
    },
    /// A function of every number.
    Activation {
        /// Which.
        #[serde(with = "ActivationName")]
        kind: Activation,
    },
    /// The sum of two inputs of one shape.
    Add,
    /// The first input, each channel times a number of its image: the second input, of one pixel.
    Gate,
    /// The largest number under each window.
    MaxPool {
        /// Side of the window, pixels.
        kernel: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// What lies around the image.
        #[serde(default)]
        padding: Margin,
    },
    /// The mean under each window.
    AvgPool {
        /// Side of the window, pixels.
        kernel: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// What lies around the image.
        #[serde(default)]
        padding: Margin,
        /// Whether what lies around the image counts.
        #[serde(default)]
        counted: bool,
    },
    /// The mean of each channel over an image.
    GlobalAvgPool,
}

/// How many zeros lie around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// As many on each side.
    Pixels(usize),
    /// As many as the output needs, the odd one right and below.
    Same,
}

impl Default for Margin {
    fn default() -> Self {
        Self::Pixels(0)
    }
}

impl From<Margin> for Padding {
    fn from(margin: Margin) -> Self {
        match margin {
            Margin::Pixels(pixels) => Self::Symmetric(pixels),
            Margin::Same => Self::Same,
        }
    }
}

fn one() -> usize {
    1
}

impl Layer {
    /// Draws the layer, of `xs` in the order of its inputs; of the style, what batch norm and first weights need.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for numbers that make no layer.
    pub fn draw(&self, g: &mut Graph, xs: &[Value], style: &Style) -> Result<Value> {
        let called = match self.name.as_str() {
            "" => "the layer",
            name => name,
        };
        self.check(called).map_err(Error::Graph)?;
        if xs.len() != self.inputs.len() {
            let (given, expected) = (xs.len(), self.inputs.len());
            return Err(Error::Graph(format!(
                "{called} reads {expected} values, got {given}"
            )));
        }
        g.scope(&self.name, |g| self.op.draw(g, xs, style))
    }

    pub(super) fn check(&self, what: &str) -> Checked {
        let (count, expected) = (self.inputs.len(), self.op.inputs());
        if count != expected {
            return Err(format!("{what} reads {count} values, expected {expected}"));
        }
        if self.name.len() > LONGEST_NAME {
            let length = self.name.len();
            return Err(format!(
                "{what} has a name of {length} bytes, expected at most {LONGEST_NAME}"
            ));
        }
        let of = |field| format!("{what}.{field}");
        let window = |kernel, stride, padding| {
            within(&of("kernel"), kernel, &KERNEL)?;
            within(&of("stride"), stride, &check::STRIDE)?;
            match padding {
                Margin::Pixels(pixels) => within(&of("padding"), pixels, &(0..=1024)),
                Margin::Same => Ok(()),
            }
        };
        match self.op {
            LayerOp::Conv {
                width,
                kernel,
                stride,
                padding,
                groups,
                ..
            } => {
                within(&of("width"), width, &check::WIDTH)?;
                within(&of("groups"), groups, &check::WIDTH)?;
                if !width.is_multiple_of(groups) {
                    return Err(format!(
                        "{what}.groups is {groups}, which does not divide the {width} channels"
                    ));
                }
                window(kernel, stride, padding)
            }
            LayerOp::Linear { width, .. } => within(&of("width"), width, &(1..=1_000_000)),
            LayerOp::BatchNorm { eps } => within(&of("eps"), eps, &(0.0..=1.0)),
            LayerOp::MaxPool {
                kernel,
                stride,
                padding,
            }
            | LayerOp::AvgPool {
                kernel,
                stride,
                padding,
                ..
            } => window(kernel, stride, padding),
            LayerOp::Bias
            | LayerOp::Activation { .. }
            | LayerOp::Add
            | LayerOp::Gate
            | LayerOp::GlobalAvgPool => Ok(()),
        }
    }
}

impl LayerOp {
    /// Values that it reads.
    fn inputs(&self) -> usize {
        match self {
            Self::Add | Self::Gate => 2,
            _ => 1,
        }
    }

    pub(super) fn stride(&self) -> usize {
        match *self {
            Self::Conv { stride, .. }
            | Self::MaxPool { stride, .. }
            | Self::AvgPool { stride, .. } => stride,
            _ => 1,
        }
    }

    fn draw(self, g: &mut Graph, xs: &[Value], style: &Style) -> Result<Value> {
        let x = xs[0];
        match self {
            Self::Conv {
                width,
                kernel,
                stride,
                padding,
                groups,
                bias: biased,
            } => {
                let cin = g.shape(x).c() / groups;
                let weight = conv_weight(g, [kernel, kernel, cin, width], groups, style)?;
                let options = Conv2d {
                    stride,
                    padding: padding.into(),
                    groups,
                };
                let y = ops::conv2d(g, x, weight, options)?;
                with_bias(g, y, biased)
            }
            Self::Linear {
                width,
                bias: biased,
            } => {
                let y = linear(g, x, width)?;
                with_bias(g, y, biased)
            }
            Self::Bias => with_bias(g, x, true),
            Self::BatchNorm { eps } => batch_norm(g, x, eps, style),
            Self::Activation { kind } => ops::activation(g, x, kind),
            Self::Add => ops::add(g, x, xs[1]),
            Self::Gate => ops::gate(g, x, xs[1]),
            Self::MaxPool {
                kernel,
                stride,
                padding,
            } => {
                let padding = padding.into();
                let pool = Pool {
                    kernel,
                    stride,
                    padding,
                };
                ops::max_pool(g, x, pool)
            }
            Self::AvgPool {
                kernel,
                stride,
                padding,
                counted,
            } => {
                let padding = padding.into();
                let pool = Pool {
                    kernel,
                    stride,
                    padding,
                };
                let divisor = match counted {
                    true => Divisor::Window,
                    false => Divisor::Pixels,
                };
                ops::avg_pool(g, x, pool, divisor)
            }
            Self::GlobalAvgPool => ops::global_avg_pool(g, x),
        }
    }
}

fn with_bias(g: &mut Graph, x: Value, biased: bool) -> Result<Value> {
    if !biased {
        return Ok(x);
    }
    let channels = g.shape(x).c();
    let b = bias(g, channels)?;
    ops::bias(g, x, b)
}

/// Of an image of several pixels this is a convolution by a kernel as large: files have the weight's numbers in that order.
fn linear(g: &mut Graph, x: Value, width: usize) -> Result<Value> {
    let Shape([_, h, w, c]) = g.shape(x);
    if h != w {
        return Err(Error::Graph(format!(
            "{}: a linear layer reads {h}×{w} pixels, expected as many rows as columns",
            g.path()
        )));
    }
    let options = ParameterOptions {
        layout: match h {
            1 => Layout::Linear,
            _ => Layout::Conv,
        },
        init: Init::Uniform {
            bound: 1.0 / ((h * w * c).max(1) as f32).sqrt(),
        },
        decay: true,
        ..ParameterOptions::default()
    };
    let weight = g.parameter("weight", [h, w, c, width], options)?;
    ops::conv2d(g, x, weight, Conv2d::default())
}

fn batch_norm(g: &mut Graph, x: Value, eps: f64, style: &Style) -> Result<Value> {
    let shape = Shape::vector(g.shape(x).c());
    let vector = |init| ParameterOptions {
        init: Init::Constant(init),
        role: ParameterRole::Norm,
        ..ParameterOptions::default()
    };
    let inputs = BatchNormInputs {
        gamma: g.parameter("weight", shape, vector(1.0))?,
        beta: g.parameter("bias", shape, vector(0.0))?,
        running_mean: g.buffer("running_mean", shape, Init::Constant(0.0))?,
        running_var: g.buffer("running_var", shape, Init::Constant(1.0))?,
    };
    let options = BatchNorm {
        eps: eps as f32,
        momentum: style.momentum as f32,
        activation: Activation::Identity,
        frozen: !g.trains(inputs.gamma),
    };
    ops::batch_norm(g, x, inputs, options)
}
