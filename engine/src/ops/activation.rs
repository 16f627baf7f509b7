//! Activation functions. Kernels: `shaders/ops/activation.wgsl`, `shaders/activations.wgsl`. Test:
//! `tests/ops/activation.rs`.

use super::same_shape;
use crate::{Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value};

/// A function applied to every number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `x · min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

impl Activation {
    /// Its number in `shaders/activations.wgsl`.
    pub(crate) fn code(self) -> f64 {
        match self {
            Self::Identity => 0.0,
            Self::Relu => 1.0,
            Self::Silu => 2.0,
            Self::Sigmoid => 3.0,
            Self::HardSwish => 4.0,
            Self::Relu6 => 5.0,
        }
    }
}

/// Applies `kind` to every number of `x`, `[n, h, w, c]`.
///
/// # Errors
///
/// None of its own.
pub fn activation(g: &mut Graph, x: Value, kind: Activation) -> Result<Value> {
    if kind == Activation::Identity {
        Ok(x)
    } else {
        g.apply_one(Activate { kind }, &[x])
    }
}

#[derive(Debug)]
struct Activate {
    kind: Activation,
}

impl Op for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Activation(self.kind)
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            cx.push(
                Dispatch::new("ops/activation", "activation")
                    .link("activations")
                    .constant("ACTIVATION", self.kind.code())
                    .params(&[x.vec4s(), x.c4(), x.c()])
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(Out(0), &images))
                    .threads(x.vec4s()),
            );
        }
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None]);
        };
        Ok(vec![Some(
            g.apply_one(Gradient { kind: self.kind }, &[xs[0], dy])?,
        )])
    }
}

/// From the input and the output's gradient.
#[derive(Debug)]
struct Gradient {
    kind: Activation,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "activation_grad"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0, 1])
    }

    fn meaning(&self) -> Meaning {
        Meaning::ActivationGrad(self.kind)
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![same_shape(inputs)?])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            cx.push(
                Dispatch::new("ops/activation", "activation_grad")
                    .link("activations")
                    .constant("ACTIVATION", self.kind.code())
                    .params(&[x.vec4s(), x.c4(), x.c()])
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(In(1), &images))
                    .bind(cx.images(Out(0), &images))
                    .threads(x.vec4s()),
            );
        }
    }
}
