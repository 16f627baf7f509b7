//! The gradient, from `x`, the coefficients and `dy`; the activation's input is computed once more.

use std::sync::Arc;

use super::{kernel, threads};
use crate::ops::Activation;
use crate::ops::entry::Incoming;
use crate::ops::sum::{sum_partials_apart, tiles};
use crate::{Halves, In, LaunchContext, Op, Out, Reading, Result, Shape};

/// `x`, coefficients and `dy` to dgamma and dbeta.
#[derive(Debug)]
pub(super) struct GradSums {
    pub activation: Activation,
    /// What is made of `dy` as it is read.
    pub incoming: Incoming,
}

impl Op for GradSums {
    fn name(&self) -> &'static str {
        "batch_norm_grad_sums"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0, 2])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        gradient_of(inputs)?;
        Ok(vec![Shape::vector(inputs[0].c()); 2])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let incoming = (input == 2).then(|| self.incoming.reading(reading, appended))??;
        Some(Arc::new(Self { incoming, ..*self }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let c4 = x.c4();
        let (ranges, count) = tiles(cx, &[In(0), In(2)], x);
        let parts = cx.scratch(count * 2 * c4);
        for range in ranges {
            let vec4s = x.with_n(range.images.len()).vec4s();
            let dispatch = kernel("batch_norm_grad_sums", self.activation)
                .params(&[vec4s, range.count * c4, c4, range.first])
                .bind(cx.images(In(0), &range.images))
                .bind(In(1))
                .bind(cx.images(In(2), &range.images))
                .bind(parts.touching(range.count * 2 * c4))
                .threads(range.count * c4);
            cx.push(self.incoming.finish(dispatch, x, range.images.start));
        }
        sum_partials_apart(cx, parts, count, &[(c4, Out(0)), (c4, Out(1))]);
    }
}

/// `x`, coefficients, `dy`, dgamma and dbeta to dx; without the last two where the statistics are frozen.
#[derive(Debug)]
pub(super) struct GradInput {
    pub activation: Activation,
    pub frozen: bool,
    /// What is made of `dy` as it is read.
    pub incoming: Incoming,
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "batch_norm_grad_input"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0, 2])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        gradient_of(inputs)?;
        Ok(vec![inputs[0]])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let incoming = (input == 2).then(|| self.incoming.reading(reading, appended))??;
        Some(Arc::new(Self { incoming, ..*self }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let inv_count = 1.0 / cx.inputs[0].pixels() as f32;
        let (entry, sums) = match self.frozen {
            true => ("batch_norm_grad_input_frozen", 3..3),
            false => ("batch_norm_grad_input", 3..5),
        };
        for images in cx.image_ranges(&[In(0), In(2), Out(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            let dispatch = kernel(entry, self.activation)
                .params(&[x.vec4s(), threads(x), x.c4(), x.c()])
                .param_f32(inv_count)
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(In(2), &images));
            let dispatch = sums.clone().fold(dispatch, |d, i| d.bind(In(i)));
            let dispatch = dispatch
                .bind(cx.images(Out(0), &images))
                .threads(threads(x));
            cx.push(self.incoming.finish(dispatch, x, images.start));
        }
    }
}

fn gradient_of(inputs: &[Shape]) -> Result<(), String> {
    match inputs[2] == inputs[0] {
        true => Ok(()),
        false => Err(format!("a gradient of {}", inputs[0])),
    }
}
