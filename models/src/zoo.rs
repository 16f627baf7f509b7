//! The published networks by name: timm's names where it has them, the papers' otherwise.

use crate::error::similar;
use crate::regnet::line;
use crate::{EfficientNet, Error, Line, Network, RegNet, ResNet, ResNetBlock, Result, Spec, Style};

/// EfficientNet's released table (<https://arxiv.org/abs/1905.11946>): width, depth, resolution of B0 to B7.
const EFFICIENTNETS: [(f64, f64, usize); 8] = [
    (1.0, 1.0, 224),
    (1.0, 1.1, 240),
    (1.1, 1.2, 260),
    (1.2, 1.4, 300),
    (1.4, 1.8, 380),
    (1.6, 2.2, 456),
    (1.8, 2.6, 528),
    (2.0, 3.1, 600),
];

/// TinyNet's released table (<https://arxiv.org/abs/2010.14819>): width, depth, resolution of A to E.
const TINYNETS: [(f64, f64, usize); 5] = [
    (1.0, 1.2, 192),
    (0.75, 1.1, 188),
    (0.54, 0.85, 184),
    (0.54, 0.695, 152),
    (0.51, 0.6, 106),
];

/// RegNetX: resolution and line, as pycls released them (<https://arxiv.org/abs/2003.13678>).
const REGNETX: [(&str, usize, Line); 12] = [
    ("regnetx_002", 224, line(13, 24, 36.44, 2.49, 8)),
    ("regnetx_004", 224, line(22, 24, 24.48, 2.54, 16)),
    ("regnetx_006", 224, line(16, 48, 36.97, 2.24, 24)),
    ("regnetx_008", 224, line(16, 56, 35.73, 2.28, 16)),
    ("regnetx_016", 224, line(18, 80, 34.01, 2.25, 24)),
    ("regnetx_032", 224, line(25, 88, 26.31, 2.25, 48)),
    ("regnetx_040", 224, line(23, 96, 38.65, 2.43, 40)),
    ("regnetx_064", 224, line(17, 184, 60.83, 2.07, 56)),
    ("regnetx_080", 224, line(23, 80, 49.56, 2.88, 120)),
    ("regnetx_120", 224, line(19, 168, 73.36, 2.37, 112)),
    ("regnetx_160", 224, line(22, 216, 55.59, 2.1, 128)),
    ("regnetx_320", 224, line(23, 320, 69.86, 2.0, 168)),
];

/// RegNetY, as [`REGNETX`]. No configuration of the last two was released: these are the lines that give the counts in
/// <https://arxiv.org/abs/2103.06877>.
const REGNETY: [(&str, usize, Line); 14] = [
    ("regnety_002", 224, line(13, 24, 36.44, 2.49, 8)),
    ("regnety_004", 224, line(16, 48, 27.89, 2.09, 8)),
    ("regnety_006", 224, line(15, 48, 32.54, 2.32, 16)),
    ("regnety_008", 224, line(14, 56, 38.84, 2.4, 16)),
    ("regnety_016", 224, line(27, 48, 20.71, 2.65, 24)),
    ("regnety_032", 224, line(21, 80, 42.63, 2.66, 24)),
    ("regnety_040", 224, line(22, 96, 31.41, 2.24, 64)),
    ("regnety_064", 224, line(25, 112, 33.22, 2.27, 72)),
    ("regnety_080", 224, line(17, 192, 76.82, 2.19, 56)),
    ("regnety_120", 224, line(19, 168, 73.36, 2.37, 112)),
    ("regnety_160", 224, line(18, 200, 106.23, 2.48, 112)),
    ("regnety_320", 224, line(20, 232, 115.89, 2.53, 232)),
    ("regnety_500mf", 224, line(17, 32, 27.2, 2.78, 4)),
    ("regnety_4gf", 240, line(26, 88, 29.6, 2.388, 32)),
];

/// RegNetZ: resolution, line and width of the last convolution (<https://arxiv.org/abs/2103.06877>). The bodies are
/// ClassyVision's; the heads are timm's, and for the last two the one that gives the paper's counts.
const REGNETZ: [(&str, usize, Line, usize); 5] = [
    ("regnetz_005", 224, line(21, 16, 10.7, 2.51, 4), 1024),
    ("regnetz_040", 256, line(28, 48, 14.5, 2.226, 8), 0),
    ("regnetz_040_h", 256, line(28, 48, 14.5, 2.226, 8), 1536),
    ("regnetz_500mf", 224, line(21, 16, 10.7, 2.51, 4), 1000),
    ("regnetz_4gf", 256, line(28, 48, 14.5, 2.226, 8), 1000),
];

