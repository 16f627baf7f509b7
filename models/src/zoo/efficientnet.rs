//! Inverted bottlenecks: EfficientNet, its second version's small ones, TinyNet, MobileNetV2.

use super::{Entry, imagenet};
use crate::{EfficientNet, Network, Spec};

pub(super) const ENTRIES: &[Entry] = &[
    net("efficientnet_b0", &["EN-B0"], || b(0)),
    net("efficientnet_b1", &["EN-B1"], || b(1)),
    net("efficientnet_b2", &["EN-B2"], || b(2)),
    net("efficientnet_b3", &["EN-B3"], || b(3)),
    net("efficientnet_b4", &["EN-B4"], || b(4)),
    net("efficientnet_b5", &["EN-B5"], || b(5)),
    net("efficientnet_b6", &["EN-B6"], || b(6)),
    net("efficientnet_b7", &["EN-B7"], || b(7)),
    net("tf_efficientnet_b0", &[], || tensorflow(b(0))),
    net("tf_efficientnet_b1", &[], || tensorflow(b(1))),
    net("tf_efficientnet_b2", &[], || tensorflow(b(2))),
    net("tf_efficientnet_b3", &[], || tensorflow(b(3))),
    net("tf_efficientnet_b4", &[], || tensorflow(b(4))),
    net("tf_efficientnet_b5", &[], || tensorflow(b(5))),
    net("tf_efficientnet_b6", &[], || tensorflow(b(6))),
    net("tf_efficientnet_b7", &[], || tensorflow(b(7))),
    // At the sides that they are trained with; they are tested with 224, 240, 260 and 300 pixels.
    net("tf_efficientnetv2_b0", &[], || v2(192, 1.0, 1.0)),
    net("tf_efficientnetv2_b1", &[], || v2(192, 1.0, 1.1)),
    net("tf_efficientnetv2_b2", &[], || v2(208, 1.1, 1.2)),
    net("tf_efficientnetv2_b3", &[], || v2(240, 1.2, 1.4)),
    // TinyNet's released table (https://arxiv.org/abs/2010.14819).
    net("tinynet_a", &["TinyNet-A"], || tiny(192, 1.0, 1.2)),
    net("tinynet_b", &["TinyNet-B"], || tiny(188, 0.75, 1.1)),
    net("tinynet_c", &["TinyNet-C"], || tiny(184, 0.54, 0.85)),
    net("tinynet_d", &["TinyNet-D"], || tiny(152, 0.54, 0.695)),
    net("tinynet_e", &["TinyNet-E"], || tiny(106, 0.51, 0.6)),
    net("mobilenetv2_035", &[], || mobile(0.35)),
    net("mobilenetv2_050", &[], || mobile(0.5)),
    net("mobilenetv2_075", &[], || mobile(0.75)),
    net("mobilenetv2_100", &["mobilenet_v2"], || mobile(1.0)),
    net("mobilenetv2_110d", &[], || deeper_mobile(1.1, 1.2)),
    net("mobilenetv2_120d", &[], || deeper_mobile(1.2, 1.4)),
    net("mobilenetv2_140", &[], || mobile(1.4)),
];

const fn net(name: &'static str, aliases: &'static [&'static str], spec: fn() -> Spec) -> Entry {
    Entry::spec_of(name, aliases, spec)
}

/// EfficientNet's released table (<https://arxiv.org/abs/1905.11946>): resolution, width, depth of B0 to B7.
const EFFICIENTNETS: [(usize, f64, f64); 8] = [
    (224, 1.0, 1.0),
    (240, 1.0, 1.1),
    (260, 1.1, 1.2),
    (300, 1.2, 1.4),
    (380, 1.4, 1.8),
    (456, 1.6, 2.2),
    (528, 1.8, 2.6),
    (600, 2.0, 3.1),
];

fn b(number: usize) -> Spec {
    let (resolution, width, depth) = EFFICIENTNETS[number];
    inverted(resolution, EfficientNet::compound(width, depth))
}

fn tensorflow(mut spec: Spec) -> Spec {
    let style = spec.network.style_mut();
    *style = style.tensorflow();
    spec
}

fn v2(resolution: usize, width: f64, depth: f64) -> Spec {
    tensorflow(inverted(resolution, EfficientNet::v2(width, depth)))
}

fn tiny(resolution: usize, width: f64, depth: f64) -> Spec {
    inverted(resolution, EfficientNet::tiny(width, depth))
}

fn mobile(width: f64) -> Spec {
    inverted(224, EfficientNet::mobile_v2(width))
}

fn deeper_mobile(width: f64, depth: f64) -> Spec {
    inverted(224, EfficientNet::deeper_mobile_v2(width, depth))
}

fn inverted(resolution: usize, net: EfficientNet) -> Spec {
    imagenet(resolution, Network::EfficientNet(net))
}
