use triaxis_engine::ops::Activation;

use super::{EfficientNet, MbBlock, MbStage};
use crate::layers::{Stem, Style};
use crate::rounding::{ceil_depth, round_width};

/// MobileNetV2's stages: blocks, channels, stride, expansion.
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [2, 24, 2, 6],
    [3, 32, 2, 6],
    [4, 64, 2, 6],
    [3, 96, 1, 6],
    [3, 160, 2, 6],
    [1, 320, 1, 6],
];

impl EfficientNet {
    /// MobileNetV2 (<https://arxiv.org/abs/1801.04381>): EfficientNet's ancestor, with ReLU6 and without squeeze. Every
    /// width is multiplied, but the last convolution is never narrower than 1280 channels.
    pub fn mobile_v2(width: f64) -> Self {
        let stages = STAGES.map(|[depth, channels, stride, expansion]| MbStage {
            block: MbBlock::Mbconv,
            depth,
            width: round_width(channels as f64 * width),
            kernel: 3,
            stride,
            expansion,
            group_width: 1,
            squeeze: 0.0,
        });
        Self {
            style: Style {
                activation: Activation::Relu6,
                ..Style::default()
            },
            stem: Stem::small(round_width(32.0 * width), 2),
            head: round_width(1280.0 * width).max(1280),
            stages: stages.into(),
            ..Self::b0()
        }
    }

    /// MobileNetV2 as timm's deeper ones: all stages are wider, all but the first and the last deeper, rounded up; the
    /// stem and the last convolution stay as they are.
    pub fn deeper_mobile_v2(width: f64, depth: f64) -> Self {
        let mut net = Self::mobile_v2(width);
        (net.stem.width, net.head) = (32, 1280);
        let last = net.stages.len() - 1;
        for stage in &mut net.stages[1..last] {
            stage.depth = ceil_depth(stage.depth as f64 * depth);
        }
        net
    }
}
