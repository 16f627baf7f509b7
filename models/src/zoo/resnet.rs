//! ResNet (<https://arxiv.org/abs/1512.03385>), and ResNeXt (<https://arxiv.org/abs/1611.05431>) of 32 groups, 4 channels
//! wide at first.

use super::{Entry, imagenet};
use crate::ResNetBlock::{Basic, Bottleneck};
use crate::{Network, ResNet, ResNetBlock, Spec};

pub(super) const ENTRIES: &[Entry] = &[
    Entry::spec_of("resnet18", &[], || net(Basic, [2, 2, 2, 2])),
    Entry::spec_of("resnet34", &[], || net(Basic, [3, 4, 6, 3])),
    Entry::spec_of("resnet50", &["R-50"], || net(Bottleneck, [3, 4, 6, 3])),
    Entry::spec_of("resnet101", &["DDS R-101"], || {
        net(Bottleneck, [3, 4, 23, 3])
    }),
    Entry::spec_of("resnet152", &["DDS R-152"], || {
        net(Bottleneck, [3, 8, 36, 3])
    }),
    Entry::spec_of("resnext50_32x4d", &["ResNeXt50-32x4d", "X-50"], || {
        next([3, 4, 6, 3])
    }),
    Entry::spec_of("resnext101_32x4d", &["DDS X-101-32x4d"], || {
        next([3, 4, 23, 3])
    }),
    Entry::spec_of("resnext152_32x4d", &["DDS X-152-32x4d"], || {
        next([3, 8, 36, 3])
    }),
];

fn net(block: ResNetBlock, depths: [usize; 4]) -> Spec {
    imagenet(224, Network::ResNet(ResNet::new(block, depths)))
}

fn next(depths: [usize; 4]) -> Spec {
    imagenet(224, Network::ResNet(ResNet::next(depths, 32, 4)))
}
