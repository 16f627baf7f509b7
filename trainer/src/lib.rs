//! Train, run and scale convolutional networks on any GPU.

pub use triaxis_engine as engine;
pub use triaxis_models as models;
//! Placeholder.

pub mod data;
pub mod random;
