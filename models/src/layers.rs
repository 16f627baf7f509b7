//! Layers: functions from value to value that declare their parameters under the names that public checkpoints use.

use serde::{Deserialize, Serialize};
use triaxis_engine::ops::{
    self, Activation, BatchNorm, BatchNormInputs, Conv2d, ExciteInputs, Padding, Pool,
};
use triaxis_engine::{Graph, Init, Layout, ParameterOptions, ParameterRole, Result, Value};

use crate::check::{self, Checked, within};

/// What all layers of a network share: its activation, and the conventions that frameworks differ in.
///
/// The default is PyTorch's with ReLU; [`Style::tensorflow`] is TensorFlow's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Style {
    /// After every batch norm but those before a residual sum.
    #[serde(with = "ActivationName")]
    pub activation: Activation,
    /// What lies around an image.
    pub padding: PaddingRule,
    /// Added to a variance before its root is taken.
    pub eps: f64,
    /// Weight of the newest batch in running statistics (1 - TensorFlow's).
    pub momentum: f64,
    /// What a convolution's first weights are scaled by.
    pub fan_out: FanOut,
    /// Whether the last batch norm of each branch that is added to a shortcut begins with scales of 0, so that the network
    /// begins as its shortcuts (Goyal et al. 2017, <https://arxiv.org/abs/1706.02677>, section 5.1): pycls's
    /// `ZERO_INIT_FINAL_GAMMA`, timm's `zero_init_last`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub zero_init_last: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            activation: Activation::Relu,
            padding: PaddingRule::Symmetric,
            eps: 1e-5,
            momentum: 0.1,
            fan_out: FanOut::Group,
            zero_init_last: false,
        }
    }
}

impl Style {
    /// The default with SiLU.
    pub fn silu() -> Self {
        Self {
            activation: Activation::Silu,
            ..Self::default()
        }
    }

    /// SAME padding and the larger epsilon of TensorFlow's EfficientNet. The momentum stays: timm's `tf_` networks
    /// keep it, too.
    pub fn tensorflow(self) -> Self {
        Self {
            padding: PaddingRule::Same,
            eps: 1e-3,
            ..self
        }
    }

    pub(crate) fn check(&self) -> Checked {
        within("style.eps", self.eps, &(1e-12..=1.0))?;
        within("style.momentum", self.momentum, &(0.0..=1.0))
    }

    fn padding(&self, kernel: usize) -> Padding {
        match self.padding {
            PaddingRule::Symmetric => Padding::Symmetric(kernel / 2),
            PaddingRule::Same => Padding::Same,
        }
    }
}

/// How [`Activation`] is written in files.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Activation", rename_all = "snake_case")]
pub(crate) enum ActivationName {
    Identity,
    Relu,
    Silu,
    Sigmoid,
    HardSwish,
    Relu6,
}

/// How many zeros lie around an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaddingRule {
    /// `(kernel - 1) / 2` on each side.
    #[default]
    Symmetric,
    /// TensorFlow's: as many as the output needs, the odd one right and below.
    Same,
}

/// What a convolution's fan-out counts; first weights are normal with variance `2 / fan_out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanOut {
    /// The outputs of one group, as timm and TensorFlow: `k·k·out / groups`.
    #[default]
    Group,
    /// All outputs, as pycls and torchvision: `k·k·out`.
    Layer,
}

/// A convolution's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Channels out.
    pub width: usize,
    /// Side of the kernel, pixels.
    pub kernel: usize,
    /// Pixels from one output to the next.
    pub stride: usize,
    /// Groups that the channels are cut into.
    pub groups: usize,
}

impl Conv {
    /// A pointwise convolution to `width` channels.
    pub const fn to(width: usize) -> Self {
        Self {
            width,
            kernel: 1,
            stride: 1,
            groups: 1,
        }
    }
}

/// Convolution without bias. Parameter: `name.weight`.
///
/// # Errors
///
/// The engine's, where channels and groups do not fit.
pub fn conv(g: &mut Graph, name: &str, x: Value, conv: Conv, style: &Style) -> Result<Value> {
    let shape = [
        conv.kernel,
        conv.kernel,
        g.shape(x).c() / conv.groups.max(1),
        conv.width,
    ];
    g.scope(name, |g| {
        let weight = conv_weight(g, shape, conv.groups, style)?;
        let options = Conv2d {
            stride: conv.stride,
            padding: style.padding(conv.kernel),
            groups: conv.groups,
        };
        ops::conv2d(g, x, weight, options)
    })
}

