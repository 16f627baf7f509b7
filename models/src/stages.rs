//! A network's stages in the numbers that all families share.

use serde::Serialize;

use crate::{EfficientNet, MbBlock, Network, RegNet, ResNet, ResNetBlock};

/// One stage, whatever its family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Blocks.
    pub depth: usize,
    /// Channels out.
    pub width: usize,
    /// Channels a group of the widest kernel's convolution; all that enter it where it has a single group.
    pub group_width: usize,
    /// Side of the widest kernel, pixels.
    pub kernel: usize,
    /// Pixels from one output of the first block to the next.
    pub stride: usize,
    /// Channels inside a block, as a multiple of those that enter it (EfficientNet) or leave it (RegNet, ResNet).
    pub expansion: f64,
}

impl Network {
    /// The stages, first to last; a list of layers has none.
    ///
    /// ```
    /// use triaxis_models::zoo;
    ///
    /// let stages = zoo("regnetz_500mf")?.network.stages();
    /// assert_eq!(stages.iter().map(|s| s.width).collect::<Vec<_>>(), [16, 40, 104, 256]);
    /// assert_eq!(stages[0].expansion, 4.0);
    /// # Ok::<(), triaxis_models::Error>(())
    /// ```
    pub fn stages(&self) -> Vec<Stage> {
        match self {
            Self::EfficientNet(net) => net.summary(),
            Self::RegNet(net) => net.summary(),
            Self::ResNet(net) => net.summary(),
            Self::Imported(_) => Vec::new(),
        }
    }

    /// Channels of the first convolution.
    pub fn stem_width(&self) -> usize {
        match self {
            Self::EfficientNet(net) => net.stem.width,
            Self::RegNet(net) => net.stem.width,
            Self::ResNet(net) => net.stem.width,
            Self::Imported(net) => net.stem_width(),
        }
    }

    /// Channels of the last convolution, after the stages; 0 where there is none.
    pub fn head_width(&self) -> usize {
        match self {
            Self::EfficientNet(net) => net.head,
            Self::RegNet(net) => net.head,
            Self::ResNet(_) | Self::Imported(_) => 0,
        }
    }
}

impl Network {
    /// The path under which a drawing has the output of a stage, which is that of its last block: stages are counted from 1,
    /// 0 is the stem. `None` where there is no such stage.
    ///
    /// ```
    /// use triaxis_models::zoo;
    ///
    /// let network = zoo("resnet18")?.network;
    /// assert_eq!(network.stage_path(3).as_deref(), Some("layer3"));
    /// assert_eq!(network.stage_path(5), None);
    /// # Ok::<(), triaxis_models::Error>(())
    /// ```
    pub fn stage_path(&self, stage: usize) -> Option<String> {
        let (stem, stages) = match self {
            Self::EfficientNet(net) => ((&net.stem, "bn1"), net.stages.len()),
            Self::RegNet(net) => ((&net.stem, "stem"), net.stages.len()),
            Self::ResNet(net) => ((&net.stem, "bn1"), net.stages.len()),
            Self::Imported(_) => return None,
        };
        match (stem, stage) {
            ((stem, _), 0) if stem.pool => Some("maxpool".into()),
            ((_, path), 0) => Some(path.into()),
            _ if stage > stages => None,
            _ => match self {
                Self::EfficientNet(_) => Some(format!("blocks.{}", stage - 1)),
                Self::RegNet(_) => Some(format!("s{stage}")),
                Self::ResNet(_) => Some(format!("layer{stage}")),
                Self::Imported(_) => None,
            },
        }
    }
}

impl EfficientNet {
    fn summary(&self) -> Vec<Stage> {
        let mut width_in = self.stem.width;
        let stage = |stage: &crate::MbStage| {
            let group_width = match stage.block {
                MbBlock::Mbconv => stage.group_width,
                MbBlock::Fused => width_in,
            };
            width_in = stage.width;
            Stage {
                depth: stage.depth,
                width: stage.width,
                group_width,
                kernel: stage.kernel,
                stride: stage.stride,
                expansion: stage.expansion as f64,
            }
        };
        self.stages.iter().map(stage).collect()
    }
}

impl RegNet {
    fn summary(&self) -> Vec<Stage> {
        let stage = |stage: &crate::RegNetStage| Stage {
            depth: stage.depth,
            width: stage.width,
            group_width: stage.group_width,
            kernel: stage.kernel,
            stride: stage.stride,
            expansion: self.bottleneck,
        };
        self.stages.iter().map(stage).collect()
    }
}

impl ResNet {
    fn summary(&self) -> Vec<Stage> {
        let stage = |stage: &crate::ResNetStage| {
            let (group_width, expansion) = match self.block {
                ResNetBlock::Basic => (stage.width, 1.0),
                ResNetBlock::Bottleneck => (self.group_width(stage), self.bottleneck),
            };
            Stage {
                depth: stage.depth,
                width: stage.width,
                group_width,
                kernel: 3,
                stride: stage.stride,
                expansion,
            }
        };
        self.stages.iter().map(stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::zoo;

    #[test]
    fn stages_without_groups_tell_the_channels_that_enter() {
        let groups = |name: &str| {
            let stages = zoo(name).unwrap().network.stages();
            stages.iter().map(|s| s.group_width).collect::<Vec<_>>()
        };
        assert_eq!(groups("resnet18"), [64, 128, 256, 512]);
        assert_eq!(groups("resnet50"), [64, 128, 256, 512]);
        assert_eq!(groups("resnext50_32x4d"), [4, 8, 16, 32]);
        assert_eq!(groups("efficientnet_b0"), [1; 7]);
    }

    #[test]
    fn ends_are_the_first_and_the_last_convolution() {
        let ends = |name: &str| {
            let network = zoo(name).unwrap().network;
            [network.stem_width(), network.head_width()]
        };
        assert_eq!(ends("efficientnet_b0"), [32, 1280]);
        assert_eq!(ends("regnetz_500mf"), [32, 1000]);
        assert_eq!(ends("resnet50"), [64, 0]);
    }
}
