//! The largest number under a window. Kernels: `shaders/ops/max_pool.wgsl`. Test: `tests/ops/max_pool.rs`.

use std::ops::Range;
use std::sync::Arc;

use super::Activation;
use super::ending::{Ending, partial_rows};
use super::entry::Entry;
use super::window::{Pool, STRIP, Window};
use crate::{
    Cost, Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape,
    Value,
};

/// The widest window: the place of its largest number is a byte.
const WIDEST: usize = 15;

/// Strips that a thread makes where it leaves sums, at least: below, these weigh as much.
const STRIPS_EACH: usize = 16;

/// The largest number under each window of `x`, `[n, h, w, c]`, channel by channel; the output is `[n, oh, ow, c]`
/// with sides by [`crate::ops::Padding`]. Padding is never the largest, what is not a number always is, and of equal
/// ones the first in reading order gets the gradient, as in PyTorch.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the window is wider than 15 pixels or does not fit on the image.
pub fn max_pool(g: &mut Graph, x: Value, pool: Pool) -> Result<Value> {
    let entry = Entry::default();
    g.apply_one(MaxPool { pool, entry }, &[x])
}

fn window(pool: Pool, x: Shape) -> Window {
    pool.window(x)
        .expect("the pool was added, so its windows fit")
}

/// How many strips the images of `made`, some of `x` or of `y`, have.
fn strips(made: Shape) -> usize {
    made.n() * made.h() * made.w().div_ceil(STRIP)
}

/// A thread for four channels of a strip of `made`.
fn dispatch(entry: &'static str, made: Shape, x: Shape, y: Shape, window: Window) -> Dispatch {
    let threads = strips(made) * made.c4();
    window
        .dispatch("ops/max_pool", entry)
        .params(&[threads])
        .params(&window.sizes(x, y))
        .params(&[made.w().div_ceil(STRIP)])
        .threads(threads)
        .work(made.n() * y.with_n(1).vec4s() * 4 * window.kernel * window.kernel)
}

/// The texts of a kernel that makes no gradient.
fn forward(dispatch: Dispatch, entry: Entry) -> Dispatch {
    let dispatch = Ending::default().link(entry.link(dispatch));
    let dispatch = dispatch.link("epilogue/strip_stored").params(&[0, 0, 0]);
    entry.bind(dispatch)
}

#[derive(Debug)]
struct MaxPool {
    pool: Pool,
    /// What is made of the input as it is read.
    entry: Entry,
}

impl MaxPool {
    fn output(&self, x: Shape) -> Result<Shape, String> {
        if self.pool.kernel > WIDEST {
            return Err(format!("windows of at most {WIDEST}×{WIDEST} pixels"));
        }
        let [oh, ow] = self.pool.window(x)?.out;
        Ok(Shape([x.n(), oh, ow, x.c()]))
    }
}

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn meaning(&self) -> Meaning {
        Meaning::MaxPool(self.pool)
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.output(inputs[0])?])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        Cost {
            flops: 0,
            acts: self.output(inputs[0]).map_or(0, Shape::count) as u64,
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, y) = (cx.inputs[0], cx.outputs[0]);
        let window = window(self.pool, x);
        let work = y.vec4s() * 4 * window.kernel * window.kernel;
        for images in cx.image_ranges(&[In(0), Out(0)], work) {
            let made = y.with_n(images.len());
            let dispatch = dispatch("max_pool", made, x, y, window)
                .bind(cx.images(In(0), &images))
                .bind(cx.images(Out(0), &images));
            cx.push(forward(dispatch, self.entry));
        }
    }

    fn reading(&self, _: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = self.entry.reading(reading, appended)?;
        Some(Arc::new(Self { entry, ..*self }))
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let gradient = Gradient {
            pool: self.pool,
            entry: Entry::default(),
            ending: Ending::default(),
        };
        let dx = dys[0].map(|dy| g.apply_one(gradient, &[xs[0], dy]));
        Ok(vec![dx.transpose()?])
    }
}

/// From the input and the output's gradient: first every window's winner is found again, then every pixel takes the
/// gradients of the windows that it won.
#[derive(Debug)]
struct Gradient {
    pool: Pool,
    /// What is made of the input as it is read.
    entry: Entry,
    /// What the gradient goes through before it is stored.
    ending: Ending,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "max_pool_grad"
    }

    fn halves(&self) -> Halves {
        let inputs = [Some(0), Some(1), self.ending.input()];
        Halves::alike(&inputs.into_iter().flatten().collect::<Vec<_>>())
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(self.ending.outputs(inputs[0]))
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry, ..*self }))
    }

    fn ending(&self, activation: Activation, appended: usize) -> Option<Arc<dyn Op>> {
        let ending = self.ending.normalised(activation, appended)?;
        Some(Arc::new(Self { ending, ..*self }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, dy) = (cx.inputs[0], cx.inputs[1]);
        let window = window(self.pool, x);
        let work = dy.vec4s() * 4 * window.kernel * window.kernel;
        let ranges = cx.image_ranges(&[In(0), In(1), Out(0)], work);
        // Every range takes its turn with the same memory: a word for four channels of an output.
        let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let winners = cx.scratch(dy.with_n(longest).vec4s().div_ceil(4));
        let rows_of = |images: &Range<usize>| {
            let here = strips(x.with_n(images.len()));
            match self.ending.sums() {
                true => partial_rows(cx.limits, [strips(x), x.c4()], here, STRIPS_EACH),
                false => here,
            }
        };
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let parts = self.ending.parts(cx, rows.iter().sum(), x.c4());
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let (inputs, outputs) = (x.with_n(images.len()), dy.with_n(images.len()));
            let found = dispatch("max_pool_grad_winners", outputs, x, dy, window)
                .bind(cx.images(In(0), &images))
                .bind(winners.touching(outputs.vec4s().div_ceil(4)));
            cx.push(forward(found, self.entry));
            let dispatch = dispatch("max_pool_grad", inputs, x, dy, window)
                .params(&[strips(inputs) * x.c4(), rows * x.c4(), first_row])
                .bind(winners.touching(outputs.vec4s().div_ceil(4)))
                .bind(cx.images(In(1), &images))
                .bind(cx.images(Out(0), &images))
                .threads(rows * x.c4());
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
