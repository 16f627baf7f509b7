//! The gradients of a convolution.

use std::ops::Range;
use std::sync::Arc;

use super::{Conv, Sizes};
use crate::ops::fused::Extras;
use crate::ops::sum::sum_partials;
use crate::{Halves, In, LaunchContext, Limits, Op, Out, Reading, Shape};

/// The gradient of the input, from the weight and the output's gradient.
#[derive(Debug)]
pub(super) struct GradInput {
    pub conv: Conv,
    pub x: Shape,
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "conv2d_grad_input"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[1])
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.x])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.conv.laid(self.x, cx.inputs[0]);
        for images in cx.image_ranges(&[In(1), Out(0)], sizes.work(sizes.x.n())) {
            let dispatch = sizes
                .dispatch(
                    cx.limits,
                    ["conv2d_grad_input", "conv2d_tiled_grad_input"],
                    images.len(),
                    &Extras::default(),
                )
                .params(&[0, 0, 0, 0, 0])
                .bind(In(0))
                .bind(cx.images(In(1), &images))
                .bind(cx.images(Out(0), &images));
            let dispatch = sizes.leaving_nothing(dispatch, cx.limits);
            cx.push(sizes.over(
                dispatch,
                cx.limits,
                [1, sizes.phased_pixels(images.len())],
                sizes.gi4,
            ));
        }
    }
}

/// The gradient of the weight, from the input and the output's gradient: sums over splits of the image rows, then
/// their sum.
#[derive(Debug)]
pub(super) struct GradWeight {
    pub conv: Conv,
    pub weight: Shape,
    /// What is made of the input as it is read.
    pub extras: Extras,
}

/// Bytes that the partial sums of one weight may take.
const PARTIALS: usize = 64 << 20;

impl GradWeight {
    /// Image rows a split, so that there are about as many threads as the adapter wants.
    fn rows(&self, sizes: &Sizes, limits: &Limits) -> usize {
        let threads = match sizes.tiled(limits) {
            true => 64 * sizes.gi4.div_ceil(16) * sizes.go4.div_ceil(16),
            false => sizes.gi4.div_ceil(2) * sizes.go4.div_ceil(2),
        } * sizes.taps()
            * sizes.bundles;
        let most = (PARTIALS / (self.weight.vec4s() * 16)).max(1);
        let splits = limits.threads_wanted().div_ceil(threads).min(most);
        (sizes.y.n() * sizes.y.h()).div_ceil(splits)
    }
}

impl Op for GradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0, 1])
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.weight])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let extras = (input == 0).then(|| self.extras.reading(reading, appended))??;
        Some(Arc::new(Self { extras, ..*self }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.conv.laid(cx.inputs[0], self.weight);
        let rows = self.rows(&sizes, cx.limits);
        let ranges = cx.image_ranges(&[In(0), In(1)], sizes.work(sizes.x.n()));
        let splits_of = |images: &Range<usize>| (images.len() * sizes.y.h()).div_ceil(rows);
        let splits: usize = ranges.iter().map(splits_of).sum();
        let partials = if splits == 1 {
            Out(0)
        } else {
            cx.scratch(splits * self.weight.vec4s())
        };
        let mut first_split = 0;
        for images in ranges {
            let splits = splits_of(&images);
            let dispatch = sizes
                .dispatch(
                    cx.limits,
                    ["conv2d_grad_weight", "conv2d_tiled_grad_weight"],
                    images.len(),
                    &self.extras,
                )
                .link("rows/eight")
                .params(&[rows, splits, first_split, 0, images.start])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(In(1), &images))
                .bind(partials.touching(splits * self.weight.vec4s()));
            let dispatch = sizes.leaving_nothing(dispatch, cx.limits);
            let dispatch = self.extras.bind(dispatch, cx, &images);
            let parts = splits * sizes.taps() * sizes.bundles;
            cx.push(match sizes.tiled(cx.limits) {
                true => {
                    dispatch.workgroups(parts * sizes.gi4.div_ceil(16) * sizes.go4.div_ceil(16))
                }
                false => {
                    let (inputs, columns) = (Sizes::columns(sizes.gi4), Sizes::columns(sizes.go4));
                    dispatch
                        .constant("INPUTS", inputs as f64)
                        .constant("COLUMNS", columns as f64)
                        .threads(parts * sizes.gi4.div_ceil(inputs) * sizes.go4.div_ceil(columns))
                }
            });
            first_split += splits;
        }
        if splits > 1 {
            sum_partials(cx, partials, splits, self.weight.vec4s(), Out(0));
        }
    }
}
