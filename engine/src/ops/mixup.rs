//! Images mixed two and two. Kernels: `shaders/ops/mixup.wgsl`. Test: `tests/ops/mixup.rs`.

use super::expect_dtype;
use crate::{DType, Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

/// Mixes each image with another of its batch, `λ · xᵢ + (1 - λ) · x_partner(i)` (Zhang et al. 2018,
/// <https://arxiv.org/abs/1710.09412>): pictures and targets, `x` being `[n, h, w, c]`, alike.
///
/// `partner` holds the place of the other image, whole numbers `[n, 1, 1, 1]` below `n`; `lambda`, `[1, 1, 1, 1]`, is
/// one number for the batch. Both are data: only `x` gets a gradient. The batch has to fit into one binding.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes do not fit, [`crate::Error::Graph`] for partners that are not
/// [`DType::U32`]; [`crate::Error::Limit`] from [`crate::Plan::compile`] for a batch that does not fit.
pub fn mixup(g: &mut Graph, x: Value, partner: Value, lambda: Value) -> Result<Value> {
    expect_dtype(g, "mixup", partner, DType::U32)?;
    g.apply_one(Mixup, &[x, partner, lambda])
}

#[derive(Debug)]
struct Mixup;

impl Op for Mixup {
    fn name(&self) -> &'static str {
        "mixup"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        if inputs[1] != Shape([inputs[0].n(), 1, 1, 1]) || inputs[2] != Shape::scalar() {
            return Err("images n×h×w×c, a partner each n×1×1×1 and one lambda 1×1×1×1".into());
        }
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        launch(cx, "mixup");
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None; 3]);
        };
        let dx = g.apply_one(Gradient, &[dy, xs[1], xs[2]])?;
        Ok(vec![Some(dx), None, None])
    }
}

/// From the output's gradient, partners and lambda.
#[derive(Debug)]
struct Gradient;

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "mixup_grad"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        launch(cx, "mixup_grad");
    }
}

/// A range of images is written, any image may be read.
fn launch(cx: &mut LaunchContext, entry: &'static str) {
    let x = cx.inputs[0];
    let image4 = x.with_n(1).vec4s();
    for images in cx.image_ranges(&[Out(0)], 0) {
        cx.push(
            Dispatch::new("ops/mixup", entry)
                .params(&[images.len() * image4, image4, images.start, x.n()])
                .bind(In(0))
                .bind(In(1))
                .bind(In(2))
                .bind(cx.images(Out(0), &images))
                .threads(images.len() * image4),
        );
    }
}
