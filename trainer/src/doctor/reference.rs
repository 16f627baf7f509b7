//! What the kernels should compute, in plain f64 loops.

use triaxis_engine::ops::{Activation, Conv2d, Padding};

/// The output's side, and the zeros before the first pixel.
pub(super) fn window(side: usize, kernel: usize, stride: usize, padding: Padding) -> [usize; 2] {
    match padding {
        Padding::Symmetric(zeros) => [(side + 2 * zeros - kernel) / stride + 1, zeros],
        Padding::Same => {
            let out = side.div_ceil(stride);
            [out, ((out - 1) * stride + kernel).saturating_sub(side) / 2]
        }
    }
}

/// Calls `visit(output pixel, input pixel, tap)` for every tap of a window that lies on the image.
pub(super) fn windows(
    [n, h, w]: [usize; 3],
    kernel: usize,
    stride: usize,
    padding: Padding,
    mut visit: impl FnMut(usize, usize, usize),
) {
    let [oh, top] = window(h, kernel, stride, padding);
    let [ow, left] = window(w, kernel, stride, padding);
    for pixel in 0..n * oh * ow {
        let (x, y, image) = (pixel % ow, pixel / ow % oh, pixel / ow / oh);
        for tap in 0..kernel * kernel {
            let row = (y * stride + tap / kernel).wrapping_sub(top);
            let column = (x * stride + tap % kernel).wrapping_sub(left);
            if row < h && column < w {
                visit(pixel, (image * h + row) * w + column, tap);
            }
        }
    }
}

/// Convolution of `x`, `[n, h, w, c]`, by `weight`, `[k, k, c / groups, out]`.
pub(super) fn conv2d(
    x: &[f64],
    [n, h, w, c]: [usize; 4],
    weight: &[f64],
    [k, _, cin, out]: [usize; 4],
    conv: Conv2d,
) -> Vec<f64> {
    let side = |side| window(side, k, conv.stride, conv.padding)[0];
    let mut y = vec![0.0; n * side(h) * side(w) * out];
    windows([n, h, w], k, conv.stride, conv.padding, |to, from, tap| {
        for co in 0..out {
            let first = co / (out / conv.groups) * cin;
            for ci in 0..cin {
                y[to * out + co] += x[from * c + first + ci] * weight[(tap * cin + ci) * out + co];
            }
        }
    });
    y
}

/// `activation(x)`.
pub(super) fn activate(activation: Activation, x: f64) -> f64 {
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Silu => x * sigmoid,
        Activation::Sigmoid => sigmoid,
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Relu6 => x.clamp(0.0, 6.0),
    }
}

/// Mean and biased variance of each of `c` channels.
pub(super) fn statistics(x: &[f64], c: usize) -> [Vec<f64>; 2] {
    let count = (x.len() / c) as f64;
    let (mut mean, mut variance) = (vec![0.0; c], vec![0.0; c]);
    x.iter()
        .enumerate()
        .for_each(|(i, x)| mean[i % c] += x / count);
    x.iter()
        .enumerate()
        .for_each(|(i, x)| variance[i % c] += (x - mean[i % c]).powi(2) / count);
    [mean, variance]
}

/// `-Σ targets · log softmax(logits)` of each row of `c`.
pub(super) fn softmax_cross_entropy(logits: &[f64], targets: &[f64], c: usize) -> Vec<f64> {
    let rows = logits.chunks_exact(c).zip(targets.chunks_exact(c));
    rows.map(|(logits, targets)| {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|x| (x - largest).exp()).sum();
        let each = logits.iter().zip(targets);
        each.map(|(x, t)| -t * (x - largest - sum.ln())).sum()
    })
    .collect()
}
