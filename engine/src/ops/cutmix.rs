//! Images with a rectangle of another. Kernels: `shaders/ops/cutmix.wgsl`. Test: `tests/ops/cutmix.rs`.

use super::expect_dtype;
use crate::{DType, Dispatch, Graph, In, LaunchContext, Op, Out, Result, Shape, Value};

/// Puts a rectangle of another image of the batch into each (Yun et al. 2019, <https://arxiv.org/abs/1905.04899>): `y` is
/// `x_partner(i)` within it and `xᵢ` outside, `x` being `[n, h, w, c]`. Targets are mixed by [`super::mixup`] with the share of
/// the image that is left.
///
/// `partner` holds the place of the other image, whole numbers `[n, 1, 1, 1]` below `n`; `rectangle`, whole numbers
/// `[1, 1, 1, 4]`, is left, top, right and bottom in pixels for the whole batch, of which the last two are the first outside; an
/// empty one leaves all as it is. Both are data: only `x` gets a gradient. The batch has to fit into one binding.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes do not fit, [`crate::Error::Graph`] for partners or a rectangle that are not
/// [`DType::U32`]; [`crate::Error::Limit`] from [`crate::Plan::compile`] for a batch that does not fit.
pub fn cutmix(g: &mut Graph, x: Value, partner: Value, rectangle: Value) -> Result<Value> {
    expect_dtype(g, "cutmix", partner, DType::U32)?;
    expect_dtype(g, "cutmix", rectangle, DType::U32)?;
    g.apply_one(Cutmix, &[x, partner, rectangle])
}

#[derive(Debug)]
struct Cutmix;

impl Op for Cutmix {
    fn name(&self) -> &'static str {
        "cutmix"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let partners = Shape([inputs[0].n(), 1, 1, 1]);
        if inputs[1] != partners || inputs[2] != Shape([1, 1, 1, 4]) {
            return Err("images n×h×w×c, a partner each n×1×1×1 and one rectangle 1×1×1×4".into());
        }
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        launch(cx, "cutmix");
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

/// From the output's gradient, partners and rectangle.
#[derive(Debug)]
struct Gradient;

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "cutmix_grad"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        launch(cx, "cutmix_grad");
    }
}

/// A range of images is written, any image may be read.
fn launch(cx: &mut LaunchContext, entry: &'static str) {
    let x = cx.inputs[0];
    let image4 = x.with_n(1).vec4s();
    let row4 = image4 / x.0[1];
    for images in cx.image_ranges(&[Out(0)], 0) {
        cx.push(
            Dispatch::new("ops/cutmix", entry)
                .params(&[
                    images.len() * image4,
                    image4,
                    row4,
                    x.c4(),
                    images.start,
                    x.n(),
                ])
                .bind(In(0))
                .bind(In(1))
                .bind(In(2))
                .bind(cx.images(Out(0), &images))
                .threads(images.len() * image4),
        );
    }
}
