//! The largest number under a window. Kernels: `shaders/ops/max_pool.wgsl`. Test: `tests/ops/max_pool.rs`.

use super::window::{Pool, STRIP, Window};
use crate::{
    Cost, Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value,
};

/// The widest window: the place of its largest number is a byte.
const WIDEST: usize = 15;

/// The largest number under each window of `x`, `[n, h, w, c]`, channel by channel; the output is `[n, oh, ow, c]`
/// with sides by [`crate::ops::Padding`]. Padding is never the largest, what is not a number always is, and of equal
/// ones the first in reading order gets the gradient, as in PyTorch.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the window is wider than 15 pixels or does not fit on the image.
pub fn max_pool(g: &mut Graph, x: Value, pool: Pool) -> Result<Value> {
    g.apply_one(MaxPool { pool }, &[x])
}

fn window(pool: Pool, x: Shape) -> Window {
    pool.window(x)
        .expect("the pool was added, so its windows fit")
}

/// A thread for four channels of a strip of `made`, some images of `x` or of `y`.
fn dispatch(entry: &'static str, made: Shape, x: Shape, y: Shape, window: Window) -> Dispatch {
    let strips = made.w().div_ceil(STRIP);
    let threads = made.n() * made.h() * strips * made.c4();
    window
        .dispatch("ops/max_pool", entry)
        .params(&[threads])
        .params(&window.sizes(x, y))
        .params(&[strips])
        .threads(threads)
        .work(made.n() * y.with_n(1).vec4s() * 4 * window.kernel * window.kernel)
}

#[derive(Debug)]
struct MaxPool {
    pool: Pool,
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
            cx.push(
                dispatch("max_pool", made, x, y, window)
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(Out(0), &images)),
            );
        }
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let pool = self.pool;
        let dx = dys[0].map(|dy| g.apply_one(Gradient { pool }, &[xs[0], dy]));
        Ok(vec![dx.transpose()?])
    }
}

/// From the input and the output's gradient: first every window's winner is found again, then every pixel takes the
/// gradients of the windows that it won.
#[derive(Debug)]
struct Gradient {
    pool: Pool,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "max_pool_grad"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0, 1])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, dy) = (cx.inputs[0], cx.inputs[1]);
        let window = window(self.pool, x);
        let work = dy.vec4s() * 4 * window.kernel * window.kernel;
        let ranges = cx.image_ranges(&[In(0), In(1), Out(0)], work);
        // Every range takes its turn with the same memory: a word for four channels of an output.
        let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let winners = cx.scratch(dy.with_n(longest).vec4s().div_ceil(4));
        for images in ranges {
            let (inputs, outputs) = (x.with_n(images.len()), dy.with_n(images.len()));
            cx.push(
                dispatch("max_pool_grad_winners", outputs, x, dy, window)
                    .bind(cx.images(In(0), &images))
                    .bind(winners.touching(outputs.vec4s().div_ceil(4))),
            );
            cx.push(
                dispatch("max_pool_grad", inputs, x, dy, window)
                    .bind(winners.touching(outputs.vec4s().div_ceil(4)))
                    .bind(cx.images(In(1), &images))
                    .bind(cx.images(Out(0), &images)),
            );
        }
    }
}
