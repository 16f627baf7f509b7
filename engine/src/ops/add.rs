//! The sum of two tensors. Kernel: `shaders/ops/add.wgsl`. Test: `tests/ops/add.rs`.

use std::ops::Range;
use std::sync::Arc;

use super::Activation;
use super::ending::{Ending, partial_rows};
use super::entry::Entry;
use super::same_shape;
use crate::{
    Dispatch, Following, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result,
    Shape, Value,
};

/// Pixels that a thread goes along where it leaves sums, at least: below, these weigh as much.
const PIXELS_EACH: usize = 64;

/// Adds `a` and `b`, both `[n, h, w, c]`: a residual, or two gradients of one value.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes differ.
pub fn add(g: &mut Graph, a: Value, b: Value) -> Result<Value> {
    g.apply_one(Add::default(), &[a, b])
}

#[derive(Clone, Copy, Debug, Default)]
struct Add {
    /// The summand of which something is made as it is read, 0 or 1; where something is made of both, the first that was.
    entered: usize,
    /// What is made of it.
    entry: Entry,
    /// What is made of the other one.
    second: Entry,
    /// What the sum goes through, and the node's input that it takes for that.
    after: Option<(Following, usize)>,
    /// What it goes through then, where it is a gradient.
    ending: Ending,
}

impl Op for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn halves(&self) -> Halves {
        let activated = match self.after {
            Some((Following::Derivative(_), activated)) => Some(activated),
            _ => None,
        };
        let inputs = [Some(0), Some(1), activated, self.ending.input()];
        Halves::alike(&inputs.into_iter().flatten().collect::<Vec<_>>())
    }

    fn meaning(&self) -> Meaning {
        match (self.after, self.ending.sums()) {
            (None, false) => Meaning::Add,
            _ => Meaning::Other,
        }
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(self.ending.outputs(same_shape(&inputs[..2])?))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let ranges = cx.image_ranges(&[In(0)], 0);
        let rows_of = |images: &Range<usize>| {
            let pixels = x.with_n(images.len()).pixels();
            match self.ending.sums() {
                true => partial_rows(cx.limits, [x.pixels(), x.c4()], pixels, PIXELS_EACH),
                false => pixels,
            }
        };
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let parts = self.ending.parts(cx, rows.iter().sum(), x.c4());
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let step = rows * x.c4();
            let dispatch = self.entry.link(Dispatch::new("ops/add", "add"));
            let dispatch = self
                .second
                .link_second(dispatch)
                .params(&[x.with_n(images.len()).vec4s(), x.c4(), step, first_row])
                .bind(cx.images(In(self.entered), &images))
                .bind(cx.images(In(1 - self.entered), &images))
                .bind(cx.images(Out(0), &images))
                .threads(step);
            let dispatch = match self.after {
                None => dispatch.link("epilogue/none"),
                Some((Following::Activation(activation), _)) => dispatch
                    .link("epilogue/activated")
                    .link("activations")
                    .constant("AFTER", activation.code()),
                Some((Following::Derivative(activation), activated)) => dispatch
                    .link("epilogue/derived")
                    .link("activations")
                    .constant("AFTER", activation.code())
                    .bind(cx.images(In(activated), &images)),
            };
            let dispatch = self.second.bind_second(self.entry.bind(dispatch));
            let sums = (parts.as_ref(), rows);
            cx.push(self.ending.finish(dispatch, cx, &images, sums));
            first_row += rows;
        }
        if let Some(parts) = parts {
            parts.merge(cx);
        }
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        if self.entry.is_stored() {
            let entry = self.entry.reading(reading, appended)?;
            return Some(Arc::new(Self {
                entered: input,
                entry,
                ..*self
            }));
        }
        let other = input != self.entered;
        let second = other.then(|| self.second.reading(reading, appended))??;
        Some(Arc::new(Self { second, ..*self }))
    }

    /// Not where something is made of a summand: both take the same bindings.
    fn ending(&self, activation: Activation, appended: usize) -> Option<Arc<dyn Op>> {
        let ending = self.ending.normalised(activation, appended)?;
        let free = self.entry.is_stored();
        free.then(|| Arc::new(Self { ending, ..*self }) as Arc<dyn Op>)
    }

    fn followed(&self, by: Following, appended: usize) -> Option<Arc<dyn Op>> {
        match self.after {
            None => Some(Arc::new(Self {
                after: Some((by, appended)),
                ..*self
            })),
            Some(_) => None,
        }
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(vec![dys[0], dys[0]])
    }
}