/// The weight of a convolution, `[k, k, in / groups, out]`. Parameter: `weight`.
pub(crate) fn conv_weight(
    g: &mut Graph,
    shape: [usize; 4],
    groups: usize,
    style: &Style,
) -> Result<Value> {
    let fan_out = shape[0] * shape[1] * shape[3]
        / match style.fan_out {
            FanOut::Group => groups.max(1),
            FanOut::Layer => 1,
        };
    let options = ParameterOptions {
        layout: Layout::Conv,
        init: Init::Normal {
            std: (2.0 / fan_out.max(1) as f32).sqrt(),
        },
        decay: true,
        ..ParameterOptions::default()
    };
    g.parameter("weight", shape, options)
}

/// Batch norm, then `activation`. Parameters: `name.weight`, `name.bias`; buffers: `name.running_mean`,
/// `name.running_var`.
///
/// # Errors
///
/// The engine's: in training a channel needs more than one number.
pub fn norm(
    g: &mut Graph,
    name: &str,
    x: Value,
    activation: Activation,
    style: &Style,
) -> Result<Value> {
    norm_from(g, name, x, activation, style, 1.0)
}

/// The same with scales that begin at `gamma`.
fn norm_from(
    g: &mut Graph,
    name: &str,
    x: Value,
    activation: Activation,
    style: &Style,
    gamma: f32,
) -> Result<Value> {
    let shape = [1, 1, 1, g.shape(x).c()];
    let vector = |init| ParameterOptions {
        init: Init::Constant(init),
        role: ParameterRole::Norm,
        ..ParameterOptions::default()
    };
    g.scope(name, |g| {
        let inputs = BatchNormInputs {
            gamma: g.parameter("weight", shape, vector(gamma))?,
            beta: g.parameter("bias", shape, vector(0.0))?,
            running_mean: g.buffer("running_mean", shape, Init::Constant(0.0))?,
            running_var: g.buffer("running_var", shape, Init::Constant(1.0))?,
        };
        let options = BatchNorm {
            eps: style.eps as f32,
            momentum: style.momentum as f32,
            activation,
            frozen: !g.trains(inputs.gamma),
        };
        ops::batch_norm(g, x, inputs, options)
    })
}

/// Convolution and batch norm, by their two names.
///
/// # Errors
///
/// As [`conv`] and [`norm`].
pub fn conv_norm(
    g: &mut Graph,
    names: [&str; 2],
    x: Value,
    layer: Conv,
    style: &Style,
) -> Result<Value> {
    let x = conv(g, names[0], x, layer, style)?;
    norm(g, names[1], x, Activation::Identity, style)
}

/// [`conv_norm`] at the end of a branch, which is `summed` with a shortcut or goes on alone.
///
/// # Errors
///
/// As [`conv`] and [`norm`].
pub fn conv_norm_last(
    g: &mut Graph,
    names: [&str; 2],
    x: Value,
    layer: Conv,
    style: &Style,
    summed: bool,
) -> Result<Value> {
    let x = conv(g, names[0], x, layer, style)?;
    // Alone, scales of 0 would let nothing through.
    let gamma = match style.zero_init_last && summed {
        true => 0.0,
        false => 1.0,
    };
    norm_from(g, names[1], x, Activation::Identity, style, gamma)
}

/// Convolution, batch norm and the network's activation, by the first two's names.
///
/// # Errors
///
/// As [`conv`] and [`norm`].
pub fn conv_norm_act(
    g: &mut Graph,
    names: [&str; 2],
    x: Value,
    layer: Conv,
    style: &Style,
) -> Result<Value> {
    let x = conv(g, names[0], x, layer, style)?;
    norm(g, names[1], x, style.activation, style)
}

/// Squeeze-and-excite (<https://arxiv.org/abs/1709.01507>): the mean of each channel goes through `width` numbers to a
/// factor for each channel. Parameters: weight and bias under both names.
///
/// # Errors
///
/// The engine's.
pub fn squeeze_excite(
    g: &mut Graph,
    names: [&str; 2],
    x: Value,
    width: usize,
    style: &Style,
) -> Result<Value> {
    let channels = g.shape(x).c();
    let means = ops::global_avg_pool(g, x)?;
    let mut layer = |name, [from, to]: [usize; 2]| {
        g.scope(name, |g| {
            let weight = conv_weight(g, [1, 1, from, to], 1, style)?;
            Ok((weight, bias(g, to)?))
        })
    };
    let (squeeze, squeeze_bias) = layer(names[0], [channels, width])?;
    let (excite, excite_bias) = layer(names[1], [width, channels])?;
    let inputs = ExciteInputs {
        x: means,
        squeeze,
        squeeze_bias,
        excite,
        excite_bias,
    };
    let factors = ops::excite(g, inputs, style.activation)?;
    ops::gate(g, x, factors)
}

