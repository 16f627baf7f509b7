//! One file an operator: its cases and a plain reference. To add one, copy `add`.

use triaxis::engine::ops::Padding;

use crate::Case;

pub mod activation;
pub mod add;
pub mod depthwise;
pub mod scale;

/// Every case of every operator.
pub fn all() -> Vec<Case> {
    [
        activation::cases,
        add::cases,
        depthwise::cases,
        scale::cases,
    ]
    .iter()
    .flat_map(|cases| cases())
    .collect()
}

/// First pixel's padding and number of outputs along one side: what TensorFlow's and PyTorch's documentation say.
fn window(side: usize, kernel: usize, stride: usize, padding: Padding) -> (usize, usize) {
    match padding {
        Padding::Symmetric(p) => (p, (side + 2 * p - kernel) / stride + 1),
        Padding::Same if side % stride == 0 => (kernel.saturating_sub(stride) / 2, side / stride),
        Padding::Same => (kernel.saturating_sub(side % stride) / 2, side / stride + 1),
    }
}
