//! The mean over an image. Kernels: `shaders/ops/global_avg_pool.wgsl`. Test: `tests/ops/global_avg_pool.rs`.

use std::sync::Arc;

use super::entry::Entry;
use super::sum_rows::{PartialSums, splits};
use crate::{
    Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Value,
};

/// Pixels that a thread takes, at least: finding out which these are costs more than a pixel.
const PIXELS_EACH: usize = 8;

/// The mean of each channel of `x`, `[n, h, w, c]`, over an image's pixels: `[n, 1, 1, c]`.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the images have no pixels.
pub fn global_avg_pool(g: &mut Graph, x: Value) -> Result<Value> {
    g.apply_one(GlobalAvgPool::default(), &[x])
}

#[derive(Debug, Default)]
struct GlobalAvgPool {
    /// What is made of the input as it is read.
    entry: Entry,
}

impl Op for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn meaning(&self) -> Meaning {
        Meaning::GlobalAvgPool
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, _, _, c] = inputs[0].0;
        Ok(vec![Shape([n, 1, 1, c])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let (c4, pixels) = (x.c4(), x.h() * x.w());
        let splits = splits(cx.limits, x.n() * c4, pixels, PIXELS_EACH);
        let partials = PartialSums::of(cx, [x.n(), splits, c4], Out(0));
        for images in cx.image_ranges(&[In(0)], x.vec4s() * 4) {
            let threads = images.len() * splits * c4;
            let dispatch = self
                .entry
                .link(Dispatch::new("ops/global_avg_pool", "global_avg_pool"))
                .params(&[threads, c4, pixels, splits, images.start])
                .param_f32(1.0 / pixels as f32)
                .bind(cx.images(In(0), &images))
                .bind(partials.slot.touching(threads))
                .threads(threads)
                .work(x.with_n(images.len()).vec4s() * 4);
            cx.push(self.entry.bind(dispatch));
        }
        partials.add_up(cx, Out(0));
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry }))
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let x = g.shape(xs[0]);
        let dx = dys[0].map(|dy| g.apply_one(Gradient { x }, &[dy]));
        Ok(vec![dx.transpose()?])
    }
}

/// Every pixel takes its share of the output's gradient.
#[derive(Debug)]
struct Gradient {
    x: Shape,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "global_avg_pool_grad"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Spread {
            pixels: self.x.h() * self.x.w(),
        }
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.x])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (c4, pixels) = (self.x.c4(), self.x.h() * self.x.w());
        let splits = pixels.div_ceil(PIXELS_EACH);
        for images in cx.image_ranges(&[Out(0)], 0) {
            let threads = images.len() * splits * c4;
            cx.push(
                Entry::default()
                    .link(Dispatch::new("ops/global_avg_pool", "global_avg_pool_grad"))
                    .params(&[threads, c4, pixels, splits, images.start])
                    .param_f32(1.0 / pixels as f32)
                    .bind(In(0))
                    .bind(cx.images(Out(0), &images))
                    .threads(threads),
            );
        }
    }
}
