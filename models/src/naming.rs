//! What public checkpoints call a network's tensors.
//!
//! Ours are timm's names; the tables in `naming/table.rs` say what pycls and torchvision call the same layers. A tensor
//! is named after its layer and ends in `.weight`, `.bias`, `.running_mean` or `.running_var` everywhere.

mod table;

use std::fmt;

use crate::Network;

/// A project's names for the tensors of its networks.
///
/// Only names differ. All three keep the same shapes in the same order of numbers: convolutions, those of
/// squeeze-and-excite among them, `[out, in / groups, kh, kw]`, linear layers `[out, in]`, all else `[channels]`. What no
/// name tells: pycls trains on images in the order blue, green, red, so whoever loads its weights has to reverse the
/// input channels of the first convolution.
///
/// ```
/// use triaxis_models::{Naming, zoo};
///
/// let network = zoo("regnety_004")?.network;
/// let name = Naming::Pycls.from_ours(&network, "s1.b1.conv1.conv.weight");
/// assert_eq!(name.as_deref(), Some("s1.b1.f.a.weight"));
/// let name = Naming::Torchvision.to_ours(&network, "trunk_output.block1.block1-0.f.a.0.weight");
/// assert_eq!(name.as_deref(), Some("s1.b1.conv1.conv.weight"));
/// # Ok::<(), triaxis_models::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// timm's, which are ours.
    Timm,
    /// pycls's: `s1.b1.f.a.weight`.
    Pycls,
    /// torchvision's: `features.1.0.block.0.0.weight`. Those of its ResNets are timm's.
    Torchvision,
}

/// What a tensor is of its layer.
const ENDS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

impl Naming {
    /// Every convention, ours first.
    pub const ALL: [Self; 3] = [Self::Timm, Self::Pycls, Self::Torchvision];

    /// The convention that these tensor names follow for this network, if one does: the one that has a layer for most of
    /// them, and for more than half. So a checkpoint without its classifier, or with tensors beside the network's, is
    /// still recognised. Where two do equally well, the first of [`Naming::ALL`].
    pub fn recognise<'a>(network: &Network, names: impl Iterator<Item = &'a str>) -> Option<Self> {
        // A count of steps, which says nothing about the layers' names, and which we do not have.
        let counted: Vec<&str> = names
            .filter(|name| !name.ends_with(".num_batches_tracked"))
            .collect();
        let known = |naming: Self| {
            let ours = counted
                .iter()
                .filter(|n| naming.to_ours(network, n).is_some());
            (ours.count(), naming)
        };
        // `max_by_key` takes the last of equals.
        let conventions = Self::ALL.into_iter().rev().map(known);
        let (most, naming) = conventions.max_by_key(|&(count, _)| count)?;
        (2 * most > counted.len()).then_some(naming)
    }

    /// What this convention calls our tensor `name`; `None` where it, or this network, has no such layer.
    pub fn from_ours(self, network: &Network, name: &str) -> Option<String> {
        translate(network, name, Self::Timm, self)
    }

    /// What we call this convention's tensor `name`; `None` where this network has no such layer, and for tensors that no
    /// network of ours has (`num_batches_tracked`).
    pub fn to_ours(self, network: &Network, name: &str) -> Option<String> {
        translate(network, name, self, Self::Timm)
    }

    /// The column of the tables.
    fn column(self, network: &Network) -> usize {
        match self {
            Self::Timm => 0,
            Self::Pycls => 1,
            Self::Torchvision if table::is_mobile(network) => 3,
            Self::Torchvision => 2,
        }
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timm => "timm",
            Self::Pycls => "pycls",
            Self::Torchvision => "torchvision",
        })
    }
}

fn translate(network: &Network, name: &str, from: Naming, to: Naming) -> Option<String> {
    let (layer, end) = name.rsplit_once('.')?;
    if !ENDS.contains(&end) {
        return None;
    }
    // A list of layers has no names but its own.
    if let Network::Imported(_) = network {
        return (from == to && from == Naming::Timm).then(|| name.to_owned());
    }
    let (from, to) = (from.column(network), to.column(network));
    let (table, stages) = table::of(network);
    let mut place = Place::default();
    for (stage, &(depth, layers)) in stages.iter().enumerate() {
        for block in 0..depth {
            let here = Place {
                stage,
                block,
                index: place.index,
            };
            place.index += 1;
            let prefix = here.fill(table.block[from]);
            let rest = layer.strip_prefix(&prefix);
            let Some(inner) = rest.and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            let row = layers.iter().find(|row| cell(row, from) == Some(inner))?;
            let (prefix, inner) = (here.fill(table.block[to]), cell(row, to)?);
            return Some(format!("{prefix}.{inner}.{end}"));
        }
    }
    place.stage = stages.len();
    let named = |row: &&table::Row| cell(row, from).is_some_and(|cell| place.fill(cell) == layer);
    let row = table.outside.iter().find(named)?;
    Some(format!("{}.{end}", place.fill(cell(row, to)?)))
}

