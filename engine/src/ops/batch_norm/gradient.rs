//! The gradient, from `x`, the coefficients and `dy`; the activation's input is computed once more.

use std::sync::Arc;

use super::{kernel, threads};
use crate::ops::Activation;
use crate::ops::entry::Incoming;
use crate::ops::sum::{sum_partials_of_two, tiles};
use crate::{
    Binding, Dispatch, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Slot,
};

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

    fn meaning(&self) -> Meaning {
        let activation = self.activation;
        match self.incoming.pixels() {
            None => Meaning::BatchNormGradSums { activation },
            Some(pixels) => Meaning::ExcitedGradSums { activation, pixels },
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let c4 = x.c4();
        let (ranges, count) = tiles(cx, &[In(0), In(2)], x);
        let parts = GradientParts::new(cx, count, c4, [Out(0), Out(1)]);
        for range in ranges {
            let vec4s = x.with_n(range.images.len()).vec4s();
            let dispatch = kernel("batch_norm_grad_sums", self.activation)
                .params(&[vec4s, range.count * c4, c4, range.first])
                .bind(cx.images(In(0), &range.images))
                .bind(In(1))
                .bind(cx.images(In(2), &range.images))
                .bind(parts.binding(range.count))
                .threads(range.count * c4);
            cx.push(self.incoming.finish(dispatch, x, range.images.start));
        }
        parts.merge(cx);
    }
}

/// Partial sums of dgamma and dbeta, in scratch.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct GradientParts {
    slot: Slot,
    rows: usize,
    c4: usize,
    outs: [Slot; 2],
}

impl GradientParts {
    /// Scratch for so many rows, and where the sums go.
    pub(in crate::ops) fn new(
        cx: &mut LaunchContext,
        rows: usize,
        c4: usize,
        outs: [Slot; 2],
    ) -> Self {
        Self {
            slot: cx.scratch(rows * 2 * c4),
            rows,
            c4,
            outs,
        }
    }

    /// Binds them to a convolution that makes so many rows of them.
    pub(in crate::ops) fn bind(&self, dispatch: Dispatch, rows: usize) -> Dispatch {
        dispatch.bind_at(7, self.binding(rows))
    }

    fn binding(&self, rows: usize) -> Binding {
        self.slot.touching(rows * 2 * self.c4)
    }

    /// Adds them up.
    pub(in crate::ops) fn merge(self, cx: &mut LaunchContext) {
        sum_partials_of_two(cx, self.slot, self.rows, self.c4, self.outs);
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

    fn meaning(&self) -> Meaning {
        match self.incoming.is_stored() {
            true => Meaning::BatchNormGradInput {
                activation: self.activation,
            },
            false => Meaning::Other,
        }
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        if input == 2 && reading == Reading::Ended {
            return Some(Arc::new(Self {
                activation: Activation::Identity,
                ..*self
            }));
        }
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

/// Coefficients, dgamma and dbeta to the five numbers a channel by which a convolution makes `dx` as it reads `dy`; of
/// the coefficients alone where the statistics are frozen.
#[derive(Debug)]
pub(crate) struct GradCoefficients {
    /// Values a channel.
    pub count: usize,
    /// Whether the last input, coefficients of another batch norm, is copied behind them.
    pub with_another: bool,
}

impl Op for GradCoefficients {
    fn name(&self) -> &'static str {
        "batch_norm_grad_coefficients"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let numbers = inputs[0].vec4s() + self.another(inputs).map_or(0, Shape::vec4s);
        Ok(vec![match self.with_another {
            true => Shape::vector(4 * numbers),
            false => inputs[0],
        }])
    }

    fn meaning(&self) -> Meaning {
        match self.with_another {
            true => Meaning::Other,
            false => Meaning::BatchNormGradCoefficients { count: self.count },
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (of, another) = (cx.inputs[0], self.another(cx.inputs));
        let own = cx.inputs.len() - usize::from(self.with_another);
        let entry = match (own, self.with_another) {
            (1, false) => "batch_norm_grad_coefficients_frozen",
            (1, true) => "batch_norm_grad_coefficients_frozen_with_another",
            (_, false) => "batch_norm_grad_coefficients",
            (_, true) => "batch_norm_grad_coefficients_with_another",
        };
        let copied = another.map_or(0, Shape::vec4s);
        let dispatch = kernel(entry, Activation::Identity)
            .link("prologue/incoming")
            .params(&[copied, 0, of.c4(), of.c()])
            .param_f32(1.0 / self.count as f32)
            .params(&[0, 0])
            .param_f32(0.0);
        let dispatch = (0..own).fold(dispatch, |d, i| d.bind(In(i)));
        let dispatch = dispatch.bind_at(3, Out(0)).threads(of.c4() + copied);
        cx.push(match another {
            Some(_) => dispatch.bind_at(4, In(own)),
            None => dispatch,
        });
    }
}

impl GradCoefficients {
    /// The shape of the coefficients that are copied.
    fn another(&self, inputs: &[Shape]) -> Option<Shape> {
        let last = inputs.last().copied();
        last.filter(|_| self.with_another)
    }
}
