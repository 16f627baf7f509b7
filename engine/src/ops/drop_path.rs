//! Stochastic depth. Kernels: `shaders/ops/drop_path.wgsl`, `shaders/random/philox.wgsl`. Test:
//! `tests/ops/drop_path.rs`.

use super::random::{Drop, drop};
use crate::{Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

/// Groups of four channels that one thread copies.
const VEC4S_A_THREAD: usize = 8;

/// In training, sets each whole image of `x`, `[n, h, w, c]`, to 0 with probability `rate` and divides the others by
/// `1 - rate`: before a residual sum, the block is skipped for that image (Huang et al. 2016,
/// <https://arxiv.org/abs/1603.09382>). In evaluation returns `x`.
///
/// What is dropped is a function of (seed, epoch, image's index in its data set, path) alone, see
/// [`crate::philox::draw`]: two in one graph need scopes of their own, or they drop the same.
///
/// # Errors
///
/// [`crate::Error::Graph`] where `rate` is not in `0..1`, or as [`Graph::randomness`].
pub fn drop_path(g: &mut Graph, x: Value, rate: f32) -> Result<Value> {
    let Some(drop) = drop(g, "drop_path", rate)? else {
        return Ok(x);
    };
    let random = g.randomness(g.shape(x).n())?;
    g.apply_one(DropPath { drop }, &[x, random.key, random.indices])
}

#[derive(Debug)]
struct DropPath {
    drop: Drop,
}

impl Op for DropPath {
    fn name(&self) -> &'static str {
        "drop_path"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let vec4s = cx.inputs[0].with_n(1).vec4s();
            let threads = vec4s.div_ceil(VEC4S_A_THREAD);
            let name = self.drop.name as usize;
            cx.push(
                Dispatch::new("ops/drop_path", "drop_path")
                    .link("random/philox")
                    .params(&[vec4s, threads, images.len(), images.start, name])
                    .param_f32(self.drop.rate)
                    .param_f32(self.drop.factor())
                    .bind(cx.images(In(0), &images))
                    .bind(In(1))
                    .bind(In(2))
                    .bind(cx.images(Out(0), &images))
                    .threads(images.len() * threads),
            );
        }
    }

    /// Drops the same images of the gradient.
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
