//! Trained networks for other programs: ONNX files.

mod onnx;

pub use onnx::{BatchNorms, OnnxOptions, onnx};
