//! Trained networks for other programs: ONNX files, and safetensors under the names of public checkpoints.

mod onnx;
mod safetensors;

pub use onnx::{BatchNorms, OnnxOptions, onnx};
pub use safetensors::{Precision, SafetensorsOptions, safetensors};
