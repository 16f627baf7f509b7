//! The operators. One file each: shape rule, cost, kernels, gradient. Kernels stand in `shaders/ops/<name>.wgsl`,
//! cases and a plain reference in `tests/ops/<name>.rs`.

mod activation;
mod add;
mod batch_norm;
mod bias;
mod column_sum;
mod drop_path;
mod dropout;
mod random;
mod scale;
mod sum;

pub use activation::{Activation, activation};
pub use add::add;
pub use batch_norm::{BatchNorm, BatchNormInputs, batch_norm};
pub use bias::bias;
pub use column_sum::column_sum;
pub use drop_path::drop_path;
pub use dropout::dropout;
pub use scale::scale;

use crate::Shape;

/// The shape that all inputs share, or what was expected.
fn same_shape(inputs: &[Shape]) -> Result<Shape, String> {
    match inputs.iter().all(|s| *s == inputs[0]) {
        true => Ok(inputs[0]),
        false => Err("tensors of one shape".into()),
    }
}
