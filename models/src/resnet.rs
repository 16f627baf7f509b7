//! ResNet (<https://arxiv.org/abs/1512.03385>) and ResNeXt (<https://arxiv.org/abs/1611.05431>).

use serde::{Deserialize, Serialize};
use triaxis_engine::{Error, Graph, Init, Result, Value, ops};

use crate::check::{self, Checked, within};
use crate::layers::{
    Classifier, Conv, FanOut, Stem, Style, conv_norm, conv_norm_act, conv_norm_last,
    drop_path_rate, residual,
};
use crate::rounding::{compatible, inner_width};
use crate::scaling::Scaling;

/// A network of residual blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNet {
    /// Activation, padding, batch norm.
    #[serde(default = "style")]
    pub style: Style,
    /// The first convolution, and a max-pool for large images.
    pub stem: Stem,
    /// What the blocks are.
    pub block: ResNetBlock,
    /// Channels inside a bottleneck, as a multiple of those that leave it; basic blocks have none.
    #[serde(default = "quarter")]
    pub bottleneck: f64,
    /// Share of the last features that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// Share of images whose last block is dropped in training; earlier blocks drop evenly less.
    #[serde(default)]
    pub drop_path: f64,
    /// The stages, first to last.
    pub stages: Vec<ResNetStage>,
}

/// A run of equal blocks; the first has the stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetStage {
    /// Blocks.
    pub depth: usize,
    /// Channels out.
    pub width: usize,
    /// Channels a group of a bottleneck's 3×3 convolution; 0 for a single group.
    #[serde(default)]
    pub group_width: usize,
    /// Pixels from one output of the first block to the next.
    #[serde(default = "two")]
    pub stride: usize,
}

/// The kinds of residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetBlock {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3 (which has the stride), 1×1.
    Bottleneck,
}

fn style() -> Style {
    Style {
        fan_out: FanOut::Layer,
        ..Style::default()
    }
}

fn quarter() -> f64 {
    0.25
}

fn two() -> usize {
    2
}

impl ResNet {
    /// The published networks: 18 and 34 are of [`ResNetBlock::Basic`], 50, 101 and 152 of
    /// [`ResNetBlock::Bottleneck`].
    pub fn new(block: ResNetBlock, depths: [usize; 4]) -> Self {
        let (first, inner) = match block {
            ResNetBlock::Basic => (64, 0),
            ResNetBlock::Bottleneck => (256, 64),
        };
        let stage = |s: usize| ResNetStage {
            depth: depths[s],
            width: first << s,
            group_width: inner << s,
            stride: if s == 0 { 1 } else { 2 },
        };
        Self {
            style: style(),
            stem: Stem {
                width: 64,
                kernel: 7,
                stride: 2,
                pool: true,
            },
            block,
            bottleneck: quarter(),
            dropout: 0.0,
            drop_path: 0.0,
            stages: [0, 1, 2, 3].map(stage).into(),
        }
    }

    /// ResNeXt: bottlenecks of `cardinality` groups, `base_width` channels wide in the first stage.
    pub fn next(depths: [usize; 4], cardinality: usize, base_width: usize) -> Self {
        let mut net = Self::new(ResNetBlock::Bottleneck, depths);
        for (s, stage) in net.stages.iter_mut().enumerate() {
            stage.group_width = base_width << s;
        }
        net.bottleneck = (cardinality * base_width) as f64 / net.stages[0].width as f64;
        net
    }

    /// Draws all but the classifier: the last features, `[n, h, w, c]`.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for numbers that make no network.
    pub fn features(&self, g: &mut Graph, images: Value) -> Result<Value> {
        self.check().map_err(Error::Graph)?;
        let mut x = self.stem.draw(g, ["conv1", "bn1"], images, &self.style)?;
        let blocks: usize = self.stages.iter().map(|s| s.depth).sum();
        let mut index = 0;
        for (s, stage) in (1..).zip(&self.stages) {
            for b in 0..stage.depth {
                let stride = if b == 0 { stage.stride } else { 1 };
                let drop = drop_path_rate(self.drop_path, index, blocks - 1);
                x = g.scope(format!("layer{s}.{b}"), |g| {
                    self.residual(g, x, stage, stride, drop)
                })?;
                index += 1;
            }
        }
        Ok(x)
    }

    /// Draws the network: logits, `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// As [`ResNet::features`].
    pub fn forward(&self, g: &mut Graph, images: Value, classes: usize) -> Result<Value> {
        let x = self.features(g, images)?;
        let bound = 1.0 / (g.shape(x).c() as f32).sqrt();
        let classifier = Classifier {
            name: "fc",
            classes,
            dropout: self.dropout,
            init: Init::Uniform { bound },
        };
        classifier.draw(g, x)
    }

