//! ResNet (<https://arxiv.org/abs/1512.03385>) and ResNeXt (<https://arxiv.org/abs/1611.05431>).

use serde::{Deserialize, Serialize};
use triaxis_engine::{Error, Graph, Init, Result, Value, ops};

use crate::check::{self, Checked, within};
use crate::layers::{
    Classifier, Conv, FanOut, Stem, Style, conv_norm, conv_norm_act, drop_path_rate, residual,
};

/// A network of residual blocks, in stages of halving resolution.
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
    /// Blocks of each stage.
    pub depths: Vec<usize>,
    /// Channels of each stage: of a basic block; a quarter of what a bottleneck puts out.
    pub widths: Vec<usize>,
    /// Groups of the 3×3 convolution in a bottleneck.
    #[serde(default = "one")]
    pub cardinality: usize,
    /// Channels inside a bottleneck for each 64 of `widths`, a group.
    #[serde(default = "base_width")]
    pub base_width: usize,
    /// Share of the last features that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// Share of images whose last block is dropped in training; earlier blocks drop evenly less.
    #[serde(default)]
    pub drop_path: f64,
}

/// The kinds of residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetBlock {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3 (which has the stride), 1×1 to four times the stage's width.
    Bottleneck,
}

impl ResNetBlock {
    /// Channels that leave a block, as a multiple of the stage's width.
    pub const fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

fn style() -> Style {
    Style {
        fan_out: FanOut::Layer,
        ..Style::default()
    }
}

fn one() -> usize {
    1
}

fn base_width() -> usize {
    64
}

impl ResNet {
    /// The published networks: 18 and 34 are of [`ResNetBlock::Basic`], 50, 101 and 152 of
    /// [`ResNetBlock::Bottleneck`].
    pub fn new(block: ResNetBlock, depths: [usize; 4]) -> Self {
        Self {
            style: style(),
            stem: Stem {
                width: 64,
                kernel: 7,
                stride: 2,
                pool: true,
            },
            block,
            depths: depths.into(),
            widths: vec![64, 128, 256, 512],
            cardinality: 1,
            base_width: 64,
            dropout: 0.0,
            drop_path: 0.0,
        }
    }

    /// ResNeXt: bottlenecks of `cardinality` groups.
    pub fn next(depths: [usize; 4], cardinality: usize, base_width: usize) -> Self {
        Self {
            cardinality,
            base_width,
            ..Self::new(ResNetBlock::Bottleneck, depths)
        }
    }

    /// Draws all but the classifier: the last features, `[n, h, w, c]`.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for numbers that make no network.
    pub fn features(&self, g: &mut Graph, images: Value) -> Result<Value> {
        self.check().map_err(Error::Graph)?;
        let mut x = self.stem.draw(g, ["conv1", "bn1"], images, &self.style)?;
        let blocks = self.depths.iter().sum();
        let mut index = 0;
        for (s, (&depth, &width)) in (1..).zip(self.depths.iter().zip(&self.widths)) {
            for b in 0..depth {
                let stride = if b == 0 && s > 1 { 2 } else { 1 };
                let drop = drop_path_rate(self.drop_path, index, blocks);
                x = g.scope(format!("layer{s}.{b}"), |g| {
                    self.residual(g, x, width, stride, drop)
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
        width: usize,
        stride: usize,
        drop_path: f64,
    ) -> Result<Value> {
        let style = &self.style;
        let width_in = g.shape(x).c();
        let width_out = width * self.block.expansion();
        let middle = |width, stride, groups| Conv {
            width,
            kernel: 3,
            stride,
            groups,
        };
        let y = match self.block {
            ResNetBlock::Basic => {
                let y = conv_norm_act(g, ["conv1", "bn1"], x, middle(width, stride, 1), style)?;
                conv_norm(g, ["conv2", "bn2"], y, middle(width, 1, 1), style)?
            }
            ResNetBlock::Bottleneck => {
                let inner = self.inner(width);
                let grouped = middle(inner, stride, self.cardinality);
                let y = conv_norm_act(g, ["conv1", "bn1"], x, Conv::to(inner), style)?;
                let y = conv_norm_act(g, ["conv2", "bn2"], y, grouped, style)?;
                conv_norm(g, ["conv3", "bn3"], y, Conv::to(width_out), style)?
            }
        };
        let shortcut = match stride == 1 && width_in == width_out {
            true => x,
            false => {
                let layer = Conv {
                    stride,
                    ..Conv::to(width_out)
                };
                conv_norm(g, ["downsample.0", "downsample.1"], x, layer, style)?
            }
        };
        let sum = residual(g, shortcut, y, drop_path)?;
        ops::activation(g, sum, style.activation)
    }

    /// Channels of a bottleneck's 3×3 convolution.
    fn inner(&self, width: usize) -> usize {
        width * self.base_width / 64 * self.cardinality
    }

    pub(crate) fn check(&self) -> Checked {
        self.style.check()?;
        self.stem.check()?;
        within("dropout", self.dropout, &check::RATE)?;
        within("drop_path", self.drop_path, &check::RATE)?;
        within("cardinality", self.cardinality, &check::WIDTH)?;
        within("base_width", self.base_width, &check::WIDTH)?;
        within("the number of stages", self.depths.len(), &check::STAGES)?;
        if self.depths.len() != self.widths.len() {
            return Err(format!(
                "depths has {} stages and widths {}: give each stage both",
                self.depths.len(),
                self.widths.len()
            ));
        }
        for (s, (&depth, &width)) in self.depths.iter().zip(&self.widths).enumerate() {
            within(&format!("depths[{s}]"), depth, &check::DEPTH)?;
            within(&format!("widths[{s}]"), width, &check::WIDTH)?;
            if self.block == ResNetBlock::Bottleneck {
                let what = format!(
                    "the inner width of stage {s} (widths · base_width / 64 · cardinality)"
                );
                within(&what, self.inner(width), &check::WIDTH)?;
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
        let net = ResNet {
            stem: Stem::small(16, 1),
            depths: vec![3, 3, 3],
            widths: vec![16, 32, 64],
            ..ResNet::new(ResNetBlock::Basic, [1; 4])
        };
        let mut g = Graph::new(Mode::Evaluate);
        let images = g.input("images", [1, 32, 32, 3]);
        let features = net.features(&mut g, images).unwrap();
        assert_eq!(g.shape(features).0, [1, 8, 8, 64]);
    }
}
