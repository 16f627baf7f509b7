//! Convolutional networks as plain configurations that draw themselves.

pub use triaxis_engine as engine;