    fn residual(
        &self,
        g: &mut Graph,
        x: Value,
        stage: &ResNetStage,
        stride: usize,
        drop_path: f64,
    ) -> Result<Value> {
        let style = &self.style;
        let (width_in, width) = (g.shape(x).c(), stage.width);
        let middle = |width, stride, groups| Conv {
            width,
            kernel: 3,
            stride,
            groups,
        };
        let y = match self.block {
            ResNetBlock::Basic => {
                let y = conv_norm_act(g, ["conv1", "bn1"], x, middle(width, stride, 1), style)?;
                let last = middle(width, 1, 1);
                conv_norm_last(g, ["conv2", "bn2"], y, last, style, true)?
            }
            ResNetBlock::Bottleneck => {
                let inner = self.inner(stage);
                let groups = inner / self.group_width(stage);
                let grouped = middle(inner, stride, groups);
                let y = conv_norm_act(g, ["conv1", "bn1"], x, Conv::to(inner), style)?;
                let y = conv_norm_act(g, ["conv2", "bn2"], y, grouped, style)?;
                conv_norm_last(g, ["conv3", "bn3"], y, Conv::to(width), style, true)?
            }
        };
        let shortcut = match stride == 1 && width_in == width {
            true => x,
            false => {
                let layer = Conv {
                    stride,
                    ..Conv::to(width)
                };
                conv_norm(g, ["downsample.0", "downsample.1"], x, layer, style)?
            }
        };
        let sum = residual(g, shortcut, y, drop_path)?;
        ops::activation(g, sum, style.activation)
    }

    /// Channels of a bottleneck's 3×3 convolution.
    fn inner(&self, stage: &ResNetStage) -> usize {
        inner_width(stage.width, self.bottleneck)
    }

    /// Channels a group of that convolution.
    pub(crate) fn group_width(&self, stage: &ResNetStage) -> usize {
        match stage.group_width {
            0 => self.inner(stage),
            width => width,
        }
    }

    /// Each stage by itself, as pycls does; the stem keeps its width.
    pub(crate) fn scaled(&self, scaling: &Scaling) -> Result<Self, String> {
        let mut net = self.clone();
        for (s, stage) in net.stages.iter_mut().enumerate() {
            stage.depth = scaling.depth(&format!("stages[{s}].depth"), stage.depth)?;
            stage.width = scaling.width(&format!("stages[{s}].width"), stage.width)?;
            if self.block == ResNetBlock::Bottleneck && stage.group_width > 0 {
                let what = format!("stages[{s}].group_width");
                let group_width = scaling.group(&what, stage.group_width)?;
                (stage.width, stage.group_width) =
                    compatible(stage.width, self.bottleneck, group_width);
            }
        }
        Ok(net)
    }

    pub(crate) fn check(&self) -> Checked {
        self.style.check()?;
        self.stem.check()?;
        within("bottleneck", self.bottleneck, &check::MULTIPLE)?;
        within("dropout", self.dropout, &check::RATE)?;
        within("drop_path", self.drop_path, &check::RATE)?;
        within("the number of stages", self.stages.len(), &check::STAGES)?;
        for (s, stage) in self.stages.iter().enumerate() {
            let of = |field| format!("stages[{s}].{field}");
            within(&of("depth"), stage.depth, &check::DEPTH)?;
            within(&of("width"), stage.width, &check::WIDTH)?;
            within(&of("stride"), stage.stride, &check::STRIDE)?;
            if self.block == ResNetBlock::Bottleneck {
                let inner = self.inner(stage);
                within(&of("width times bottleneck"), inner, &check::WIDTH)?;
                check::groups(&format!("stages[{s}]"), inner, self.group_width(stage))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_engine::Mode;

    /// Parameters with 1000 classes.
    fn params(net: &ResNet) -> u64 {
        let mut g = Graph::new(Mode::Evaluate);
        let images = g.input("images", [1, 32, 32, 3]);
        net.forward(&mut g, images, 1000).unwrap();
        g.complexity().params
    }

    #[test]
    fn basic_blocks_make_the_published_networks() {
        // As torchvision states for its resnet18 and resnet34.
        let net = |depths| ResNet::new(ResNetBlock::Basic, depths);
        assert_eq!(params(&net([2, 2, 2, 2])), 11_689_512);
        assert_eq!(params(&net([3, 4, 6, 3])), 21_797_672);
    }

    #[test]
    fn a_network_for_small_images_keeps_their_pixels() {
        let stage = |(width, stride)| ResNetStage {
            depth: 3,
            width,
            group_width: 0,
            stride,
        };
        let net = ResNet {
            stem: Stem::small(16, 1),
            stages: [(16, 1), (32, 2), (64, 2)].map(stage).into(),
            ..ResNet::new(ResNetBlock::Basic, [1; 4])
        };
        let mut g = Graph::new(Mode::Evaluate);
        let images = g.input("images", [1, 32, 32, 3]);
        let features = net.features(&mut g, images).unwrap();
        assert_eq!(g.shape(features).0, [1, 8, 8, 64]);
    }
}
