//! A number added to each channel. Kernel: `shaders/ops/bias.wgsl`. Test: `tests/ops/bias.rs`.

use super::column_sum;
use crate::{
    Cost, Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value,
};

/// Adds `b`, `[1, 1, 1, c]`, to every pixel of `x`, `[n, h, w, c]`.
///
/// # Errors
///
/// [`crate::Error::Shape`] where `b` is not a number a channel.
pub fn bias(g: &mut Graph, x: Value, b: Value) -> Result<Value> {
    g.apply_one(Bias, &[x, b])
}

#[derive(Debug)]
struct Bias;

impl Op for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Bias
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let expected = Shape::vector(inputs[0].c());
        match inputs[1] == expected {
            true => Ok(vec![inputs[0]]),
            false => Err(format!("a bias of {expected}, one number a channel")),
        }
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        Cost {
            flops: inputs[0].count() as u64,
            acts: 0,
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            cx.push(
                Dispatch::new("ops/bias", "bias")
                    .params(&[x.vec4s(), x.c4()])
                    .bind(cx.images(In(0), &images))
                    .bind(In(1))
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
        let db = dys[0].map(|dy| column_sum(g, dy)).transpose()?;
        Ok(vec![dys[0], db])
    }
}
