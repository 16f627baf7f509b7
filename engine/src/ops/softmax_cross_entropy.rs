//! The loss of a classifier. Kernels: `shaders/ops/softmax_cross_entropy.wgsl`. Test:
//! `tests/ops/softmax_cross_entropy.rs`.

use super::sum_rows::splits;
use crate::{Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

const FILE: &str = "ops/softmax_cross_entropy";

/// The cross-entropy of each image, `[n, 1, 1, 1]`: `-Σ targets · log softmax(logits)` of `logits` and `targets`, both
/// `[n, 1, 1, c]`.
///
/// Targets may be soft: smoothed, mixed, of any sum. They get no gradient. No logit is too large.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes differ or are not a vector an image.
pub fn softmax_cross_entropy(g: &mut Graph, logits: Value, targets: Value) -> Result<Value> {
    Ok(g.apply(SoftmaxCrossEntropy, &[logits, targets])?[0])
}

#[derive(Debug)]
struct SoftmaxCrossEntropy;

impl Op for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, h, w, c] = inputs[0].0;
        if inputs[1] != inputs[0] || h * w != 1 || c == 0 {
            return Err("logits and targets of one shape, n×1×1×classes".into());
        }
        Ok(vec![Shape([n, 1, 1, 1]), Shape([n, 1, 1, 4])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let parts = splits(cx.limits, x.n(), x.c4(), 8).min(32);
        let partials = cx.scratch(x.n() * parts);
        for images in cx.image_ranges(&[In(0), In(1), Out(0), Out(1)], x.count()) {
            let params = [images.len(), x.c4(), x.c(), parts, images.start];
            cx.push(
                Dispatch::new(FILE, "softmax_cross_entropy_part")
                    .params(&params)
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(In(1), &images))
                    .bind(partials.touching(images.len() * parts))
                    .threads(images.len() * parts)
                    .work(images.len() * x.c()),
            );
            cx.push(
                Dispatch::new(FILE, "softmax_cross_entropy")
                    .params(&params)
                    .bind(partials.touching(images.len() * parts))
                    .bind(cx.images(Out(0), &images))
                    .bind(cx.images(Out(1), &images))
                    .threads(images.len()),
            );
        }
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        ys: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None, None]);
        };
        let dx = g.apply_one(Gradient, &[xs[0], xs[1], ys[1], dy])?;
        Ok(vec![Some(dx), None])
    }
}

/// From logits, targets, each image's largest logit and sum of exponentials, and the loss's gradient.
#[derive(Debug)]
struct Gradient;

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy_grad"
    }

    fn halves(&self) -> Halves {
        Halves::apart(&[])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        for images in cx.image_ranges(&[In(0), In(1), In(2), In(3), Out(0)], x.count()) {
            cx.push(
                Dispatch::new(FILE, "softmax_cross_entropy_grad")
                    .params(&[images.len(), x.c4(), x.c(), 0, 0])
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(In(1), &images))
                    .bind(cx.images(In(2), &images))
                    .bind(cx.images(In(3), &images))
                    .bind(cx.images(Out(0), &images))
                    .threads(images.len() * x.c4())
                    .work(images.len() * x.c()),
            );
        }
    }
}
