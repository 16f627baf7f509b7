//! ONNX files (<https://onnx.ai>): the drawn graph of an evaluation, node by node, with its weights.
//!
//! Tensors are NCHW and weights in PyTorch's order, as ONNX has them. The input is `images`, `[N, 3, r, r]`, normalised
//! as for our own evaluation; the output `logits`, `[N, classes]`; N is free.

mod build;
mod fold;
mod proto;
mod walk;

use prost::Message;
use triaxis_models::Model;

use crate::checkpoint::NamedTensor;
use crate::drawing::Drawing;
use crate::error::{Error, Result};
use proto::{Entry, OperatorSet};
use walk::Walk;

/// Version of ONNX's operators that is used.
const OPSET: i64 = 17;
/// Version of the file format that belongs to it.
const IR_VERSION: i64 = 8;
/// Protocol buffers, and so ONNX files in one piece, hold less than 2 GiB.
const LARGEST: usize = i32::MAX as usize;

/// The input's name in files.
const IMAGES: &str = "images";
/// The output's name in files.
const LOGITS: &str = "logits";

/// How a network is written as ONNX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnnxOptions {
    /// What becomes of batch norms.
    pub batch_norms: BatchNorms,
    /// Words for the file's readers, by key.
    pub metadata: Vec<(String, String)>,
}

/// What becomes of batch norms in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchNorms {
    /// Those behind a convolution go into its weight and bias.
    #[default]
    Folded,
    /// They stay nodes with the parameters that were trained.
    Kept,
}

/// The bytes of an ONNX file of `model` with `weights`: its parameters and running statistics under its own names.
///
/// # Errors
///
/// [`Error::Mismatch`] for weights of another network, [`Error::Config`] for an operator that ONNX does not have, or for
/// more than 2 GiB.
pub fn onnx(model: &dyn Model, weights: &[NamedTensor], options: &OnnxOptions) -> Result<Vec<u8>> {
    let file = message(model, weights, options)?;
    let bytes = file.encoded_len();
    if bytes > LARGEST {
        return Err(too_large(model, bytes));
    }
    Ok(file.encode_to_vec())
}

fn message(
    model: &dyn Model,
    weights: &[NamedTensor],
    options: &OnnxOptions,
) -> Result<proto::Model> {
    let drawing = Drawing::of(model, 1)?;
    drawing.expect(model, weights)?;
    let bytes = weights.iter().map(|t| t.data.len() * 4).sum();
    if bytes > LARGEST {
        return Err(too_large(model, bytes));
    }
    let graph = Walk::new(&drawing, weights, options.batch_norms).graph(model)?;
    let entry = |(key, value): &(String, String)| Entry {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    Ok(proto::Model {
        ir_version: Some(IR_VERSION),
        producer_name: Some("triaxis".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: options.metadata.iter().map(entry).collect(),
    })
}

fn too_large(model: &dyn Model, bytes: usize) -> Error {
    Error::config(
        model.name(),
        format!("its ONNX file would take {bytes} bytes, ONNX files hold at most {LARGEST}"),
        "Export safetensors",
    )
}

#[cfg(test)]
mod tests;
