//! The mean under a window. Kernels: `shaders/ops/avg_pool.wgsl`. Test: `tests/ops/avg_pool.rs`.

use super::window::{Pool, STRIP};
use crate::{Graph, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value};

/// What the sum under a window that reaches beyond the image is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Divisor {
    /// All of the window's places: padding counts as zeros, PyTorch's default.
    #[default]
    Window,
    /// Its pixels on the image, TensorFlow's rule.
    Pixels,
}

/// The mean of the numbers under each window of `x`, `[n, h, w, c]`, channel by channel; the output is
/// `[n, oh, ow, c]` with sides by [`crate::ops::Padding`].
///
/// # Errors
///
/// [`crate::Error::Shape`] where the window does not fit on the image.
pub fn avg_pool(g: &mut Graph, x: Value, pool: Pool, divisor: Divisor) -> Result<Value> {
    g.apply_one(AvgPool { pool, divisor }, &[x])
}

#[derive(Debug)]
struct AvgPool {
    pool: Pool,
    divisor: Divisor,
}

impl Op for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn meaning(&self) -> Meaning {
        Meaning::AvgPool(self.pool, self.divisor)
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let x = inputs[0];
        let [oh, ow] = self.pool.window(x)?.out;
        Ok(vec![Shape([x.n(), oh, ow, x.c()])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, y) = (cx.inputs[0], cx.outputs[0]);
        push(cx, "avg_pool", x, y, (self.pool, self.divisor));
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
            divisor: self.divisor,
            x: g.shape(xs[0]),
        };
        Ok(vec![
            dys[0].map(|dy| g.apply_one(gradient, &[dy])).transpose()?,
        ])
    }
}

/// From the output's gradient alone.
#[derive(Debug)]
struct Gradient {
    pool: Pool,
    divisor: Divisor,
    x: Shape,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "avg_pool_grad"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.x])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, y) = (cx.outputs[0], cx.inputs[0]);
        push(cx, "avg_pool_grad", x, y, (self.pool, self.divisor));
    }
}

/// Launches a thread for four channels of a strip of the output; `x` and `y` are the pool's.
fn push(cx: &mut LaunchContext, entry: &'static str, x: Shape, y: Shape, rule: (Pool, Divisor)) {
    let (pool, divisor) = rule;
    let window = pool
        .window(x)
        .expect("the pool was added, so its windows fit");
    let made = cx.outputs[0];
    let strips = made.w().div_ceil(STRIP);
    let work = y.vec4s() * 4 * window.kernel * window.kernel;
    for images in cx.image_ranges(&[In(0), Out(0)], work) {
        let threads = images.len() * made.h() * strips * made.c4();
        cx.push(
            window
                .dispatch("ops/avg_pool", entry)
                .constant("PADDING_COUNTS", f64::from(divisor == Divisor::Window))
                .params(&[threads])
                .params(&window.sizes(x, y))
                .params(&[strips])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(Out(0), &images))
                .threads(threads)
                .work(work / x.n() * images.len()),
        );
    }
}
