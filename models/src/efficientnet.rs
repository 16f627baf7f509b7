//! EfficientNet (<https://arxiv.org/abs/1905.11946>), its second version's blocks (<https://arxiv.org/abs/2104.00298>)
//! TinyNet (<https://arxiv.org/abs/2010.14819>) and MobileNetV2 (<https://arxiv.org/abs/1801.04381>): inverted
//! bottlenecks.

mod mobile;
mod v2;

use serde::{Deserialize, Serialize};
use triaxis_engine::{Error, Graph, Init, Result, Value};

use crate::check::{self, Checked, within};
use crate::layers::{
    Classifier, Conv, Stem, Style, conv_norm_act, conv_norm_last, drop_path_rate, residual,
    squeeze_excite,
};
use crate::rounding::{ceil_depth, round_depth, round_width};
use crate::scaling::{Rounding, Scaling};

/// A network of inverted bottlenecks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EfficientNet {
    /// Activation, padding, batch norm.
    #[serde(default = "Style::silu")]
    pub style: Style,
    /// The first convolution.
    pub stem: Stem,
    /// Channels of the last convolution, pointwise; 0 for none.
    pub head: usize,
    /// Share of the last features that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// Share of images that a block after the last would drop in training: block `i` of `n`, counted from 0, drops
    /// `i / n` of it, as in EfficientNet's released code and in timm.
    #[serde(default)]
    pub drop_path: f64,
    /// The stages, first to last.
    pub stages: Vec<MbStage>,
}

/// A run of equal blocks; the first has the stride.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MbStage {
    /// What the blocks are.
    #[serde(default)]
    pub block: MbBlock,
    /// Blocks.
    pub depth: usize,
    /// Channels out.
    pub width: usize,
    /// Side of the kernel, pixels.
    pub kernel: usize,
    /// Pixels from one output of the first block to the next.
    pub stride: usize,
    /// Channels inside a block, as a multiple of those that enter it.
    pub expansion: usize,
    /// Channels a group of the middle convolution; 1 is depthwise. Fused blocks have no groups.
    #[serde(default = "depthwise")]
    pub group_width: usize,
    /// Numbers of the squeeze, as a share of the channels that enter a block; 0 for none.
    #[serde(default)]
    pub squeeze: f64,
}

fn depthwise() -> usize {
    1
}

impl MbStage {
    /// Channels that its middle convolutions have, `width_in` entering the first block.
    fn convolved(&self, width_in: usize) -> Vec<usize> {
        let widths = match self.depth {
            1 => vec![width_in],
            _ => vec![width_in, self.width],
        };
        widths.iter().map(|width| width * self.expansion).collect()
    }
}

/// The kinds of inverted bottleneck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MbBlock {
    /// 1×1 expansion, grouped k×k, squeeze, 1×1 projection.
    #[default]
    Mbconv,
    /// Dense k×k expansion, squeeze, 1×1 projection; without an expansion the k×k alone.
    Fused,
}

impl Default for EfficientNet {
    fn default() -> Self {
        Self::b0()
    }
}

/// B0's stages: blocks, channels, kernel, stride, expansion.
const B0: [[usize; 5]; 7] = [
    [1, 16, 3, 1, 1],
    [2, 24, 3, 2, 6],
    [2, 40, 5, 2, 6],
    [3, 80, 3, 2, 6],
    [3, 112, 5, 1, 6],
    [4, 192, 5, 2, 6],
    [1, 320, 3, 1, 6],
];

impl EfficientNet {
    /// The network that the others are grown from.
    pub fn b0() -> Self {
        let stage = |[depth, width, kernel, stride, expansion]: [usize; 5]| MbStage {
            block: MbBlock::Mbconv,
            depth,
            width,
            kernel,
            stride,
            expansion,
            group_width: 1,
            squeeze: 0.25,
        };
        Self {
            style: Style::silu(),
            stem: Stem::small(32, 2),
            stages: B0.map(stage).into(),
            head: 1280,
            dropout: 0.0,
            drop_path: 0.0,
        }
    }

    /// B0 with every width and depth multiplied, rounded as EfficientNet does.
    pub fn compound(width: f64, depth: f64) -> Self {
        let mut net = Self::b0();
        for stage in &mut net.stages {
            stage.width = round_width(stage.width as f64 * width);
            stage.depth = ceil_depth(stage.depth as f64 * depth);
        }
        net.stem.width = round_width(net.stem.width as f64 * width);
        net.head = round_width(net.head as f64 * width);
        net
    }

    /// B0 with the stages' widths and depths multiplied, rounded as TinyNet does: the stem keeps its width, the head
    /// never has less than B0's.
    pub fn tiny(width: f64, depth: f64) -> Self {
        let mut net = Self::b0();
        for stage in &mut net.stages {
            stage.width = round_width(stage.width as f64 * width);
            stage.depth = round_depth(stage.depth as f64 * depth);
        }
        net.head = net.head.max(round_width(net.head as f64 * width));
        net
    }

