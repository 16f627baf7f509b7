//! The families, and what can be said of a network of any of them.

use serde::{Deserialize, Serialize};
use triaxis_engine as engine;
use triaxis_engine::{Graph, Value};

use crate::{EfficientNet, Imported, RegNet, ResNet, Stem, Style};

/// A network of one of the families.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Network {
    /// Inverted bottlenecks: EfficientNet, TinyNet.
    EfficientNet(EfficientNet),
    /// Bottlenecks with grouped convolutions: RegNet X, Y and Z.
    RegNet(RegNet),
    /// Residual blocks: ResNet, ResNeXt.
    ResNet(ResNet),
    /// A list of layers: what other programs' files say.
    Imported(Imported),
}

impl Network {
    /// What all layers share.
    pub fn style_mut(&mut self) -> &mut Style {
        match self {
            Self::EfficientNet(net) => &mut net.style,
            Self::RegNet(net) => &mut net.style,
            Self::ResNet(net) => &mut net.style,
            Self::Imported(net) => &mut net.style,
        }
    }

    /// Sets how much is dropped in training: of the last features, and of the last block's images. A list of layers has no
    /// blocks.
    pub fn set_drop(&mut self, dropout: f64, drop_path: f64) {
        let fields = match self {
            Self::EfficientNet(net) => (&mut net.dropout, &mut net.drop_path),
            Self::RegNet(net) => (&mut net.dropout, &mut net.drop_path),
            Self::ResNet(net) => (&mut net.dropout, &mut net.drop_path),
            Self::Imported(net) => {
                net.dropout = dropout;
                return;
            }
        };
        (*fields.0, *fields.1) = (dropout, drop_path);
    }

    /// Pixels of an image's side for one of the last features': the product of all strides.
    pub fn stride(&self) -> usize {
        let strides = |stem: &Stem, stages: &mut dyn Iterator<Item = usize>| {
            let pool = if stem.pool { 2 } else { 1 };
            stages.fold(stem.stride * pool, |product, stride| {
                product.saturating_mul(stride)
            })
        };
        match self {
            Self::EfficientNet(net) => strides(&net.stem, &mut net.stages.iter().map(|s| s.stride)),
            Self::RegNet(net) => strides(&net.stem, &mut net.stages.iter().map(|s| s.stride)),
            Self::ResNet(net) => strides(&net.stem, &mut net.stages.iter().map(|s| s.stride)),
            Self::Imported(net) => net.stride(),
        }
    }

    /// Draws all but the classifier: the last features, `[n, h, w, c]`.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn features(&self, g: &mut Graph, images: Value) -> engine::Result<Value> {
        match self {
            Self::EfficientNet(net) => net.features(g, images),
            Self::RegNet(net) => net.features(g, images),
            Self::ResNet(net) => net.features(g, images),
            Self::Imported(net) => net.features(g, images),
        }
    }

    /// Draws the network: logits, `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn forward(&self, g: &mut Graph, images: Value, classes: usize) -> engine::Result<Value> {
        match self {
            Self::EfficientNet(net) => net.forward(g, images, classes),
            Self::RegNet(net) => net.forward(g, images, classes),
            Self::ResNet(net) => net.forward(g, images, classes),
            Self::Imported(net) => net.forward(g, images, classes),
        }
    }
}
