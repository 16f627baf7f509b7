//! The gradient of what channels are multiplied by, and what else the pass over these channels leaves.

use std::sync::Arc;

use super::PIXELS_EACH;
use crate::ops::Activation;
use crate::ops::batch_norm::GradientParts;
use crate::ops::entry::Entry;
use crate::ops::same_shape;
use crate::ops::sum_rows::{PartialSums, splits};
use crate::{Dispatch, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape};

/// The gradient of `s`, from `x` and the output's gradient: the sum of their products over an image's pixels.
#[derive(Debug, Default)]
pub(super) struct GradScale {
    /// What is made of `x` as it is read.
    entry: Entry,
    /// Whether the second output is what the gradient of the batch norm that is made so needs, `[n, 1, 4, c]`.
    moments: bool,
}

impl Op for GradScale {
    fn name(&self) -> &'static str {
        "gate_grad_scale"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0, 1])
    }

    fn meaning(&self) -> Meaning {
        Meaning::GateGradScale
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, _, _, c] = same_shape(&inputs[..2])?.0;
        let moments = self.moments.then_some(Shape([n, 1, 4, c]));
        Ok([Shape([n, 1, 1, c])].into_iter().chain(moments).collect())
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let (c4, pixels) = (x.c4(), x.h() * x.w());
        let splits = splits(cx.limits, x.n() * c4, pixels, PIXELS_EACH);
        let partials = PartialSums::of(cx, [x.n(), splits, c4], Out(0));
        let moments = self
            .moments
            .then(|| PartialSums::of(cx, [x.n(), splits, 4 * c4], Out(1)));
        for images in cx.image_ranges(&[In(0), In(1)], x.vec4s() * 4) {
            let threads = images.len() * splits * c4;
            let dispatch = match self.moments {
                true => Dispatch::new("ops/gate_normalised", "gate_normalised_grad_scale")
                    .link("ops/gate"),
                false => Dispatch::new("ops/gate", "gate_grad_scale"),
            };
            let dispatch = self
                .entry
                .link(dispatch)
                .params(&[threads, c4, pixels, splits, images.start])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(In(1), &images))
                .bind(partials.slot.touching(threads))
                .threads(threads)
                .work(x.with_n(images.len()).vec4s() * 4);
            let dispatch = match moments {
                Some(moments) => dispatch.bind(moments.slot.touching(4 * threads)),
                None => dispatch,
            };
            cx.push(self.entry.bind(dispatch));
        }
        partials.add_up(cx, Out(0));
        if let Some(moments) = moments {
            moments.add_up(cx, Out(1));
        }
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry, ..*self }))
    }

    fn with_moments(&self, activation: Activation) -> Option<Arc<dyn Op>> {
        (self.entry.activation() == Some(activation)).then(|| {
            Arc::new(Self {
                moments: true,
                ..*self
            }) as Arc<dyn Op>
        })
    }
}

/// The moments that a [`GradScale`] leaves, the coefficients of the batch norm, the excitation and the gradient of the
/// means to dgamma and dbeta.
#[derive(Debug)]
pub(crate) struct NormalisedGradSums {
    /// Of an image.
    pub pixels: usize,
}

impl Op for NormalisedGradSums {
    fn name(&self) -> &'static str {
        "gate_normalised_grad_sums"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape::vector(inputs[0].c()); 2])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (images, c4) = (cx.inputs[0].n(), cx.inputs[0].c4());
        let rows = splits(cx.limits, c4, images, 1).min(32);
        let parts = GradientParts::new(cx, rows, c4, [Out(0), Out(1)]);
        let dispatch = Dispatch::new("ops/gate_normalised", "gate_normalised_grad_sums")
            .link("ops/gate")
            .link("prologue/normalised")
            .link("activations")
            .params(&[images, rows, c4])
            .param_f32(1.0 / self.pixels as f32)
            .bind(In(0))
            .bind(In(1))
            .bind(In(2))
            .bind(In(3))
            .threads(rows * c4);
        cx.push(parts.bind(dispatch, rows));
        parts.merge(cx);
    }
}
