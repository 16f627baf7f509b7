//! Train, run and scale convolutional networks on any GPU.
//!
//! A network is a type that implements [`Model`]: it draws itself into a graph, by [layers](models::layers) or the
//! engine's [operators](engine::ops). A [`Trainer`] turns it, the data and a [`Recipe`] into weights.
//!
//! ```
//! use triaxis::engine::{self, Graph, Init, Value, ops};
//! use triaxis::models::layers::{Conv, Style, conv_norm_act, linear};
//! use triaxis::{Gpu, Model, Recipe, Trainer, data};
//!
//! /// Three convolutions, each of which halves the picture's sides, and a linear layer.
//! struct Small;
//!
//! impl Model for Small {
//!     fn name(&self) -> &str { "small" }
//!     fn resolution(&self) -> usize { 32 }
//!     fn num_classes(&self) -> usize { 10 }
//!
//!     fn forward(&self, g: &mut Graph, images: Value) -> engine::Result<Value> {
//!         let (mut x, style) = (images, Style::silu());
//!         for (names, width) in [(["conv1", "bn1"], 16), (["conv2", "bn2"], 32), (["conv3", "bn3"], 64)] {
//!             let conv = Conv { kernel: 3, stride: 2, ..Conv::to(width) };
//!             x = conv_norm_act(g, names, x, conv, &style)?;
//!         }
//!         let x = ops::global_avg_pool(g, x)?;
//!         linear(g, "classifier", x, self.num_classes(), Init::Normal { std: 0.01 })
//!     }
//! }
//!
//! fn main() -> triaxis::Result<()> {
//!     let gpu = Gpu::open(&Default::default())?;
//!     let data = data::open("synthetic:1000", &Default::default())?;
//!     let recipe = Recipe { epochs: 4, warmup_epochs: 1.0, batch_size: 25, lr: 8.0, ..Recipe::default() };
//!     let mut trainer = Trainer::new(&gpu, Small, &data, &recipe)?;
//!     trainer.fit(|row| println!("epoch {}: top-1 {:.1} %", row.epoch, row.eval.top1))?;
//! #     let rows = trainer.rows();
//! #     assert!(rows.len() == 4 && rows[3].train_loss < 2.1, "{rows:?}");
//!     Ok(())
//! }
//! ```
//!
//! A [`checkpoint::CheckpointStore`] saves what [`Trainer::snapshot`] gives, under the names that PyTorch knows.

pub use triaxis_engine as engine;
pub use triaxis_models as models;

pub use engine::{Gpu, GpuOptions};
pub use models::{Model, Spec};

pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod doctor;
pub mod error;
pub mod output;
pub mod progress;
pub mod random;
pub mod recipe;
pub mod report;
pub mod schedule;
mod trainer;

pub use error::{Error, Result};
pub use recipe::Recipe;
pub use trainer::draw;
pub use trainer::{
    Flow, MemoryNeeded, StepDone, Sums, Trainer, Weights, largest_batch, memory_needed,
};
