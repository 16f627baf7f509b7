//! The gradients of a depthwise convolution.

use std::ops::Range;
use std::sync::Arc;

use super::{Depthwise, STRIPS_EACH, Tall};
use crate::ops::Activation;
use crate::ops::ending::{Ending, partial_rows};
use crate::ops::entry::{Arriving, Entry};
use crate::ops::fused::Extras;
use crate::ops::sum_rows::{PartialSums, splits};
use crate::ops::window::{STRIP, Window};
use crate::{Dispatch, Halves, In, LaunchContext, Op, Out, Reading, Result, Shape, Slot};

/// Outputs of a row that a thread of the weight's gradient goes along before the next split may begin.
const SEGMENT: usize = 64;

/// A launch of a gradient.
fn gradient(window: Window, name: &'static str) -> Dispatch {
    Extras::default().link_epilogue(window.dispatch("ops/depthwise", name))
}

/// The input's gradient, from the output's and the weight.
#[derive(Debug)]
pub(super) struct GradInput {
    pub options: Depthwise,
    pub image: [usize; 2],
    /// What is made of `dy` as it is read.
    pub arriving: Arriving,
    /// What the gradient goes through before it is stored.
    pub ending: Ending,
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "depthwise_grad_input"
    }

    fn halves(&self) -> Halves {
        let inputs = [Some(0), self.arriving.input(), self.ending.input()];
        Halves::alike(&inputs.into_iter().flatten().collect::<Vec<_>>())
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [h, w] = self.image;
        Ok(self
            .ending
            .outputs(Shape([inputs[0].n(), h, w, inputs[0].c()])))
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let arriving = (input == 0).then(|| self.arriving.reading(reading, appended))??;
        Some(Arc::new(Self { arriving, ..*self }))
    }

    fn ending(&self, activation: Activation, appended: usize) -> Option<Arc<dyn Op>> {
        let ending = self.ending.normalised(activation, appended)?;
        Some(Arc::new(Self { ending, ..*self }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (dy, dx, kernel) = (cx.inputs[0], cx.outputs[0], cx.inputs[1].n());
        let window = self.options.accepted(kernel, self.image);
        let (stride, left) = (window.stride, window.before[1]);
        let work = dy.vec4s() * 4 * kernel * kernel;
        // Columns stride apart are neighbours to the kernel: counted in strides from the padded image's edge.
        let columns = (left + dx.w() - 1) / stride - left / stride + 1;
        let strips = columns.div_ceil(STRIP);
        let tall = Tall::of(cx.limits, window);
        let slots: Vec<Slot> = [In(0), Out(0)]
            .into_iter()
            .chain(self.arriving.slots())
            .chain(self.ending.slots())
            .collect();
        let ranges = cx.image_ranges(&slots, work);
        let strips_of = |images: &Range<usize>| images.len() * tall.rows(dx.h()) * strips * stride;
        let rows_of = |images: &Range<usize>| match self.ending.sums() {
            true => {
                let all = [strips_of(&(0..dx.n())), dx.c4()];
                partial_rows(cx.limits, all, strips_of(images), tall.each(STRIPS_EACH))
            }
            false => strips_of(images),
        };
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let parts = self.ending.parts(cx, rows.iter().sum(), dx.c4());
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let dispatch = tall
                .link(gradient(window, "depthwise_grad_input"))
                .params(&[strips_of(&images) * dx.c4()])
                .params(&window.sizes(dx, dy))
                .params(&[strips, dx.c(), rows * dx.c4(), first_row, 0])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images))
                .threads(rows * dx.c4())
                .work(work / dx.n() * images.len());
            let dispatch = self.arriving.finish(dispatch, cx, &images);
            let dispatch = Entry::default().link(dispatch);
            let sums = (parts.as_ref(), rows);
            cx.push(self.ending.finish(dispatch, cx, &images, sums));
            first_row += rows;
        }
        if let Some(parts) = parts {
            parts.merge(cx);
        }
    }
}

/// The weight's gradient, from the input and the output's gradient.
#[derive(Debug)]
pub(super) struct GradWeight {
    pub options: Depthwise,
    pub kernel: usize,
    /// What is made of the input as it is read.
    pub entry: Entry,
    /// What is made of `dy` as it is read.
    pub arriving: Arriving,
}

impl Op for GradWeight {
    fn name(&self) -> &'static str {
        "depthwise_grad_weight"
    }

    fn halves(&self) -> Halves {
        let inputs = [Some(0), Some(1), self.arriving.input()];
        Halves::reading(&inputs.into_iter().flatten().collect::<Vec<_>>())
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape([self.kernel, self.kernel, 1, inputs[0].c()])])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let (mut entry, mut arriving) = (self.entry, self.arriving);
        match input {
            0 => entry = entry.reading(reading, appended)?,
            _ => arriving = arriving.reading(reading, appended)?,
        }
        Some(Arc::new(Self {
            entry,
            arriving,
            ..*self
        }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, dy, kernel) = (cx.inputs[0], cx.inputs[1], self.kernel);
        let window = self.options.accepted(kernel, [x.h(), x.w()]);
        let work = dy.vec4s() * 4 * kernel * kernel;
        let segments = dy.w().div_ceil(SEGMENT);
        let columns = dy.w().div_ceil(segments);
        let units = dy.n() * dy.h() * segments;
        let sums = x.c4() * kernel;
        let least = (SEGMENT / 4).div_ceil(columns);
        let units_each = units.div_ceil(splits(cx.limits, sums, units, least));

        let slots: Vec<Slot> = [In(0), In(1)]
            .into_iter()
            .chain(self.arriving.slots())
            .collect();
        let ranges: Vec<_> = cx
            .image_ranges(&slots, work)
            .into_iter()
            .map(|images| (images.len() * dy.h() * segments, images))
            .collect();
        let rows = ranges.iter().map(|(u, _)| u.div_ceil(units_each)).sum();
        let partials = PartialSums::new(cx, 1, rows, sums * kernel);
        let mut first_split = 0;
        for (units, images) in ranges {
            let splits = units.div_ceil(units_each);
            let threads = splits * sums;
            let dispatch = Tall(1)
                .link(gradient(window, "depthwise_grad_weight"))
                .link("epilogue/strip_stored")
                .link("epilogue/gradient_stored")
                .params(&[threads])
                .params(&window.sizes(x, dy))
                .params(&[units, units_each, segments, columns, first_split])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(In(1), &images))
                .bind(partials.slot.touching(threads * kernel))
                .threads(threads)
                .work(work / x.n() * images.len());
            let dispatch = self.arriving.finish(dispatch, cx, &images);
            cx.push(self.entry.bind(self.entry.link(dispatch)));
            first_split += splits;
        }
        partials.add_up(cx, Out(0));
    }
}
