//! What each layer is called, one table a family.
//!
//! A row is one layer: its name in timm (ours), pycls, torchvision, and in torchvision's MobileNetV2 where that is
//! another. An empty or missing name says that no such layer exists there. In a name, `{s}` is the number of the stage,
//! `{b}` the number of the block in its stage, both from 0; `{S}` and `{B}` are the same from 1; `{N}` is the number of
//! the block in the network, from 1. What stands after the stages counts on: its `{S}` and `{N}` are one past the last.

use crate::{EfficientNet, MbBlock, MbStage, Network};

/// One layer's names.
pub(super) type Row = &'static [&'static str];

/// The names of a network's layers.
pub(super) struct Table {
    /// Layers that stand before and after the blocks.
    pub(super) outside: &'static [Row],
    /// What the names of a block's layers begin with.
    pub(super) block: Row,
}

const EFFICIENTNET: Table = Table {
    outside: &[
        &["conv_stem", "stem.conv", "features.0.0", "features.0.0"],
        &["bn1", "stem.bn", "features.0.1", "features.0.1"],
        &["conv_head", "head.conv", "features.{S}.0", "features.{N}.0"],
        &["bn2", "head.conv_bn", "features.{S}.1", "features.{N}.1"],
        &["classifier", "head.fc", "classifier.1", "classifier.1"],
    ],
    block: &[
        "blocks.{s}.{b}",
        "s{S}.b{B}",
        "features.{S}.{b}",
        "features.{N}",
    ],
};

const MBCONV: &[Row] = &[
    &["conv_pw", "exp", "block.0.0", "conv.0.0"],
    &["bn1", "exp_bn", "block.0.1", "conv.0.1"],
    &["conv_dw", "dwise", "block.1.0", "conv.1.0"],
    &["bn2", "dwise_bn", "block.1.1", "conv.1.1"],
    &["se.conv_reduce", "se.f_ex.0", "block.2.fc1"],
    &["se.conv_expand", "se.f_ex.2", "block.2.fc2"],
    &["conv_pwl", "lin_proj", "block.3.0", "conv.2"],
    &["bn3", "lin_proj_bn", "block.3.1", "conv.3"],
];

const MBCONV_WITHOUT_EXPANSION: &[Row] = &[
    &["conv_dw", "dwise", "block.0.0", "conv.0.0"],
    &["bn1", "dwise_bn", "block.0.1", "conv.0.1"],
    &["se.conv_reduce", "se.f_ex.0", "block.1.fc1"],
    &["se.conv_expand", "se.f_ex.2", "block.1.fc2"],
    &["conv_pw", "lin_proj", "block.2.0", "conv.1"],
    &["bn2", "lin_proj_bn", "block.2.1", "conv.2"],
];

const FUSED: &[Row] = &[
    &["conv_exp", "", "block.0.0"],
    &["bn1", "", "block.0.1"],
    &["se.conv_reduce"],
    &["se.conv_expand"],
    &["conv_pwl", "", "block.1.0"],
    &["bn2", "", "block.1.1"],
];

const FUSED_WITHOUT_EXPANSION: &[Row] = &[&["conv", "", "block.0.0"], &["bn1", "", "block.0.1"]];

const REGNET: Table = Table {
    outside: &[
        &["stem.conv", "stem.conv", "stem.0"],
        &["stem.bn", "stem.bn", "stem.1"],
        &["final_conv.conv", "head.conv"],
        &["final_conv.bn", "head.bn"],
        &["head.fc", "head.fc", "fc"],
    ],
    block: &[
        "s{S}.b{B}",
        "s{S}.b{B}",
        "trunk_output.block{S}.block{S}-{b}",
    ],
};

const REGNET_BLOCK: &[Row] = &[
    &["conv1.conv", "f.a", "f.a.0"],
    &["conv1.bn", "f.a_bn", "f.a.1"],
    &["conv2.conv", "f.b", "f.b.0"],
    &["conv2.bn", "f.b_bn", "f.b.1"],
    &["se.fc1", "f.se.f_ex.0", "f.se.fc1"],
    &["se.fc2", "f.se.f_ex.2", "f.se.fc2"],
    &["conv3.conv", "f.c", "f.c.0"],
    &["conv3.bn", "f.c_bn", "f.c.1"],
    &["downsample.conv", "proj", "proj.0"],
    &["downsample.bn", "bn", "proj.1"],
];

const RESNET: Table = Table {
    outside: &[
        &["conv1", "stem.conv", "conv1"],
        &["bn1", "stem.bn", "bn1"],
        &["fc", "head.fc", "fc"],
    ],
    block: &["layer{S}.{b}", "s{S}.b{B}", "layer{S}.{b}"],
};

const RESNET_BLOCK: &[Row] = &[
    &["conv1", "f.a", "conv1"],
    &["bn1", "f.a_bn", "bn1"],
    &["conv2", "f.b", "conv2"],
    &["bn2", "f.b_bn", "bn2"],
    &["conv3", "f.c", "conv3"],
    &["bn3", "f.c_bn", "bn3"],
    &["downsample.0", "proj", "downsample.0"],
    &["downsample.1", "bn", "downsample.1"],
];

/// No layers.
const NOTHING: Table = Table {
    outside: &[],
    block: &[],
};

/// The table of a network's family, and for each stage the blocks and their layers.
pub(super) fn of(network: &Network) -> (Table, Vec<(usize, &'static [Row])>) {
    match network {
        Network::EfficientNet(net) => {
            let stages = net.stages.iter().map(|s| (s.depth, inverted(s)));
            (EFFICIENTNET, stages.collect())
        }
        Network::RegNet(net) => {
            let stages = net.stages.iter().map(|s| (s.depth, REGNET_BLOCK));
            (REGNET, stages.collect())
        }
        Network::ResNet(net) => {
            let stages = net.stages.iter().map(|s| (s.depth, RESNET_BLOCK));
            (RESNET, stages.collect())
        }
        // No table has its layers.
        Network::Imported(_) => (NOTHING, Vec::new()),
    }
}

fn inverted(stage: &MbStage) -> &'static [Row] {
    match (stage.block, stage.expansion) {
        (MbBlock::Mbconv, 1) => MBCONV_WITHOUT_EXPANSION,
        (MbBlock::Mbconv, _) => MBCONV,
        (MbBlock::Fused, 1) => FUSED_WITHOUT_EXPANSION,
        (MbBlock::Fused, _) => FUSED,
    }
}

/// Whether torchvision builds this network as its MobileNetV2: inverted bottlenecks, none with a squeeze.
pub(super) fn is_mobile(network: &Network) -> bool {
    let plain = |s: &MbStage| s.block == MbBlock::Mbconv && s.squeeze == 0.0;
    matches!(network, Network::EfficientNet(EfficientNet { stages, .. }) if stages.iter().all(plain))
}
