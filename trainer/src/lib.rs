//! Train, run and scale convolutional networks on any GPU.

pub use triaxis_engine as engine;
pub use triaxis_models as models;

pub mod checkpoint;
pub mod cli;
pub mod data;
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
pub use trainer::{Flow, StepDone, Sums, Trainer, Weights, largest_batch};
