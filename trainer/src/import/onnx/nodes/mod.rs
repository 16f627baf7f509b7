//! The operators of ONNX that are taken (<https://onnx.ai/onnx/operators/>), each a method that makes a layer or says what was
//! expected instead.

mod pointwise;
mod sizes;
mod weighted;
mod windows;

use super::few::{self, Few, Side};
use super::made::{Call, Made, Taken, expected};
use super::message::Node;
use super::walk::Walk;

/// Those that make layers, or other sides of what a layer makes.
pub(super) const OPERATORS: [&str; 27] = [
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Constant",
    "Conv",
    "Dropout",
    "Flatten",
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
    "Sigmoid",
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
        let known = OPERATORS.contains(&node.op) || few::COMPUTED.contains(&node.op);
        if !ours || !known {
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
        if let Some(made) = few::computed(call)? {
            return Ok(made);
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
            "Cast" => cast(call),
            "Constant" => constant(call.node),
            "Dropout" if trains(call) => expected("dropout without `training_mode`"),
            "Dropout" => call.input(0).cloned(),
            "Identity" => same(call),
            "Concat" => {
                expected("sizes one behind the other: features side by side are not computed")
            }
            _ => expected("sizes, which no picture changes"),
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

/// The same by another name: exporters keep equal tensors once.
fn same<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    let mut made = call.input(0)?.clone();
    if let (Made::Constant(tensor), Some(name)) = (&mut made, call.node.outputs.first()) {
        tensor.name = *name;
    }
    Ok(made)
}

/// Floating-point numbers are f32 here, whatever they are stored as.
fn cast<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    match call.node.int("to") {
        Some(1 | 10 | 11) => Ok(call.input(0)?.clone()),
        _ => expected("floating-point numbers that stay such"),
    }
}

fn constant<'a>(node: &Node<'a>) -> Taken<Made<'a>> {
    if let Some(tensor) = node.tensor("value") {
        return Ok(Made::Constant(tensor.clone()));
    }
    if let Some(number) = node.float("value_float") {
        return Ok(Made::Few(Few::number(number.into(), false)));
    }
    if let Some(int) = node.int("value_int") {
        return Ok(Made::Few(Few::number(int as f64, true)));
    }
    match node.ints("value_ints") {
        Some(ints) => {
            let numbers = ints.iter().map(|&int| Side::Number(int as f64));
            Ok(Made::Few(Few::list(numbers.collect())))
        }
        None => expected("a tensor, a number or whole numbers"),
    }
}