/// A layer's name in a column, if it has one.
fn cell(row: table::Row, column: usize) -> Option<&'static str> {
    row.get(column).copied().filter(|name| !name.is_empty())
}

/// Where a block stands, all counted from 0: stage, block of the stage, block of the network.
#[derive(Clone, Copy, Default)]
struct Place {
    stage: usize,
    block: usize,
    index: usize,
}

impl Place {
    /// A table's name with its numbers put in.
    fn fill(self, name: &str) -> String {
        let mut filled = String::with_capacity(name.len() + 4);
        for part in name.split_inclusive(['{', '}']) {
            let number = match part {
                "s}" => self.stage,
                "S}" => self.stage + 1,
                "b}" => self.block,
                "B}" => self.block + 1,
                "N}" => self.index + 1,
                _ => {
                    filled.push_str(part.trim_end_matches('{'));
                    continue;
                }
            };
            filled.push_str(&number.to_string());
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::{Graph, Mode};
    use crate::{EfficientNet, MbBlock, MbStage, Model, Spec, names, zoo};

    /// Every parameter and buffer that a drawing has.
    fn drawn(network: &Network) -> Vec<String> {
        let spec = Spec {
            name: "drawn".into(),
            resolution: 64,
            num_classes: 10,
            network: network.clone(),
        };
        let mut g = Graph::new(Mode::Train);
        let images = g.input("images", [2, 64, 64, 3]);
        spec.forward(&mut g, images).unwrap();
        let parameters = g.parameters().iter().map(|p| p.name.clone());
        parameters
            .chain(g.buffers().iter().map(|b| b.name.clone()))
            .collect()
    }

    /// Stages `[depth, width, stride, expansion]` of 3×3 kernels.
    fn inverted<const N: usize>(
        block: MbBlock,
        squeeze: f64,
        stages: [[usize; 4]; N],
    ) -> [MbStage; N] {
        stages.map(|[depth, width, stride, expansion]| MbStage {
            block,
            depth,
            width,
            kernel: 3,
            stride,
            expansion,
            group_width: 1,
            squeeze,
        })
    }

    /// The second EfficientNet's kinds of stage, and fewer of them.
    fn second_version() -> Network {
        let fused = inverted(MbBlock::Fused, 0.0, [[2, 24, 1, 1], [2, 48, 2, 4]]);
        let rest = inverted(MbBlock::Mbconv, 0.25, [[2, 64, 2, 4]]);
        Network::EfficientNet(EfficientNet {
            stages: [&fused[..], &rest[..]].concat(),
            ..EfficientNet::b0()
        })
    }

    /// MobileNetV2's kinds of stage, and fewer of them.
    fn mobile() -> Network {
        Network::EfficientNet(EfficientNet {
            stages: inverted(MbBlock::Mbconv, 0.0, [[1, 16, 1, 1], [2, 24, 2, 6]]).into(),
            ..EfficientNet::b0()
        })
    }

    fn has_fused_blocks(network: &Network) -> bool {
        let fused = |stage: &MbStage| stage.block == MbBlock::Fused;
        matches!(network, Network::EfficientNet(net) if net.stages.iter().any(fused))
    }

    #[test]
    fn every_name_of_every_network_comes_back_from_every_convention() {
        let zoo = names().into_iter().map(|name| {
            let network = zoo(&name).unwrap().network;
            (name, network)
        });
        let more = [
            ("second version".into(), second_version()),
            ("mobile".into(), mobile()),
        ];
        for (model, network) in zoo.chain(more) {
            let ours = drawn(&network);
            for naming in Naming::ALL {
                let mut theirs = BTreeSet::new();
                for name in &ours {
                    let Some(their) = naming.from_ours(&network, name) else {
                        let missing = match naming {
                            Naming::Timm => false,
                            Naming::Pycls => has_fused_blocks(&network),
                            Naming::Torchvision => name.starts_with("final_conv."),
                        };
                        assert!(missing, "{model}: {naming} has no name for {name}");
                        continue;
                    };
                    let back = naming.to_ours(&network, &their);
                    assert_eq!(back.as_ref(), Some(name), "{model}: {naming}'s {their}");
                    assert!(
                        theirs.insert(their),
                        "{model}: {naming} has {name}'s name twice"
                    );
                }
                let recognised = Naming::recognise(&network, theirs.iter().map(String::as_str));
                let expected = match (naming, &network) {
                    (Naming::Torchvision, Network::ResNet(_)) => Naming::Timm,
                    (other, _) => other,
                };
                assert_eq!(recognised, Some(expected), "{model}");
            }
        }
    }

    /// Our name and torchvision's.
    fn check_torchvision(network: &Network, pairs: &[[&str; 2]]) {
        for [ours, theirs] in pairs {
            let got = Naming::Torchvision.from_ours(network, ours);
            assert_eq!(got.as_deref(), Some(*theirs));
        }
    }

    #[test]
    fn fused_blocks_are_named_as_in_torchvisions_efficientnet_v2() {
        let pairs = [
            ["blocks.0.1.conv.weight", "features.1.1.block.0.0.weight"],
            [
                "blocks.1.0.conv_exp.weight",
                "features.2.0.block.0.0.weight",
            ],
            ["blocks.1.0.bn2.bias", "features.2.0.block.1.1.bias"],
            [
                "blocks.2.1.se.conv_expand.bias",
                "features.3.1.block.2.fc2.bias",
            ],
            ["conv_head.weight", "features.4.0.weight"],
        ];
        check_torchvision(&second_version(), &pairs);
    }

    #[test]
    fn blocks_without_squeeze_are_named_as_in_torchvisions_mobilenet_v2() {
        let pairs = [
            ["blocks.0.0.conv_dw.weight", "features.1.conv.0.0.weight"],
            [
                "blocks.0.0.bn2.running_mean",
                "features.1.conv.2.running_mean",
            ],
            ["blocks.1.0.conv_dw.weight", "features.2.conv.1.0.weight"],
            ["blocks.1.1.conv_pwl.weight", "features.3.conv.2.weight"],
            ["blocks.1.1.bn3.weight", "features.3.conv.3.weight"],
            ["bn2.weight", "features.4.1.weight"],
            ["classifier.weight", "classifier.1.weight"],
        ];
        check_torchvision(&mobile(), &pairs);
    }

    #[test]
    fn a_convention_is_recognised_without_a_classifier_and_among_other_tensors() {
        let network = zoo("regnety_004").unwrap().network;
        let ours = drawn(&network);
        let pycls = ours
            .iter()
            .filter(|name| !name.starts_with("head."))
            .map(|name| Naming::Pycls.from_ours(&network, name).unwrap());
        let counts = (1..=2).map(|b| format!("s1.b{b}.f.a_bn.num_batches_tracked"));
        let others = (0..100).map(|i| format!("optimizer.{i}"));
        let names: Vec<String> = pycls.chain(counts).chain(others).collect();
        let recognised = Naming::recognise(&network, names.iter().map(String::as_str));
        assert_eq!(recognised, Some(Naming::Pycls));
    }

    #[test]
    fn names_of_no_convention_and_of_other_networks_are_not_known() {
        let network = zoo("regnety_004").unwrap().network;
        assert_eq!(
            Naming::recognise(&network, ["weight", "a.b.c"].into_iter()),
            None
        );
        assert_eq!(Naming::recognise(&network, [].into_iter()), None);
        let unknown = [
            "",
            "s1",
            "stem.conv",
            "stem.bn.num_batches_tracked",
            // It has four stages, one block in the first.
            "s1.b2.f.a.weight",
            "s5.b1.f.a.weight",
            "s01.b1.f.a.weight",
            "s1.b1.f.d.weight",
            "s1.b1f.a.weight",
        ];
        for name in unknown {
            assert_eq!(Naming::Pycls.to_ours(&network, name), None, "{name}");
        }
        let resnet = zoo("resnet50").unwrap().network;
        let regnets = drawn(&network);
        let recognised = Naming::recognise(&resnet, regnets.iter().map(String::as_str));
        assert_eq!(recognised, None);
    }
}
