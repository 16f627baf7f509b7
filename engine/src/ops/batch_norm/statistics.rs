//! Mean and variance of each channel, and the coefficients that they make.

use super::coefficients_of;
use crate::ops::sum::{FAN_IN, LAST_COLUMNS, LAST_ROWS, tiles};
use crate::{Dispatch, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape, Slot};

/// Three numbers a channel of `x`: the mean as two, and the biased variance.
pub(in crate::ops) fn statistics_of(x: Shape) -> Shape {
    Shape([1, 1, 3, x.c()])
}

/// The statistics of tiles of pixels, in scratch, to be merged.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Parts {
    /// Vectors of a tile: two of a convolution's, mean and M2; else three.
    vectors: usize,
    tiles: usize,
    /// What they are the statistics of.
    x: Shape,
    numbers: Slot,
    counts: Slot,
    /// Where the merged ones go.
    out: usize,
}

impl Parts {
    /// Scratch for the tiles that a convolution makes of its output `x`, and the node's output for their statistics.
    pub(in crate::ops) fn new(cx: &mut LaunchContext, tiles: usize, x: Shape, out: usize) -> Self {
        Self::of(cx, [2, tiles], x, out)
    }

    fn of(cx: &mut LaunchContext, [vectors, tiles]: [usize; 2], x: Shape, out: usize) -> Self {
        Self {
            vectors,
            tiles,
            x,
            numbers: cx.scratch(tiles * vectors * x.c4()),
            counts: cx.scratch(tiles.div_ceil(4)),
            out,
        }
    }

    /// Binds them to a convolution that makes `tiles` of them.
    pub(in crate::ops) fn bind(&self, dispatch: Dispatch, tiles: usize) -> Dispatch {
        dispatch
            .bind_at(3, self.numbers.touching(tiles * self.vectors * self.x.c4()))
            .bind_at(4, self.counts.touching(tiles.div_ceil(4)))
    }

    /// Merges them, [`FAN_IN`] tiles at a time until few enough are left for one kernel.
    pub(in crate::ops) fn merge(mut self, cx: &mut LaunchContext) {
        let c4 = self.x.c4();
        while self.tiles > LAST_ROWS {
            let rows = self.tiles.div_ceil(FAN_IN);
            let numbers = cx.scratch(rows * 3 * c4);
            let counts = cx.scratch(rows.div_ceil(4));
            let dispatch = self.merging("batch_norm_statistics_merge");
            cx.push(dispatch.bind(numbers).bind(counts).threads(rows * c4));
            self = Self {
                vectors: 3,
                tiles: rows,
                numbers,
                counts,
                ..self
            };
        }
        let few = self.tiles <= FAN_IN;
        let dispatch = match few {
            true => {
                let counts = cx.scratch(1);
                let dispatch = self.merging("batch_norm_statistics_merge");
                let dispatch = dispatch.constant("LAST", 1.0).threads(c4);
                dispatch.bind(Out(self.out)).bind(counts)
            }
            false => self
                .merging("batch_norm_statistics_merge_last")
                .bind(Out(self.out))
                .workgroups(c4.div_ceil(LAST_COLUMNS)),
        };
        cx.push(dispatch);
    }

    fn merging(&self, entry: &'static str) -> Dispatch {
        kernel(entry)
            .constant("FAN_IN", FAN_IN as f64)
            .constant("VECTORS", self.vectors as f64)
            .params(&[self.tiles, self.x.c4()])
            .param_f32(1.0 / self.x.pixels() as f32)
            .bind(self.numbers)
            .bind(self.counts)
    }
}

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
            _ => Ok(vec![statistics_of(inputs[0])]),
        }
    }

    fn meaning(&self) -> Meaning {
        Meaning::BatchNormStatistics
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let c4 = x.c4();
        let (ranges, count) = tiles(cx, &[In(0)], x);
        let parts = Parts::of(cx, [3, count], x, 0);
        for range in ranges {
            let vec4s = x.with_n(range.images.len()).vec4s();
            cx.push(
                kernel("batch_norm_statistics")
                    .params(&[vec4s, range.count * c4, c4, range.first, 0, 0, 0])
                    .bind(cx.images(In(0), &range.images))
                    .bind(parts.numbers.touching(range.count * 3 * c4))
                    .bind(parts.counts.touching(range.count.div_ceil(4)))
                    .threads(range.count * c4),
            );
        }
        parts.merge(cx);
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
