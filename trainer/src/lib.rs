#![doc = include_str!("../../README.md")]
//!
//! # In this crate
//!
//! A network is a type that implements [`Model`]: it draws itself into a graph, by [layers](models::layers) or the
//! engine's [operators](engine::ops). A [`Trainer`] turns it, the data and a [`Recipe`] into weights.
//! A [`checkpoint::CheckpointStore`] saves what [`Trainer::snapshot`] gives, under the names that PyTorch knows.

pub use triaxis_engine as engine;
pub use triaxis_models as models;

pub use engine::{Gpu, GpuOptions};
pub use models::{Model, Spec};

pub mod advise;
pub mod bench;
pub mod checkpoint;
mod classifier;
pub mod cli;
pub mod data;
pub mod doctor;
mod drawing;
pub mod error;
pub mod explain;
pub mod export;
#[cfg(feature = "fail-points")]
mod faults;
pub mod features;
pub mod import;
pub mod ledger;
pub mod logs;
mod npy;
pub mod output;
pub mod paper;
pub mod progress;
pub mod random;
pub mod recipe;
pub mod report;
pub mod schedule;
pub mod study;
pub mod table;
mod trainer;
pub mod tune;
pub mod weights;

pub use classifier::{Classifier, ClassifierOptions, Measured, Measurement, Top, softmax};
pub use error::{Error, Result};
pub use recipe::Recipe;
pub use trainer::draw;
pub use trainer::{
    Evaluations, Flow, LossScaling, MemoryNeeded, Mishaps, OnNan, ParameterUpdate, StepDone, Sums,
    Suspect, Suspects, Trainer, WeightKind, batch_that_fits, largest_batch, memory_needed,
    parameter_updates,
};
pub use weights::Weights;
