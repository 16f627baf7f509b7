//! The mean of a tensor. Kernels: `shaders/ops/mean.wgsl`. Test: `tests/ops/mean.rs`.

use super::sum_rows::{PartialSums, splits};
use crate::{Dispatch, Graph, In, LaunchContext, Op, Out, Result, Shape, Value};

/// The mean of all numbers of `x`, `[n, h, w, c]`, padding left out: `[1, 1, 1, 1]`.
///
/// # Errors
///
/// [`crate::Error::Shape`] where there are no numbers.
pub fn mean(g: &mut Graph, x: Value) -> Result<Value> {
    g.apply_one(Mean, &[x])
}

#[derive(Debug)]
struct Mean;

impl Op for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape::scalar()])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let each = x.vec4s().div_ceil(splits(cx.limits, 1, x.vec4s(), 8));
        let ranges: Vec<_> = cx
            .image_ranges(&[In(0)], x.vec4s() * 4)
            .into_iter()
            .map(|images| (x.with_n(images.len()).vec4s(), images))
            .collect();
        let rows = ranges.iter().map(|(vec4s, _)| vec4s.div_ceil(each)).sum();
        let partials = PartialSums::new(cx, 1, rows, 1);
        let mut first_partial = 0;
        for (vec4s, images) in ranges {
            let threads = vec4s.div_ceil(each);
            cx.push(
                Dispatch::new("ops/mean", "mean_sums")
                    .params(&[threads, vec4s, first_partial])
                    .bind(cx.images(In(0), &images))
                    .bind(partials.slot.touching(threads))
                    .threads(threads)
                    .work(vec4s * 4),
            );
            first_partial += threads;
        }
        let last = partials.reduced(cx);
        cx.push(
            Dispatch::new("ops/mean", "mean")
                .params(&[last.rows])
                .param_f32(1.0 / x.count() as f32)
                .bind(last.slot)
                .bind(Out(0))
                .threads(1),
        );
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

/// Every number takes its share of the mean's gradient.
#[derive(Debug)]
struct Gradient {
    x: Shape,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "mean_grad"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.x])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = self.x;
        for images in cx.image_ranges(&[Out(0)], 0) {
            let threads = x.with_n(images.len()).vec4s();
            cx.push(
                Dispatch::new("ops/mean", "mean_grad")
                    .params(&[threads, x.c4(), x.c()])
                    .param_f32(1.0 / x.count() as f32)
                    .bind(In(0))
                    .bind(cx.images(Out(0), &images))
                    .threads(threads),
            );
        }
    }
}
