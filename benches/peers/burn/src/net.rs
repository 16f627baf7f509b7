//! A network of burn's modules from a [`Spec`].

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::{relu, sigmoid, silu};

use crate::spec::{self, Shortcut, Spec};

#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    fn new(
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        groups: usize,
        device: &Device,
    ) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_groups(groups)
            .with_bias(false)
            .init(device);
        let norm = BatchNormConfig::new(channels[1]).init(device);
        Self { conv, norm }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

#[derive(Module, Debug)]
struct SqueezeExcite {
    reduce: Conv2d,
    expand: Conv2d,
    silu: bool,
}

impl SqueezeExcite {
    fn new(channels: usize, squeeze: usize, silu: bool, device: &Device) -> Self {
        Self {
            reduce: Conv2dConfig::new([channels, squeeze], [1; 2]).init(device),
            expand: Conv2dConfig::new([squeeze, channels], [1; 2]).init(device),
            silu,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let squeezed = self.reduce.forward(pooled(x.clone()));
        x * sigmoid(self.expand.forward(activation(squeezed, self.silu)))
    }
}

#[derive(Module, Debug)]
struct Block {
    expand: Option<ConvNorm>,
    spatial: ConvNorm,
    excite: Option<SqueezeExcite>,
    project: ConvNorm,
    shortcut: Option<ConvNorm>,
    identity: bool,
    activated: bool,
    silu: bool,
}

impl Block {
    fn new(b: &spec::Block, silu: bool, device: &Device) -> Self {
        let pointwise = |cin, cout, stride| ConvNorm::new([cin, cout], 1, stride, 1, device);
        let projection = b.shortcut == Shortcut::Projection;
        Self {
            expand: b.expand.then(|| pointwise(b.cin, b.mid, 1)),
            spatial: ConvNorm::new([b.mid; 2], b.kernel, b.stride, b.groups, device),
            excite: (b.squeeze > 0).then(|| SqueezeExcite::new(b.mid, b.squeeze, silu, device)),
            project: pointwise(b.mid, b.cout, 1),
            shortcut: projection.then(|| pointwise(b.cin, b.cout, b.stride)),
            identity: b.shortcut == Shortcut::Identity,
            activated: b.activated,
            silu,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut y = x.clone();
        if let Some(expand) = &self.expand {
            y = activation(expand.forward(y), self.silu);
        }
        y = activation(self.spatial.forward(y), self.silu);
        if let Some(excite) = &self.excite {
            y = excite.forward(y);
        }
        y = self.project.forward(y);
        if let Some(shortcut) = &self.shortcut {
            y = y + shortcut.forward(x);
        } else if self.identity {
            y = y + x;
        }
        if self.activated {
            activation(y, self.silu)
        } else {
            y
        }
    }
}

/// A classifier of 1,000 classes with random weights.
#[derive(Module, Debug)]
pub struct Net {
    stem: ConvNorm,
    pool: Option<MaxPool2d>,
    blocks: Vec<Block>,
    head: Option<ConvNorm>,
    classifier: Linear,
    silu: bool,
}

impl Net {
    pub fn new(spec: &Spec, device: &Device) -> Self {
        let pool = MaxPool2dConfig::new([3; 2])
            .with_strides([2; 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let head = || ConvNorm::new([spec.width(), spec.head], 1, 1, 1, device);
        Self {
            stem: ConvNorm::new([3, spec.stem], spec.stem_kernel, 2, 1, device),
            pool: spec.stem_pool.then(|| pool.init()),
            blocks: spec
                .blocks
                .iter()
                .map(|block| Block::new(block, spec.silu, device))
                .collect(),
            head: (spec.head > 0).then(head),
            classifier: LinearConfig::new(spec.features(), 1000).init(device),
            silu: spec.silu,
        }
    }

    /// Logits `[n, 1000]` of pictures `[n, 3, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = activation(self.stem.forward(x), self.silu);
        if let Some(pool) = &self.pool {
            x = pool.forward(x);
        }
        for block in &self.blocks {
            x = block.forward(x);
        }
        if let Some(head) = &self.head {
            x = activation(head.forward(x), self.silu);
        }
        let [n, c, _, _] = x.dims();
        self.classifier.forward(pooled(x).reshape([n, c]))
    }
}

/// The mean of each channel, `[n, c, 1, 1]`.
fn pooled(x: Tensor<4>) -> Tensor<4> {
    x.mean_dim(2).mean_dim(3)
}

fn activation(x: Tensor<4>, smooth: bool) -> Tensor<4> {
    if smooth { silu(x) } else { relu(x) }
}
