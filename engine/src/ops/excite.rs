//! The two layers of squeeze-and-excite. Kernels: `shaders/ops/excite.wgsl`. Test: `tests/ops/excite.rs`.

use super::Activation;
use crate::{Cost, Dispatch, Graph, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value};

/// What [`excite`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExciteInputs {
    /// The mean of each channel of each image, `[n, 1, 1, c]`.
    pub x: Value,
    /// `[1, 1, c, s]`.
    pub squeeze: Value,
    /// `[1, 1, 1, s]`.
    pub squeeze_bias: Value,
    /// `[1, 1, s, c]`.
    pub excite: Value,
    /// `[1, 1, 1, c]`.
    pub excite_bias: Value,
}

/// The factor of each channel, `[n, 1, 1, c]`, of squeeze-and-excite (<https://arxiv.org/abs/1709.01507>, section 3.2):
/// `sigmoid(activation(x · squeeze + squeeze_bias) · excite + excite_bias)`, in one kernel.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes do not fit.
pub fn excite(g: &mut Graph, inputs: ExciteInputs, activation: Activation) -> Result<Value> {
    let ExciteInputs {
        x,
        squeeze,
        squeeze_bias,
        excite,
        excite_bias,
    } = inputs;
    g.apply_one(
        Excite { activation },
        &[x, squeeze, squeeze_bias, excite, excite_bias],
    )
}

#[derive(Debug)]
struct Excite {
    /// Between the layers.
    activation: Activation,
}

impl Op for Excite {
    fn name(&self) -> &'static str {
        "excite"
    }

    fn meaning(&self) -> Meaning {
        Meaning::Excite(self.activation)
    }

    /// The factors, the first layer's sums, and what the second layer reads of them.
    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let ([n, h, w, c], s) = (inputs[0].0, inputs[1].c());
        let expected = [
            Shape([1, 1, c, s]),
            Shape::vector(s),
            Shape([1, 1, s, c]),
            Shape::vector(c),
        ];
        match (h * w == 1, inputs[1..] == expected) {
            (true, true) => Ok(vec![inputs[0], Shape([n, 1, 1, s]), Shape([n, 1, 1, s])]),
            _ => Err(format!(
                "one pixel an image, then {}, {}, {} and {}",
                expected[0], expected[1], expected[2], expected[3]
            )),
        }
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let (n, c, s) = (inputs[0].n(), inputs[0].c(), inputs[1].c());
        Cost {
            flops: (n * (2 * c * s + c + s)) as u64,
            acts: (n * (c + s)) as u64,
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (n, c, s) = (cx.inputs[0].n(), cx.inputs[0].c(), cx.inputs[1].c());
        let inputs = (0..5).map(In);
        let dispatch = Dispatch::new("ops/excite", "excite")
            .link("activations")
            .constant("ACTIVATION", self.activation.code())
            .params(&[n, c, s])
            .workgroups(n)
            .work(n * 2 * c * s);
        let dispatch = inputs.fold(dispatch, Dispatch::bind);
        cx.push(dispatch.bind(Out(1)).bind(Out(2)).bind(Out(0)));
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        ys: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None; 5]);
        };
        let activation = self.activation;
        let made = g.apply(Gradient { activation }, &[ys[0], dy, ys[1], xs[1], xs[3]])?;
        let excite = g.apply(GradWeight, &[ys[2], made[0]])?;
        let squeeze = g.apply(GradWeight, &[xs[0], made[1]])?;
        Ok([made[2], squeeze[0], squeeze[1], excite[0], excite[1]]
            .map(Some)
            .into())
    }
}

/// From the factors, their gradient, the first layer's sums and both weights: the gradients of the second layer's sums, of
/// the first one's, and of the means.
#[derive(Debug)]
struct Gradient {
    activation: Activation,
}

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "excite_grad"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0], inputs[2], inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (n, c, s) = (cx.inputs[0].n(), cx.inputs[0].c(), cx.inputs[2].c());
        let dispatch = Dispatch::new("ops/excite", "excite_grad")
            .link("activations")
            .constant("ACTIVATION", self.activation.code())
            .params(&[n, c, s])
            .workgroups(n)
            .work(n * 2 * c * s);
        let dispatch = (0..5).map(In).fold(dispatch, Dispatch::bind);
        cx.push((0..3).map(Out).fold(dispatch, Dispatch::bind));
    }
}

/// From what a layer reads and the gradient of its sums: the gradients of its weight and bias.
#[derive(Debug)]
struct GradWeight;

impl Op for GradWeight {
    fn name(&self) -> &'static str {
        "excite_grad_weight"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let (rows, columns) = (inputs[0].c(), inputs[1].c());
        Ok(vec![Shape([1, 1, rows, columns]), Shape::vector(columns)])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let (x, d) = (cx.inputs[0], cx.inputs[1]);
        cx.push(
            Dispatch::new("ops/excite", "excite_grad_weight")
                .link("activations")
                .params(&[x.n(), x.c(), x.c4(), d.c4()])
                .bind(In(0))
                .bind(In(1))
                .bind(Out(0))
                .bind(Out(1))
                .threads((x.c4() + 1) * d.c4())
                .work(x.n() * x.c() * d.c()),
        );
    }
}
