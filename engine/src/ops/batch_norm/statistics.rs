//! Mean and variance of each channel, and the coefficients that they make.

use super::coefficients_of;
use crate::ops::sum::{FAN_IN, tiles};
use crate::{Dispatch, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape};

/// `x`, `[n, h, w, c]`, to `[1, 1, 3, c]`: the mean as two numbers and the biased variance, merged from tiles.
#[derive(Debug)]
pub(super) struct Statistics;

impl Op for Statistics {
    fn name(&self) -> &'static str {
        "batch_norm_statistics"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        match inputs[0].pixels() {
            0 | 1 => Err(
                "more than one value a channel in training (a larger batch or resolution)".into(),
            ),
            _ => Ok(vec![Shape([1, 1, 3, inputs[0].c()])]),
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let c4 = x.c4();
        let (ranges, mut count) = tiles(cx, &[In(0)], x);
        let mut parts = (cx.scratch(count * 3 * c4), cx.scratch(count.div_ceil(4)));
        for range in ranges {
            let vec4s = x.with_n(range.images.len()).vec4s();
            cx.push(
                kernel("batch_norm_statistics")
                    .params(&[vec4s, range.count * c4, c4, range.first, 0, 0, 0])
                    .bind(cx.images(In(0), &range.images))
                    .bind(parts.0.touching(range.count * 3 * c4))
                    .bind(parts.1.touching(range.count.div_ceil(4)))
                    .threads(range.count * c4),
            );
        }
        loop {
            let rows = count.div_ceil(FAN_IN);
            let last = rows == 1;
            let merged = if last {
                Out(0)
            } else {
                cx.scratch(rows * 3 * c4)
            };
            let counts = cx.scratch(rows.div_ceil(4));
            cx.push(
                kernel("batch_norm_statistics_merge")
                    .constant("FAN_IN", FAN_IN as f64)
                    .params(&[count, c4])
                    .param_f32(1.0 / x.pixels() as f32)
                    .bind(parts.0)
                    .bind(parts.1)
                    .bind(merged)
                    .bind(counts)
                    .threads(rows * c4),
            );
            if last {
                break;
            }
            (parts, count) = ((merged, counts), rows);
        }
    }
}

/// Statistics, gamma, beta, running mean and variance to the coefficients; moves the running statistics.
#[derive(Debug)]
pub(super) struct Coefficients {
    pub eps: f32,
    pub momentum: f32,
    /// Values a channel.
    pub count: usize,
}

impl Op for Coefficients {
    fn name(&self) -> &'static str {
        "batch_norm_coefficients"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        vectors(&inputs[1..], inputs[0].c())
    }

    fn updates(&self) -> Vec<usize> {
        vec![3, 4]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let unbiased = self.count as f64 / (self.count as f64 - 1.0);
        let bind = |d: Dispatch, i| d.bind(In(i));
        cx.push(
            (0..5)
                .fold(kernel("batch_norm_coefficients"), bind)
                .bind(Out(0))
                .params(&[x.c4(), x.c()])
                .param_f32(self.eps)
                .param_f32(self.momentum)
                .param_f32(unbiased as f32)
                .threads(x.c4()),
        );
    }
}

/// Gamma, beta, running mean and variance to the coefficients.
#[derive(Debug)]
pub(super) struct FrozenCoefficients {
    pub eps: f32,
}

impl Op for FrozenCoefficients {
    fn name(&self) -> &'static str {
        "batch_norm_coefficients"
    }

    fn meaning(&self) -> Meaning {
        Meaning::BatchNormCoefficients { eps: self.eps }
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        vectors(inputs, inputs[0].c())
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let gamma = cx.inputs[0];
        let bind = |d: Dispatch, i| d.bind(In(i));
        cx.push(
            (0..4)
                .fold(kernel("batch_norm_coefficients_frozen"), bind)
                .bind(Out(0))
                .params(&[gamma.c4(), gamma.c()])
                .param_f32(self.eps)
                .param_f32(0.0)
                .param_f32(0.0)
                .threads(gamma.c4()),
        );
    }
}

/// The coefficients' shape where gamma, beta, running mean and variance are all a number a channel.
fn vectors(inputs: &[Shape], c: usize) -> Result<Vec<Shape>, String> {
    let expected = Shape::vector(c);
    match inputs.iter().all(|&s| s == expected) {
        true => Ok(vec![coefficients_of(c)]),
        false => Err(format!(
            "a gamma, beta, running mean and variance of {expected}, one number a channel"
        )),
    }
}

fn kernel(entry: &'static str) -> Dispatch {
    Dispatch::new("ops/batch_norm", entry)
        .link("activations")
        .link("prologue/incoming")
}
