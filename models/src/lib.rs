//! Convolutional networks as plain configurations that draw themselves.
//!
//! A [`Spec`] is a whole network as numbers a person can read: a [`Network`] (one of the families), a resolution and a
//! number of classes. [`zoo`] knows the published ones by name; [`Spec::load`] reads one from a TOML file. Drawing it
//! into a [`engine::Graph`] is the only description there is: its cost, its parameters' names and its checkpoints are
//! readings of that drawing. Names are those of timm, so public weights fit.
//!
//! ```
//! use triaxis_models::{Model, engine::{Graph, Mode}, zoo};
//!
//! let model = zoo("regnety_004")?;
//! let mut g = Graph::new(Mode::Evaluate);
//! let r = model.resolution();
//! let images = g.input("images", [1, r, r, 3]);
//! model.forward(&mut g, images)?;
//! assert_eq!(g.complexity().params, 4_344_144);
//! assert_eq!(g.complexity().flops, 401_849_056);
//! # Ok::<(), triaxis_models::Error>(())
//! ```
//!
//! [`scaling`] grows and shrinks any of them along depth, width and resolution: by a [`Strategy`] and a factor, or to a
//! target that [`scaling::fit`] finds on the rounded network.
//!
//! ```
//! use triaxis_models::{Scaling, zoo};
//!
//! let b0 = zoo("efficientnet_b0")?;
//! let grown = b0.scaled(Scaling::fast(11.0))?;
//! // Table 8 of *Fast and Accurate Model Scaling*, EfficientNet-B0 to 4 GF.
//! assert_eq!(grown.resolution, 252);
//! assert_eq!(grown.complexity()?.flops, 4_142_811_522);
//! # Ok::<(), triaxis_models::Error>(())
//! ```
//!
//! A network of your own is a type that implements [`Model`], drawn with [`layers`] and the engine's operators.

mod check;
mod efficientnet;
mod error;
mod imported;
pub mod layers;
mod naming;
mod network;
mod regnet;
mod resnet;
pub mod rounding;
pub mod scaling;
mod spec;
mod stages;
mod zoo;

pub use triaxis_engine as engine;

pub use efficientnet::{EfficientNet, MbBlock, MbStage};
pub use error::{Error, Result};
pub use imported::{Imported, Layer, LayerOp, Margin};
pub use layers::{FanOut, PaddingRule, Stem, Style};
pub use naming::Naming;
pub use network::Network;
pub use regnet::{Line, RegNet, RegNetStage};
pub use resnet::{ResNet, ResNetBlock, ResNetStage};
pub use scaling::{Scaling, Strategy};
pub use spec::{BUILT_IN, Spec};
pub use stages::Stage;
pub use zoo::{Entry, Status, entries, entry, names, zoo};

use engine::{Graph, Value};

/// A classifier of images.
pub trait Model {
    /// Its name, in checkpoints and reports.
    fn name(&self) -> &str;

    /// Side of the images it is trained on, pixels.
    fn resolution(&self) -> usize;

    /// Classes it tells apart.
    fn num_classes(&self) -> usize;

    /// The whole network as TOML that [`Spec::from_toml`] reads, for a checkpoint to keep; `None` for one that is code alone.
    fn description(&self) -> Option<String> {
        None
    }

    /// Draws the network: `images` is `[n, h, w, 3]`, the logits returned are `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// The engine's, naming the node whose inputs do not fit.
    fn forward(&self, g: &mut Graph, images: Value) -> engine::Result<Value>;
}
