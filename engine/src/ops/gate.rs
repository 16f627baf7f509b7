//! Channels times numbers of an image's own. Kernels: `shaders/ops/gate.wgsl`, `shaders/ops/gate_normalised.wgsl`.
//! Test: `tests/ops/gate.rs`.

mod gradient;

use std::sync::Arc;

use super::entry::Entry;
use crate::{
    Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Value,
};

/// Pixels that a thread takes, at least: finding out which these are costs more than a pixel.
const PIXELS_EACH: usize = 8;

use gradient::GradScale;
pub(crate) use gradient::NormalisedGradSums;

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
