//! A block small enough to count by hand.

use super::*;
use crate::ops::{self, BatchNorm, BatchNormInputs, Conv2d, Padding};
use crate::{Init, ParameterOptions, Shape};

/// A convolution of 1×1 or 3×3 to `width` channels, dense or depthwise, and a batch norm.
fn conv_norm(g: &mut Graph, name: &str, x: Value, [kernel, width]: [usize; 2]) -> Value {
    let groups = if kernel > 1 { width } else { 1 };
    let shape = [kernel, kernel, g.shape(x).c() / groups, width];
    let conv = Conv2d {
        padding: Padding::Symmetric(kernel / 2),
        groups,
        ..Conv2d::default()
    };
    g.scope(name, |g| {
        let vector = |g: &mut Graph, name: &str| {
            g.parameter(name, Shape::vector(width), ParameterOptions::default())
        };
        let weight = g.parameter("weight", shape, ParameterOptions::default())?;
        let inputs = BatchNormInputs {
            gamma: vector(g, "gamma")?,
            beta: vector(g, "beta")?,
            running_mean: g.buffer("mean", Shape::vector(width), Init::Constant(0.0))?,
            running_var: g.buffer("var", Shape::vector(width), Init::Constant(1.0))?,
        };
        let y = ops::conv2d(g, x, weight, conv)?;
        ops::batch_norm(g, y, inputs, BatchNorm::default())
    })
    .unwrap()
}

/// Expansion to 16, activated; depthwise, gated by its own mean; projection; sum: 2 images of 4×4 pixels, 8 channels.
fn block() -> Graph {
    let mut g = Graph::new(Mode::Evaluate);
    let x = g.input("x", [2, 4, 4, 8]);
    let y = conv_norm(&mut g, "expand", x, [1, 16]);
    let y = ops::activation(&mut g, y, Activation::Silu).unwrap();
    let y = conv_norm(&mut g, "spatial", y, [3, 16]);
    let mean = ops::global_avg_pool(&mut g, y).unwrap();
    let y = ops::gate(&mut g, y, mean).unwrap();
    let y = conv_norm(&mut g, "project", y, [1, 8]);
    ops::add(&mut g, x, y).unwrap();
    g
}

fn bounds(mode: Mode, precision: Precision, batch: usize) -> [u64; 3] {
    let options = BoundOptions {
        mode,
        precision,
        batch,
    };
    let Bounds {
        conv,
        block,
        unfused,
    } = Bounds::of(&self::block(), &options);
    [conv, block, unfused]
}

/// Numbers of the narrow and the wide tensors for an image.
const NARROW: u64 = 16 * 8;
const WIDE: u64 = 16 * 16;
/// Weights, and two numbers a channel.
const PARAMETERS: u64 = (8 * 16 + 9 * 16 + 16 * 8) + 2 * (16 + 16 + 8);

#[test]
fn training_reads_raw_outputs_with_gradients() {
    let (i, o) = (NARROW, WIDE);
    let (sum, excite) = (2 * i, 3 * o);
    let conv = (4 * i + 5 * o) + (4 * o + 5 * o + excite) + (4 * o + 5 * i) + sum;
    let block = 3 * (i + o) + 3 * (o + o) + excite + 3 * (o + i) + sum;
    let unfused = 3 * (i + o) + 3 * (o + o) + 3 * (o + i) // convolutions
        + 8 * (o + o + i) // norms
        + 5 * o // the activation
        + 8 * o // the gate
        + 5 * i; // the sum
    let each = PARAMETERS * (3 * 4 + 20);
    assert_eq!(
        bounds(Mode::Train, Precision::F32, 1),
        [conv, block, unfused].map(|n| 4 * n + each)
    );
    let share = PARAMETERS * (3 * 2 + 20) / 64;
    assert_eq!(
        bounds(Mode::Train, Precision::F16, 64),
        [conv, block, unfused].map(|n| 2 * n + share)
    );
}

#[test]
fn inference_folds_norms_and_may_recompute_the_expansion() {
    let (i, o) = (NARROW, WIDE);
    let conv = (i + o) + (o + o) + (o + i) + i;
    // The depthwise convolution reads what the expansion would have read.
    let block = (i + o) + (o + i) + i;
    let unfused = (i + o) + (o + o) + (o + i) + 2 * o + 3 * o + 3 * i;
    assert_eq!(
        bounds(Mode::Evaluate, Precision::F16, 8),
        [conv, block, unfused].map(|n| 2 * n + PARAMETERS * 2 / 8)
    );
}