    /// Every width and depth; TinyNet's rule spares the stem and never narrows the last convolution.
    pub(crate) fn scaled(&self, scaling: &Scaling) -> Result<Self, String> {
        let mut net = self.clone();
        let head = match self.head {
            0 => 0,
            head => scaling.width("head", head)?,
        };
        match scaling.rounding {
            Rounding::TinyNet => net.head = self.head.max(head),
            Rounding::Pycls | Rounding::EfficientNet => {
                net.head = head;
                net.stem.width = scaling.width("stem.width", self.stem.width)?;
            }
        }
        let mut width_in = net.stem.width;
        for (s, stage) in net.stages.iter_mut().enumerate() {
            stage.depth = scaling.depth(&format!("stages[{s}].depth"), stage.depth)?;
            stage.width = scaling.width(&format!("stages[{s}].width"), stage.width)?;
            if stage.group_width > 1 {
                let what = format!("stages[{s}].group_width");
                let group_width = scaling.group(&what, stage.group_width)?;
                let widths = stage.convolved(width_in);
                let fits = |group: &usize| widths.iter().all(|w| w.is_multiple_of(*group));
                stage.group_width = (1..=group_width).rev().find(fits).unwrap_or(1);
            }
            width_in = stage.width;
        }
        Ok(net)
    }

    /// Draws all but the classifier: the last features, `[n, h, w, c]`.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for numbers that make no network.
    pub fn features(&self, g: &mut Graph, images: Value) -> Result<Value> {
        self.check().map_err(Error::Graph)?;
        let mut x = self
            .stem
            .draw(g, ["conv_stem", "bn1"], images, &self.style)?;
        let blocks = self.stages.iter().map(|s| s.depth).sum();
        let mut index = 0;
        for (s, stage) in self.stages.iter().enumerate() {
            for b in 0..stage.depth {
                let stride = if b == 0 { stage.stride } else { 1 };
                let drop = drop_path_rate(self.drop_path, index, blocks);
                x = g.scope(format!("blocks.{s}.{b}"), |g| {
                    self.block(g, x, stage, stride, drop)
                })?;
                index += 1;
            }
        }
        match self.head {
            0 => Ok(x),
            head => conv_norm_act(g, ["conv_head", "bn2"], x, Conv::to(head), &self.style),
        }
    }

    /// Draws the network: logits, `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// As [`EfficientNet::features`].
    pub fn forward(&self, g: &mut Graph, images: Value, classes: usize) -> Result<Value> {
        let x = self.features(g, images)?;
        let bound = 1.0 / (classes.max(1) as f32).sqrt();
        let classifier = Classifier {
            name: "classifier",
            classes,
            dropout: self.dropout,
            init: Init::Uniform { bound },
        };
        classifier.draw(g, x)
    }

    fn block(
        &self,
        g: &mut Graph,
        x: Value,
        stage: &MbStage,
        stride: usize,
        drop_path: f64,
    ) -> Result<Value> {
        let y = match stage.block {
            MbBlock::Mbconv => self.mbconv(g, x, stage, stride)?,
            MbBlock::Fused => self.fused(g, x, stage, stride)?,
        };
        match stride == 1 && g.shape(x).c() == stage.width {
            true => residual(g, x, y, drop_path),
            false => Ok(y),
        }
    }

    fn mbconv(&self, g: &mut Graph, x: Value, stage: &MbStage, stride: usize) -> Result<Value> {
        let style = &self.style;
        let width_in = g.shape(x).c();
        let expanded = width_in * stage.expansion;
        // Public checkpoints name the layers by what they are, the norms by where they stand.
        let (middle, last) = match stage.expansion {
            1 => (["conv_dw", "bn1"], ["conv_pw", "bn2"]),
            _ => (["conv_dw", "bn2"], ["conv_pwl", "bn3"]),
        };
        let mut y = x;
        if stage.expansion > 1 {
            y = conv_norm_act(g, ["conv_pw", "bn1"], y, Conv::to(expanded), style)?;
        }
        let grouped = Conv {
            width: expanded,
            kernel: stage.kernel,
            stride,
            groups: expanded / stage.group_width,
        };
        y = conv_norm_act(g, middle, y, grouped, style)?;
        y = self.squeeze(g, y, width_in, stage)?;
        let summed = stride == 1 && width_in == stage.width;
        conv_norm_last(g, last, y, Conv::to(stage.width), style, summed)
    }

    fn fused(&self, g: &mut Graph, x: Value, stage: &MbStage, stride: usize) -> Result<Value> {
        let style = &self.style;
        let width_in = g.shape(x).c();
        let dense = |width| Conv {
            kernel: stage.kernel,
            stride,
            ..Conv::to(width)
        };
        if stage.expansion == 1 {
            return conv_norm_act(g, ["conv", "bn1"], x, dense(stage.width), style);
        }
        let expand = dense(width_in * stage.expansion);
        let y = conv_norm_act(g, ["conv_exp", "bn1"], x, expand, style)?;
        let y = self.squeeze(g, y, width_in, stage)?;
        let (last, summed) = (["conv_pwl", "bn2"], stride == 1 && width_in == stage.width);
        conv_norm_last(g, last, y, Conv::to(stage.width), style, summed)
    }

