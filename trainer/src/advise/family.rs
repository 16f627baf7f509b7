//! The families that networks are of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use triaxis_models::{MbBlock, Network};

use crate::error::{Error, suggestion};

/// A family of networks: what is alike in them whatever their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// Inverted bottlenecks with squeeze-and-excite.
    EfficientNet,
    /// EfficientNet-B0 shrunk by TinyNet's rule.
    TinyNet,
    /// EfficientNet's second version, whose first blocks are fused.
    EfficientNetV2,
    /// Inverted bottlenecks without squeeze-and-excite.
    MobileNetV2,
    /// Bottlenecks with grouped convolutions.
    RegNetX,
    /// RegNetX with squeeze-and-excite.
    RegNetY,
    /// RegNetY inverted, with linear ends.
    RegNetZ,
    /// Residual blocks of dense convolutions.
    ResNet,
    /// Residual bottlenecks with grouped convolutions.
    ResNeXt,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::EfficientNet,
        Self::TinyNet,
        Self::EfficientNetV2,
        Self::MobileNetV2,
        Self::RegNetX,
        Self::RegNetY,
        Self::RegNetZ,
        Self::ResNet,
        Self::ResNeXt,
    ];

    /// Its name as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNet => "efficientnet",
            Self::TinyNet => "tinynet",
            Self::EfficientNetV2 => "efficientnetv2",
            Self::MobileNetV2 => "mobilenetv2",
            Self::RegNetX => "regnetx",
            Self::RegNetY => "regnety",
            Self::RegNetZ => "regnetz",
            Self::ResNet => "resnet",
            Self::ResNeXt => "resnext",
        }
    }

    /// The family of a network by what it is made of. Nothing but its history tells a TinyNet from a small EfficientNet.
    pub fn of(network: &Network) -> Self {
        match network {
            Network::EfficientNet(net) => {
                let fused = net.stages.iter().any(|s| s.block == MbBlock::Fused);
                let squeezed = net.stages.iter().any(|s| s.squeeze > 0.0);
                match (fused, squeezed) {
                    (true, _) => Self::EfficientNetV2,
                    (false, true) => Self::EfficientNet,
                    (false, false) => Self::MobileNetV2,
                }
            }
            Network::RegNet(net) => match (net.linear, net.squeeze > 0.0) {
                (true, _) => Self::RegNetZ,
                (false, true) => Self::RegNetY,
                (false, false) => Self::RegNetX,
            },
            Network::ResNet(net)
                if net.stages.iter().any(|s| {
                    let inner = s.width as f64 * net.bottleneck;
                    s.group_width > 0 && (s.group_width as f64) < inner
                }) =>
            {
                Self::ResNeXt
            }
            // A family that is new here has blocks of its own; until it has a name, it is compared with the plainest.
            _ => Self::ResNet,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Family {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.map(Self::name);
        let found = Self::ALL
            .into_iter()
            .find(|f| f.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            Error::config(
                "--family",
                format!("there is no family `{name}`"),
                suggestion(name, known),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use triaxis_models::zoo;

    use super::*;

    #[test]
    fn networks_are_told_apart_by_what_they_are_made_of() {
        for (name, family) in [
            ("efficientnet_b3", Family::EfficientNet),
            ("tinynet_c", Family::EfficientNet),
            ("tf_efficientnetv2_b0", Family::EfficientNetV2),
            ("mobilenetv2_100", Family::MobileNetV2),
            ("regnetx_002", Family::RegNetX),
            ("regnety_500mf", Family::RegNetY),
            ("regnetz_4gf", Family::RegNetZ),
            ("resnet50", Family::ResNet),
            ("resnext50_32x4d", Family::ResNeXt),
        ] {
            assert_eq!(Family::of(&zoo(name).unwrap().network), family, "{name}");
        }
        for family in Family::ALL {
            assert_eq!(family.name().parse::<Family>().unwrap(), family);
        }
        let error = "regnetw".parse::<Family>().unwrap_err().to_string();
        assert!(error.contains("there is no family `regnetw`"), "{error}");
    }
}
