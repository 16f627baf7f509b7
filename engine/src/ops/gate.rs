//! Channels times numbers of an image's own. Kernels: `shaders/ops/gate.wgsl`. Test: `tests/ops/gate.rs`.

use std::sync::Arc;

use super::entry::Entry;
use super::same_shape;
use super::sum_rows::{PartialSums, splits};
use crate::{
    Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Value,
};

/// Pixels that a thread takes, at least: finding out which these are costs more than a pixel.
const PIXELS_EACH: usize = 8;

/// `y = x · s`: every channel of `x`, `[n, h, w, c]`, times its image's number in `s`, `[n, 1, 1, c]`: the excitation
/// of squeeze-and-excite (<https://arxiv.org/abs/1709.01507>).
///
/// # Errors
///
/// [`crate::Error::Shape`] where `s` is not `[n, 1, 1, c]`.
pub fn gate(g: &mut Graph, x: Value, s: Value) -> Result<Value> {
    g.apply_one(Gate::default(), &[x, s])
}

#[derive(Debug, Default)]
struct Gate {
    /// What is made of `x` as it is read.
    entry: Entry,
}

impl Op for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Gate
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, _, _, c] = inputs[0].0;
        match inputs[1] == Shape([n, 1, 1, c]) {
            true => Ok(vec![inputs[0]]),
            false => Err(format!(
                "a number for each channel of each image, {n}×1×1×{c}"
            )),
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let (c4, pixels) = (x.c4(), x.h() * x.w());
        let splits = pixels.div_ceil(PIXELS_EACH);
        for images in cx.image_ranges(&[In(0)], 0) {
            let threads = images.len() * splits * c4;
            let dispatch = self
                .entry
                .link(Dispatch::new("ops/gate", "gate"))
                .params(&[threads, c4, pixels, splits, images.start])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images))
                .threads(threads);
            cx.push(self.entry.bind(dispatch));
        }
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry }))
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None, None]);
        };
        Ok(vec![
            Some(gate(g, dy, xs[1])?),
            Some(g.apply_one(GradScale::default(), &[xs[0], dy])?),
        ])
    }
}

/// The gradient of `s`, from `x` and the output's gradient: the sum of their products over an image's pixels.
#[derive(Debug, Default)]
struct GradScale {
    /// What is made of `x` as it is read.
    entry: Entry,
}

impl Op for GradScale {
    fn name(&self) -> &'static str {
        "gate_grad_scale"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0, 1])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, _, _, c] = same_shape(inputs)?.0;
        Ok(vec![Shape([n, 1, 1, c])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let (c4, pixels) = (x.c4(), x.h() * x.w());
        let splits = splits(cx.limits, x.n() * c4, pixels, PIXELS_EACH);
        let partials = PartialSums::new(cx, x.n(), splits, c4);
        for images in cx.image_ranges(&[In(0), In(1)], x.vec4s() * 4) {
            let threads = images.len() * splits * c4;
            let dispatch = self
                .entry
                .link(Dispatch::new("ops/gate", "gate_grad_scale"))
                .params(&[threads, c4, pixels, splits, images.start])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(In(1), &images))
                .bind(partials.slot.touching(threads))
                .threads(threads)
                .work(x.with_n(images.len()).vec4s() * 4);
            cx.push(self.entry.bind(dispatch));
        }
        partials.add_up(cx, Out(0));
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry }))
    }
}
