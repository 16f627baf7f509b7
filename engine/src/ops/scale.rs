//! A tensor times a number. Kernel: `shaders/ops/scale.wgsl`. Test: `tests/ops/scale.rs`.

use crate::{Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

/// Multiplies every number of `x`, `[n, h, w, c]`, by `factor`.
///
/// # Errors
///
/// None of its own.
pub fn scale(g: &mut Graph, x: Value, factor: f32) -> Result<Value> {
    g.apply_one(Scale { factor }, &[x])
}

#[derive(Debug)]
struct Scale {
    factor: f32,
}

impl Op for Scale {
    fn name(&self) -> &'static str {
        "scale"
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
            cx.push(
                Dispatch::new("ops/scale", "scale")
                    .params(&[x.vec4s()])
                    .param_f32(self.factor)
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(Out(0), &images))
                    .threads(x.vec4s()),
            );
        }
    }

    fn backward(
        &self,
        g: &mut Graph,
        _: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(vec![
            dys[0].map(|dy| scale(g, dy, self.factor)).transpose()?,
        ])
    }
}
