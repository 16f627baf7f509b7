//! The gradients of a convolution.

use std::ops::Range;
use std::sync::Arc;

use super::Conv;
use super::sizes::{Entries, Pass, STORED, SUMMED, Sizes};
use super::strip::Strip;
use crate::ops::Activation;
use crate::ops::ending::Ending;
use crate::ops::entry::Arriving;
use crate::ops::fused::Extras;
use crate::ops::sum::sum_partials;
use crate::ops::summand::Summand;
use crate::{
    Dispatch, Following, Halves, In, LaunchContext, Limits, Op, Out, Reading, Shape, Slot,
};

/// Entry points of the input's gradient.
const INPUT_ENTRIES: Entries = Entries {
    over_pixels: Some(Pass::InputGradient),
    tiled: "conv2d_tiled_grad_input",
    cooperative: "conv2d_cooperative_grad_input",
};

/// Entry points of the weight's gradient.
const WEIGHT_ENTRIES: Entries = Entries {
    over_pixels: None,
    tiled: "conv2d_tiled_grad_weight",
    cooperative: "conv2d_cooperative_grad_weight",
};

/// The gradient of the input, from the weight and the output's gradient.
#[derive(Debug)]
pub(super) struct GradInput {
    pub conv: Conv,
    pub x: Shape,
    /// What is made of `dy` as it is read.
    pub arriving: Arriving,
    /// What the gradient is added to.
    pub summand: Summand,
    /// What it goes through then, before it is stored.
    pub ending: Ending,
    /// What is done to a tensor as it is read whose product with a square weight is added, and a row: inputs 2 to 4. Of
    /// pointwise convolutions that stride by one pixel.
    pub beside: Option<Extras>,
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "conv2d_grad_input"
    }

    fn halves(&self) -> Halves {
        let beside = self.beside.map(|_| BESIDE);
        let inputs = [Some(1), self.arriving.input(), self.ending.input(), beside];
        let inputs = inputs.into_iter().flatten().chain(self.summand.inputs());
        Halves::alike(&inputs.collect::<Vec<_>>())
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(self.ending.outputs(self.x))
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let (mut arriving, mut beside) = (self.arriving, self.beside);
        match (input, beside) {
            (BESIDE, Some(extras)) => beside = Some(extras.reading(reading, appended)?),
            // A kernel binds no more than what is beside takes.
            (1, None) => arriving = arriving.reading(reading, appended)?,
            _ => return None,
        }
        Some(Arc::new(Self {
            arriving,
            beside,
            ..*self
        }))
    }

    fn ending(&self, activation: Activation, appended: usize) -> Option<Arc<dyn Op>> {
        let free = self.beside.is_none();
        let ending = free.then(|| self.ending.normalised(activation, appended))??;
        Some(Arc::new(Self { ending, ..*self }))
    }

    fn added(&self, appended: usize) -> Option<Arc<dyn Op>> {
        // What an ending stores is no gradient of the input any more.
        let free = !self.ending.sums();
        let summand = free.then(|| self.summand.added(appended))??;
        Some(Arc::new(Self { summand, ..*self }))
    }

    fn followed(&self, by: Following, appended: usize) -> Option<Arc<dyn Op>> {
        let free = !self.ending.sums() && self.beside.is_none();
        let summand = free.then(|| self.summand.followed(by, appended))??;
        Some(Arc::new(Self { summand, ..*self }))
    }

    fn replaces(&self) -> Option<usize> {
        self.summand.replaced()
    }

    fn joined(&self) -> Option<([usize; 2], Arc<dyn Op>)> {
        let [first, second] = [self.arriving.coefficients()?, self.ending.coefficients()?];
        let ending = self.ending.behind();
        let many = self.summand.is_derived();
        many.then(|| {
            (
                [first, second],
                Arc::new(Self { ending, ..*self }) as Arc<dyn Op>,
            )
        })
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.conv.laid(self.x, cx.inputs[0]).reading(cx, In(1));
        let slots: Vec<Slot> = [In(1), Out(0)]
            .into_iter()
            .chain(self.beside.map(|_| In(BESIDE)))
            .chain(self.arriving.slots())
            .chain(self.summand.slots())
            .chain(self.ending.slots())
            .collect();
        let ranges = cx.image_ranges(&slots, sizes.work(sizes.x.n()));
        let (dx, sums) = (Pass::InputGradient, self.ending.sums());
        let rows_of = |images: &Range<usize>| sizes.rows_left(cx.limits, dx, images.len(), sums);
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let parts = self.ending.parts(cx, rows.iter().sum(), sizes.x.c4());
        let extras = self.beside.unwrap_or_default();
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let dispatch = sizes
                .dispatch(cx.limits, &INPUT_ENTRIES, images.len(), &extras)
                .bind(In(0))
                .bind(cx.images(In(1), &images))
                .bind(cx.images(Out(0), &images));
            let dispatch = self.arriving.finish(dispatch, cx, &images);
            let dispatch = self.summand.link(self.ending.link(dispatch));
            let dispatch = self.ending.bind(dispatch, cx, &images);
            let dispatch = match &parts {
                Some(parts) => parts.bind(sizes.leaving(dispatch, cx.limits, SUMMED), rows),
                None => sizes.leaving(dispatch, cx.limits, STORED),
            };
            let dispatch = self.summand.bind(dispatch, cx, &images);
            let dispatch = self.bind_beside(dispatch, cx, &images);
            let left = first_row..first_row + rows;
            first_row = left.end;
            cx.push(sizes.over(dispatch, cx.limits, dx, &images, &left));
        }
        if let Some(parts) = parts {
            parts.merge(cx);
        }
    }
}

