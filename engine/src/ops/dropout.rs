//! Dropout. Kernels: `shaders/ops/dropout.wgsl`, `shaders/random/philox.wgsl`. Test: `tests/ops/dropout.rs`.

use super::random::{Drop, drop};
use crate::{Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

/// In training, sets each number of `x`, `[n, h, w, c]`, to 0 with probability `rate` and divides the others by
/// `1 - rate` (Srivastava et al. 2014, <https://jmlr.org/papers/v15/srivastava14a.html>); in evaluation returns `x`.
///
/// What is dropped is a function of (seed, epoch, image's index in its data set, path, place in the image) alone, see
/// [`crate::philox::draw`]: two in one graph need scopes of their own, or they drop the same.
///
/// # Errors
///
/// [`crate::Error::Graph`] where `rate` is not in `0..1`, or as [`Graph::randomness`].
pub fn dropout(g: &mut Graph, x: Value, rate: f32) -> Result<Value> {
    let Some(drop) = drop(g, "dropout", rate)? else {
        return Ok(x);
    };
    let random = g.randomness(g.shape(x).n())?;
    g.apply_one(Dropout { drop }, &[x, random.key, random.indices])
}

#[derive(Debug)]
struct Dropout {
    drop: Drop,
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            let name = self.drop.name as usize;
            cx.push(
                Dispatch::new("ops/dropout", "dropout")
                    .link("random/philox")
                    .params(&[x.vec4s(), x.with_n(1).vec4s(), images.start, name])
                    .param_f32(self.drop.rate)
                    .param_f32(self.drop.factor())
                    .bind(cx.images(In(0), &images))
                    .bind(In(1))
                    .bind(In(2))
                    .bind(cx.images(Out(0), &images))
                    .threads(x.vec4s()),
            );
        }
    }

    /// Drops the same numbers of the gradient.
    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let drop = self.drop;
        let again = |dy| g.apply_one(Self { drop }, &[dy, xs[1], xs[2]]);
        Ok(vec![dys[0].map(again).transpose()?, None, None])
    }
}
