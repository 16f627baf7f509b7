//! The operators. One file each: shape rule, cost, kernels, gradient. Kernels stand in `shaders/ops/<name>.wgsl`,
//! cases and a plain reference in `tests/ops/<name>.rs`.

mod activation;
mod add;
mod avg_pool;
mod batch_norm;
mod bias;
mod bundle;
mod column_sum;
mod conv2d;
mod depthwise;
mod max_pool;
mod scale;
mod sum;
mod sum_rows;
mod window;

pub use activation::{Activation, activation};
pub use add::add;
pub use avg_pool::{Divisor, avg_pool};
pub use batch_norm::{BatchNorm, BatchNormInputs, batch_norm};
pub use bias::bias;
pub use column_sum::column_sum;
pub use conv2d::{Conv2d, conv2d};
pub use depthwise::{Depthwise, depthwise};
pub use max_pool::max_pool;
pub use scale::scale;
pub use window::{Padding, Pool};

use crate::Shape;

/// The shape that all inputs share, or what was expected.
fn same_shape(inputs: &[Shape]) -> Result<Shape, String> {
    match inputs.iter().all(|s| *s == inputs[0]) {
        true => Ok(inputs[0]),
        false => Err("tensors of one shape".into()),
    }
}