    fn squeeze(&self, g: &mut Graph, y: Value, width_in: usize, stage: &MbStage) -> Result<Value> {
        if stage.squeeze == 0.0 {
            return Ok(y);
        }
        let width = ((width_in as f64 * stage.squeeze) as usize).max(1);
        let names = ["conv_reduce", "conv_expand"];
        g.scope("se", |g| squeeze_excite(g, names, y, width, &self.style))
    }

    pub(crate) fn check(&self) -> Checked {
        self.style.check()?;
        self.stem.check()?;
        within("head", self.head, &check::OPTIONAL_WIDTH)?;
        within("dropout", self.dropout, &check::RATE)?;
        within("drop_path", self.drop_path, &check::RATE)?;
        within("the number of stages", self.stages.len(), &check::STAGES)?;
        let mut width_in = self.stem.width;
        for (s, stage) in self.stages.iter().enumerate() {
            let of = |field| format!("stages[{s}].{field}");
            within(&of("depth"), stage.depth, &check::DEPTH)?;
            within(&of("width"), stage.width, &check::WIDTH)?;
            within(&of("stride"), stage.stride, &check::STRIDE)?;
            within(&of("expansion"), stage.expansion, &(1..=64))?;
            within(&of("squeeze"), stage.squeeze, &check::SHARE)?;
            check::kernel(&of("kernel"), stage.kernel)?;
            if stage.block == MbBlock::Mbconv {
                for width in stage.convolved(width_in) {
                    check::groups(&format!("stages[{s}]"), width, stage.group_width)?;
                }
            }
            width_in = stage.width;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_engine::{Mode, ops::Activation};

    fn draw(net: &EfficientNet, mode: Mode) -> Graph {
        let mut g = Graph::new(mode);
        let images = g.input("images", [2, 64, 64, 3]);
        net.forward(&mut g, images, 1000).unwrap();
        g
    }

    #[test]
    fn fused_blocks_make_the_second_versions_small_network() {
        let stage = |block, [depth, width, stride, expansion]: [usize; 4]| MbStage {
            block,
            depth,
            width,
            kernel: 3,
            stride,
            expansion,
            group_width: 1,
            squeeze: if block == MbBlock::Fused { 0.0 } else { 0.25 },
        };
        let fused = [[2, 24, 1, 1], [4, 48, 2, 4], [4, 64, 2, 4]];
        let mbconv = [[6, 128, 2, 4], [9, 160, 1, 6], [15, 256, 2, 6]];
        let stages = fused.map(|s| stage(MbBlock::Fused, s));
        let net = EfficientNet {
            stem: Stem::small(24, 2),
            stages: [stages, mbconv.map(|s| stage(MbBlock::Mbconv, s))].concat(),
            ..EfficientNet::b0()
        };
        // As torchvision states for its efficientnet_v2_s.
        assert_eq!(draw(&net, Mode::Evaluate).complexity().params, 21_458_488);
    }

    #[test]
    fn drop_path_grows_from_the_first_block_and_spares_blocks_without_shortcut() {
        let net = EfficientNet {
            drop_path: 0.2,
            dropout: 0.3,
            ..EfficientNet::b0()
        };
        let g = draw(&net, Mode::Train);
        let drops = |name: &str| {
            let named = g.nodes().filter(|&id| g.node(id).op.name() == name);
            named.map(|id| g.node(id).scope.clone()).collect::<Vec<_>>()
        };
        // Nine of B0's sixteen blocks keep the shape.
        assert_eq!(drops("drop_path").len(), 9);
        assert_eq!(drops("drop_path")[0], "blocks.1.1");
        assert_eq!(drops("dropout").len(), 1);
        let rates = [0, 8, 16].map(|i| drop_path_rate(0.2, i, 16));
        assert_eq!(rates, [0.0, 0.1, 0.2]);
    }

    #[test]
    fn groups_of_any_width_take_the_place_of_depthwise_ones() {
        let mut net = EfficientNet::b0();
        net.style.activation = Activation::Relu;
        net.stages.iter_mut().for_each(|s| s.group_width = 8);
        let g = draw(&net, Mode::Evaluate);
        let weight = g.find("blocks.1.0.conv_dw.weight").unwrap();
        assert_eq!(g.shape(weight).0, [3, 3, 8, 96]);
        net.stages[1].group_width = 7;
        let mut g = Graph::new(Mode::Evaluate);
        let images = g.input("images", [2, 64, 64, 3]);
        let error = net.forward(&mut g, images, 10).unwrap_err().to_string();
        assert!(error.starts_with("stages[1].group_width is 7"), "{error}");
    }
}