/// The input of [`GradInput`] whose product is added; the next ones are the square weight and the row.
const BESIDE: usize = 2;

impl GradInput {
    /// Joins the text of the product beside and binds what it reads.
    fn bind_beside(
        &self,
        dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
    ) -> Dispatch {
        let Some(extras) = self.beside else {
            return dispatch.link("prologue/beside_nothing");
        };
        let dispatch = dispatch
            .link("prologue/beside")
            .bind_at(3, cx.images(In(BESIDE), images))
            .bind_at(4, In(BESIDE + 1))
            .bind_at(7, In(BESIDE + 2));
        extras.bind(dispatch, cx, images)
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
    /// What is made of `dy` as it is read.
    pub arriving: Arriving,
}

/// Bytes that the partial sums of one weight may take.
const PARTIALS: usize = 64 << 20;

impl GradWeight {
    /// Image rows a split, so that there are about as many threads as the adapter wants.
    fn rows(&self, sizes: &Sizes, limits: &Limits) -> usize {
        let threads = match sizes.tiled(limits) {
            true => 64 * self.tiles(sizes),
            false => sizes.weight_threads(limits),
        };
        let most = (PARTIALS / (self.weight.vec4s() * 16)).max(1);
        let splits = limits.threads_wanted().div_ceil(threads).min(most);
        (sizes.y.n() * sizes.y.h()).div_ceil(splits)
    }

    /// Tiles of a split.
    fn tiles(&self, sizes: &Sizes) -> usize {
        let [inputs, outputs] = [sizes.gi4, sizes.go4].map(|of| of.div_ceil(16));
        inputs * outputs * sizes.taps() * sizes.bundles
    }
}

impl Op for GradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn halves(&self) -> Halves {
        let inputs = [Some(0), Some(1), self.arriving.input()];
        Halves::reading(&inputs.into_iter().flatten().collect::<Vec<_>>())
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.weight])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let (mut extras, mut arriving) = (self.extras, self.arriving);
        match input {
            0 => extras = extras.reading(reading, appended)?,
            _ => arriving = arriving.reading(reading, appended)?,
        }
        Some(Arc::new(Self {
            extras,
            arriving,
            ..*self
        }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        self.launch_of(cx, In(1), self.arriving.slots(), |dispatch, cx, images| {
            self.arriving.finish(dispatch, cx, images)
        });
    }
}

impl GradWeight {
    /// The kernels, for an output's gradient in `dy` that `finish` says what is made of as it is read, by `besides`.
    pub(super) fn launch_of(
        &self,
        cx: &mut LaunchContext,
        dy: Slot,
        besides: impl Iterator<Item = Slot>,
        finish: impl Fn(Dispatch, &LaunchContext, &Range<usize>) -> Dispatch,
    ) {
        let sizes = self.conv.laid(cx.inputs[0], self.weight).reading(cx, In(0));
        let rows = self.rows(&sizes, cx.limits);
        let slots: Vec<Slot> = [In(0), dy].into_iter().chain(besides).collect();
        let ranges = cx.image_ranges(&slots, sizes.work(sizes.x.n()));
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
                .dispatch(cx.limits, &WEIGHT_ENTRIES, images.len(), &self.extras)
                .params(&[rows, splits, first_split, 0, images.start, 0, 0])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(dy, &images))
                .bind(partials.touching(splits * self.weight.vec4s()));
            let dispatch = sizes.leaving(dispatch, cx.limits, STORED);
            let dispatch = finish(dispatch, cx, &images).link("prologue/beside_nothing");
            let dispatch = Summand::default().link(Ending::default().link(dispatch));
            let dispatch = self.extras.bind(dispatch, cx, &images);
            cx.push(match sizes.tiled(cx.limits) {
                true => Strip::alone(8, 2)
                    .link(dispatch)
                    .workgroups(splits * self.tiles(&sizes)),
                false => {
                    let [inputs, outputs] = sizes.weight_strips(cx.limits);
                    outputs
                        .link(dispatch.wide(outputs.lanes == 1))
                        .constant("INPUTS", inputs.columns as f64)
                        .constant("COLUMNS", outputs.columns as f64)
                        .threads(splits * sizes.weight_threads(cx.limits))
                }
            });
            first_split += splits;
        }
        if splits > 1 {
            sum_partials(cx, partials, splits, self.weight.vec4s(), Out(0));
        }
    }
}
