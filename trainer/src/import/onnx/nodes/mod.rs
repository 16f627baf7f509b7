//! The operators of ONNX that are taken (<https://onnx.ai/onnx/operators/>), each a method that makes a layer or says what was
//! expected instead.

mod pointwise;
mod sizes;
mod weighted;
mod windows;

use super::made::{Call, Made, Side, Taken, expected};
use super::message::Node;
use super::walk::Walk;

/// All of them.
pub(super) const OPERATORS: [&str; 31] = [
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "Dropout",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "ReduceMean",
    "Relu",
    "Reshape",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

impl<'a> Walk<'a> {
    /// What a node makes.
    pub(super) fn operator(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let ours = matches!(node.domain, "" | "ai.onnx");
        if !ours || !OPERATORS.contains(&node.op) {
            return expected("an operator that is taken");
        }
        // What reads what was refused is not refused for that.
        if call
            .inputs
            .iter()
            .flatten()
            .any(|made| matches!(made, Made::Unknown))
        {
            return Ok(Made::Unknown);
        }
        match node.op {
            "Conv" => self.conv(call),
            "BatchNormalization" => self.batch_norm(call),
            "Gemm" => self.gemm(call),
            "MatMul" => self.matmul(call),
            "Relu" | "HardSwish" | "Clip" => self.activation(call),
            "Sigmoid" | "HardSigmoid" => self.squash(call),
            "Mul" => self.product(call),
            "Add" => self.sum(call),
            "MaxPool" => self.max_pool(call),
            "AveragePool" => self.average_pool(call),
            "GlobalAveragePool" => self.global_average_pool(call),
            "ReduceMean" => self.reduce_mean(call),
            "Pad" => self.pad(call),
            "Flatten" => self.flatten(call),
            "Reshape" => self.reshape(call),
            "Squeeze" => self.squeeze(call),
            "Unsqueeze" => self.unsqueeze(call),
            "Transpose" => self.transpose(call),
            "Softmax" | "LogSoftmax" => self.softmax(call),
            "Shape" => self.shape_of(call),
            "Gather" => sizes::gather(call),
            "Concat" => sizes::concat(call),
            "Slice" => sizes::slice(call),
            "Cast" => cast(call),
            "Constant" => constant(call.node),
            "Dropout" if trains(call) => expected("dropout without `training_mode`"),
            "Dropout" | "Identity" => call.input(0).cloned(),
            _ => expected("an operator that is taken"),
        }
    }
}

/// Whether dropout drops anything.
fn trains(call: &Call<'_, '_>) -> bool {
    match call.optional(2) {
        None => false,
        Some(Made::Constant(tensor)) => !tensor.is_false(),
        Some(_) => true,
    }
}

/// Floating-point numbers are f32 here, and sizes whole, whatever they are stored as.
fn cast<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    let to_numbers = matches!(call.node.int("to"), Some(1 | 10 | 11));
    let made = call.input(0)?;
    let is_whole = match made {
        Made::Sizes(_) => true,
        Made::Constant(tensor) => tensor.is_whole(),
        _ => false,
    };
    match is_whole == to_numbers {
        false => Ok(made.clone()),
        true => expected("floating-point numbers that stay such, or sizes that stay such"),
    }
}

fn constant<'a>(node: &Node<'a>) -> Taken<Made<'a>> {
    if let Some(tensor) = node.tensor("value") {
        return Ok(Made::Constant(tensor.clone()));
    }
    if let Some(number) = node.float("value_float") {
        return Ok(Made::Number(number));
    }
    let whole = |ints: &[i64]| ints.iter().map(|&int| Side::Number(int)).collect();
    if let Some(int) = node.int("value_int") {
        return Ok(Made::Sizes(whole(&[int])));
    }
    match node.ints("value_ints") {
        Some(ints) => Ok(Made::Sizes(whole(ints))),
        None => expected("a tensor, a number or whole numbers"),
    }
}