/// Fully connected layer on `[n, 1, 1, c]`. Parameters: `name.weight`, `name.bias`.
///
/// # Errors
///
/// The engine's.
pub fn linear(g: &mut Graph, name: &str, x: Value, width: usize, init: Init) -> Result<Value> {
    let options = ParameterOptions {
        layout: Layout::Linear,
        init,
        decay: true,
        ..ParameterOptions::default()
    };
    let shape = [1, 1, g.shape(x).c(), width];
    g.scope(name, |g| {
        let weight = g.parameter("weight", shape, options)?;
        let y = ops::conv2d(g, x, weight, Conv2d::default())?;
        let b = bias(g, width)?;
        ops::bias(g, y, b)
    })
}

/// A number a channel, decayed as the papers' code does (they spare batch norm alone). Parameter: `bias`.
pub(crate) fn bias(g: &mut Graph, channels: usize) -> Result<Value> {
    let options = ParameterOptions {
        role: ParameterRole::Bias,
        decay: true,
        ..ParameterOptions::default()
    };
    g.parameter("bias", [1, 1, 1, channels], options)
}

/// What turns images into the first features: a convolution, norm and activation, and in some networks a max-pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// Channels out.
    pub width: usize,
    /// Side of the kernel, pixels.
    pub kernel: usize,
    /// Pixels from one output to the next; 1 for small images.
    pub stride: usize,
    /// Whether a 3×3 max-pool of stride 2 follows.
    #[serde(default)]
    pub pool: bool,
}

impl Stem {
    /// A 3×3 convolution of this stride.
    pub const fn small(width: usize, stride: usize) -> Self {
        Self {
            width,
            kernel: 3,
            stride,
            pool: false,
        }
    }

    pub(crate) fn check(&self) -> Checked {
        within("stem.width", self.width, &check::WIDTH)?;
        within("stem.stride", self.stride, &check::STRIDE)?;
        check::kernel("stem.kernel", self.kernel)
    }

    /// Draws it, with the convolution's and the norm's names.
    pub(crate) fn draw(
        &self,
        g: &mut Graph,
        names: [&str; 2],
        images: Value,
        style: &Style,
    ) -> Result<Value> {
        let layer = Conv {
            kernel: self.kernel,
            stride: self.stride,
            ..Conv::to(self.width)
        };
        let x = conv_norm_act(g, names, images, layer, style)?;
        if !self.pool {
            return Ok(x);
        }
        let pool = Pool {
            kernel: 3,
            stride: 2,
            padding: style.padding(3),
        };
        g.scope("maxpool", |g| ops::max_pool(g, x, pool))
    }
}

/// What turns the last features into logits: mean over the image, dropout, a linear layer.
pub(crate) struct Classifier {
    pub(crate) name: &'static str,
    pub(crate) classes: usize,
    pub(crate) dropout: f64,
    pub(crate) init: Init,
}

impl Classifier {
    pub(crate) fn draw(&self, g: &mut Graph, x: Value) -> Result<Value> {
        let mut x = ops::global_avg_pool(g, x)?;
        if self.dropout > 0.0 {
            x = ops::dropout(g, x, self.dropout as f32)?;
        }
        linear(g, self.name, x, self.classes, self.init)
    }
}

/// The sum of a shortcut and a block's branch, which is dropped for some images in training.
pub(crate) fn residual(g: &mut Graph, shortcut: Value, y: Value, drop_path: f64) -> Result<Value> {
    let y = match drop_path > 0.0 {
        true => ops::drop_path(g, y, drop_path as f32)?,
        false => y,
    };
    ops::add(g, shortcut, y)
}

/// Block `index` is dropped at this rate: nothing at the first, growing evenly to `rate` at block `end`
/// (<https://arxiv.org/abs/1603.09382>). As in timm, RegNets and ResNets end at the last block, EfficientNets one behind.
pub(crate) fn drop_path_rate(rate: f64, index: usize, end: usize) -> f64 {
    rate * index as f64 / end.max(1) as f64
}