/// ResNet (<https://arxiv.org/abs/1512.03385>): block and depths.
const RESNETS: [(&str, ResNetBlock, [usize; 4]); 5] = [
    ("resnet18", ResNetBlock::Basic, [2, 2, 2, 2]),
    ("resnet34", ResNetBlock::Basic, [3, 4, 6, 3]),
    ("resnet50", ResNetBlock::Bottleneck, [3, 4, 6, 3]),
    ("resnet101", ResNetBlock::Bottleneck, [3, 4, 23, 3]),
    ("resnet152", ResNetBlock::Bottleneck, [3, 8, 36, 3]),
];

/// ResNeXt (<https://arxiv.org/abs/1611.05431>) of 32 groups, 4 channels wide at first: depths.
const RESNEXTS: [(&str, [usize; 4]); 3] = [
    ("resnext50_32x4d", [3, 4, 6, 3]),
    ("resnext101_32x4d", [3, 4, 23, 3]),
    ("resnext152_32x4d", [3, 8, 36, 3]),
];

/// The published network of that name, for the 1000 classes of ImageNet, at its paper's resolution. It drops nothing:
/// dropout and drop-path are a recipe's choice ([`Network::set_drop`]).
///
/// # Errors
///
/// [`Error::UnknownModel`] with the names that are spelled like it.
pub fn zoo(name: &str) -> Result<Spec> {
    all()
        .find(|(known, ..)| known == name)
        .map(|(name, resolution, network)| Spec {
            name,
            resolution,
            num_classes: 1000,
            network: network(),
        })
        .ok_or_else(|| Error::UnknownModel {
            name: name.into(),
            similar: similar(name, names().iter().map(String::as_str)),
        })
}

/// The names that [`zoo`] knows, family by family, small to large.
pub fn names() -> Vec<String> {
    all().map(|(name, ..)| name).collect()
}

type Entry = (String, usize, Box<dyn Fn() -> Network>);

fn all() -> impl Iterator<Item = Entry> {
    let efficientnet = |tensorflow: bool| {
        (0..)
            .zip(EFFICIENTNETS)
            .map(move |(i, (width, depth, resolution))| {
                let prefix = if tensorflow { "tf_" } else { "" };
                let draw = move || {
                    let mut net = EfficientNet::compound(width, depth);
                    if tensorflow {
                        net.style = Style::silu().tensorflow();
                    }
                    Network::EfficientNet(net)
                };
                entry(format!("{prefix}efficientnet_b{i}"), resolution, draw)
            })
    };
    let tinynets = ('a'..)
        .zip(TINYNETS)
        .map(|(letter, (width, depth, resolution))| {
            let draw = move || Network::EfficientNet(EfficientNet::tiny(width, depth));
            entry(format!("tinynet_{letter}"), resolution, draw)
        });
    let x = REGNETX.map(|(name, r, line)| entry(name, r, move || Network::RegNet(RegNet::x(line))));
    let y = REGNETY.map(|(name, r, line)| entry(name, r, move || Network::RegNet(RegNet::y(line))));
    let z = REGNETZ.map(|(name, r, line, head)| {
        entry(name, r, move || Network::RegNet(RegNet::z(line, head)))
    });
    let resnets = RESNETS.map(|(name, block, depths)| {
        entry(name, 224, move || {
            Network::ResNet(ResNet::new(block, depths))
        })
    });
    let resnexts = RESNEXTS.map(|(name, depths)| {
        entry(name, 224, move || {
            Network::ResNet(ResNet::next(depths, 32, 4))
        })
    });
    efficientnet(false)
        .chain(efficientnet(true))
        .chain(tinynets)
        .chain(x)
        .chain(y)
        .chain(z)
        .chain(resnets)
        .chain(resnexts)
}

fn entry(
    name: impl Into<String>,
    resolution: usize,
    draw: impl Fn() -> Network + 'static,
) -> Entry {
    (name.into(), resolution, Box::new(draw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_is_answered_with_the_likely_ones() {
        let error = zoo("efficentnet_b0").unwrap_err().to_string();
        assert!(
            error.starts_with("no model is named `efficentnet_b0`; did you mean `efficientnet_b0`"),
            "{error}"
        );
        let error = zoo("qqq").unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn names_are_unique() {
        let all = names();
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
    }

    #[test]
    fn b1_is_b0_with_a_tenth_more_depth_rounded_up() {
        let Network::EfficientNet(b1) = zoo("efficientnet_b1").unwrap().network else {
            panic!("b1 is an EfficientNet");
        };
        let depths: Vec<usize> = b1.stages.iter().map(|s| s.depth).collect();
        assert_eq!(depths, [2, 3, 3, 4, 4, 5, 2]);
    }
}
