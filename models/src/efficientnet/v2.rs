use super::{EfficientNet, MbBlock, MbStage};
use crate::layers::Stem;
use crate::rounding::ceil_depth;

/// The second version's stages: blocks, channels, stride, expansion.
const FUSED: [[usize; 4]; 3] = [[1, 16, 1, 1], [2, 32, 2, 4], [2, 48, 2, 4]];
const MBCONV: [[usize; 4]; 3] = [[3, 96, 2, 4], [5, 112, 1, 6], [8, 192, 2, 6]];

impl EfficientNet {
    /// EfficientNetV2's B0 (<https://arxiv.org/abs/2104.00298>, its released code) with widths and depths multiplied:
    /// widths go to the nearest multiple of 8, however much they lose, depths up. Its first stages are fused blocks
    /// without squeeze.
    pub fn v2(width: f64, depth: f64) -> Self {
        let round = |channels: usize| {
            let eighths = (channels as f64 * width + 4.0) / 8.0;
            (eighths as usize * 8).max(8)
        };
        let stage = |block, squeeze, [blocks, channels, stride, expansion]: [usize; 4]| MbStage {
            block,
            depth: ceil_depth(blocks as f64 * depth),
            width: round(channels),
            kernel: 3,
            stride,
            expansion,
            group_width: 1,
            squeeze,
        };
        let fused = FUSED.map(|s| stage(MbBlock::Fused, 0.0, s));
        let mbconv = MBCONV.map(|s| stage(MbBlock::Mbconv, 0.25, s));
        Self {
            stem: Stem::small(round(32), 2),
            stages: [fused, mbconv].concat(),
            head: round(1280),
            ..Self::b0()
        }
    }
}
