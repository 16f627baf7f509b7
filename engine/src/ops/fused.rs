//! Convolutions that do what follows them in the same kernel: bias, activation, residual sum; and what stands before
//! them, the gate of squeeze-and-excite. For inference: they have no gradient. Kernels: those of `conv2d` and
//! `depthwise`, joined with `shaders/epilogue/` and `shaders/prologue/`. Test: `tests/ops/fused.rs`.

use std::ops::Range;

use super::conv2d::Conv;
use super::depthwise::Depthwise;
use super::entry::Entry;
use super::{Activation, Conv2d, bundle::bundle};
use crate::{
    Cost, Dispatch, Error, Graph, Halves, In, LaunchContext, Meaning, Op, Reading, Result, Shape,
    Value,
};

/// A convolution and what is done to its sums: `after(activation(conv(x · gate) + bias) + residual)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FusedConv2d {
    /// The convolution.
    pub conv: Conv2d,
    /// Applied to a sum and its bias.
    pub activation: Activation,
    /// Applied after the residual was added; none without a residual.
    pub after: Activation,
}

/// What a [`FusedConv2d`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusedInputs {
    /// `[n, h, w, cin]`.
    pub x: Value,
    /// `[k, k, cin / groups, cout]`; of narrow groups also as `Layout::Bundled` has them.
    pub weight: Value,
    /// `[1, 1, 1, cout]`.
    pub bias: Value,
    /// `[n, oh, ow, cout]`.
    pub residual: Option<Value>,
    /// `[n, 1, 1, cin]`: a factor for each channel of each image. Depthwise convolutions take none.
    pub gate: Option<Value>,
}

/// Convolves with bias, activations, residual and gate in one kernel: `[n, oh, ow, cout]`.
///
/// # Errors
///
/// [`Error::Shape`] where shapes do not fit, [`Error::Graph`] for a gate of a depthwise convolution or an activation
/// after a residual that is not there.
pub fn conv2d_fused(g: &mut Graph, inputs: FusedInputs, fused: FusedConv2d) -> Result<Value> {
    let (op, values) = drawn(g, inputs, fused)?;
    g.apply_one(op, &values)
}

/// The same for a depthwise convolution, whose kernel also makes the mean of each channel over an image's pixels, as
/// [`super::global_avg_pool`] does of what is stored: `[n, oh, ow, c]` and `[n, 1, 1, c]`.
///
/// # Errors
///
/// As [`conv2d_fused`], and [`Error::Graph`] for another convolution.
pub fn conv2d_fused_mean(
    g: &mut Graph,
    inputs: FusedInputs,
    fused: FusedConv2d,
) -> Result<[Value; 2]> {
    let (op, values) = drawn(g, inputs, fused)?;
    if !matches!(op.kernel, Kernel::Depthwise(_)) {
        let path = super::node_path(g, "conv2d_fused");
        let what = "only a depthwise convolution leaves means: use `global_avg_pool`";
        return Err(Error::Graph(format!("{path}: {what}")));
    }
    let made = g.apply(Fused { mean: true, ..op }, &values)?;
    Ok([made[0], made[1]])
}

/// The node and what it reads.
fn drawn(g: &mut Graph, inputs: FusedInputs, fused: FusedConv2d) -> Result<(Fused, Vec<Value>)> {
    let FusedInputs {
        x,
        mut weight,
        bias,
        residual,
        gate,
    } = inputs;
    let refuse = |g: &Graph, what: &str| {
        let path = super::node_path(g, "conv2d_fused");
        Err(Error::Graph(format!("{path}: {what}")))
    };
    if residual.is_none() && fused.after != Activation::Identity {
        return refuse(g, "no residual to activate after: use `activation`");
    }
    let (channels, shape, conv) = (g.shape(x).c(), g.shape(weight), fused.conv);
    let kernel = if conv.is_depthwise(channels, shape) {
        if gate.is_some() {
            return refuse(
                g,
                "a depthwise convolution takes no gate: apply `gate` before",
            );
        }
        Kernel::Depthwise(Depthwise {
            stride: conv.stride,
            padding: conv.padding,
        })
    } else {
        let [kh, kw, rows, cout] = shape.0;
        let cin = channels / conv.groups.max(1);
        let spread = conv.spread(Shape([kh, kw, cin, cout]));
        if spread > 1 && rows == cin {
            weight = bundle(g, weight, spread, cout / conv.groups)?;
        }
        Kernel::Conv(Conv::new(conv, spread))
    };
    let op = Fused {
        kernel,
        fused,
        residual: residual.is_some(),
        gate: gate.is_some(),
        mean: false,
    };
    let values: Vec<Value> = [x, weight, bias]
        .into_iter()
        .chain(residual)
        .chain(gate)
        .collect();
    Ok((op, values))
}

#[derive(Clone, Copy, Debug)]
enum Kernel {
    Conv(Conv),
    Depthwise(Depthwise),
}

#[derive(Debug)]
struct Fused {
    kernel: Kernel,
    fused: FusedConv2d,
    residual: bool,
    gate: bool,
    /// Whether the mean over each image is a second output.
    mean: bool,
}

impl Fused {
    fn extras(&self) -> Extras {
        Extras {
            activation: self.fused.activation,
            after: self.fused.after,
            bias: Some(2),
            residual: self.residual.then_some(3),
            gate: self.gate.then_some(3 + usize::from(self.residual)),
            mean: self.mean.then_some(1),
            ..Extras::default()
        }
    }
}

impl Op for Fused {
    fn name(&self) -> &'static str {
        match self.kernel {
            Kernel::Conv(_) => "conv2d_fused",
            Kernel::Depthwise(_) => "depthwise_fused",
        }
    }

    fn halves(&self) -> Halves {
        let inputs: Vec<usize> = [0].into_iter().chain(self.extras().residual).collect();
        Halves::apart(&inputs)
    }

    fn meaning(&self) -> Meaning {
        Meaning::FusedConv2d {
            fused: self.fused,
            residual: self.residual,
            gate: self.gate,
            mean: self.mean,
        }
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let y = match &self.kernel {
            Kernel::Conv(conv) => conv.output(inputs)?,
            Kernel::Depthwise(depthwise) => depthwise.output(inputs)?,
        };
        let Extras {
            bias,
            residual,
            gate,
            ..
        } = self.extras();
        let x = inputs[0];
        for (what, input, expected) in [
            ("bias", bias, Shape::vector(y.c())),
            ("residual", residual, y),
            ("gate", gate, Shape([x.n(), 1, 1, x.c()])),
        ] {
            if input.is_some_and(|i| inputs[i] != expected) {
                return Err(format!("a {what} of {expected}"));
            }
        }
        let mean = self.mean.then_some(Shape([y.n(), 1, 1, y.c()]));
        Ok([y].into_iter().chain(mean).collect())
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        match &self.kernel {
            Kernel::Conv(conv) => conv.cost(inputs),
            Kernel::Depthwise(depthwise) => depthwise.cost(inputs),
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        match &self.kernel {
            Kernel::Conv(conv) => conv.launch(cx, &self.extras()),
            Kernel::Depthwise(depthwise) => depthwise.launch(cx, &self.extras()),
        }
    }
}

/// What a convolution's kernel does besides, and which of the node's inputs it reads for that. The default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extras {
    pub activation: Activation,
    pub after: Activation,
    pub bias: Option<usize>,
    pub residual: Option<usize>,
    pub gate: Option<usize>,
    pub entry: Entry,
    /// The output of the node that holds the statistics of the first one.
    pub statistics: Option<usize>,
    /// The output of the node that holds the mean over each image of the first one: of depthwise convolutions.
    pub mean: Option<usize>,
}

impl Extras {
    /// With what `reading` says done to `x`, by the input `appended`.
    pub(super) fn reading(mut self, reading: Reading, appended: usize) -> Option<Self> {
        match (reading, self.gate) {
            (Reading::Gated, None) => self.gate = Some(appended),
            _ => self.entry = self.entry.reading(reading, appended)?,
        }
        Some(self)
    }

    /// Joins the texts that find x in what is stored and scale it.
    pub(super) fn link_prologue(&self, dispatch: Dispatch) -> Dispatch {
        let dispatch = self.entry.link(dispatch);
        match self.gate {
            Some(_) => dispatch.link("prologue/gate"),
            None => dispatch.link("prologue/none"),
        }
    }

    /// Joins the text that finishes a sum.
    pub(super) fn link_epilogue(&self, dispatch: Dispatch) -> Dispatch {
        let inner = self.activation.code();
        match (self.bias, self.residual) {
            (None, _) => dispatch.link("epilogue/none"),
            (Some(_), None) => dispatch
                .link("epilogue/bias")
                .link("activations")
                .constant("ACTIVATION", inner),
            (Some(_), Some(_)) => dispatch
                .link("epilogue/residual")
                .link("activations")
                .constant("ACTIVATION", inner)
                .constant("AFTER", self.after.code()),
        }
    }

    /// Binds what those texts read, where they expect it.
    pub(super) fn bind(
        &self,
        mut dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
    ) -> Dispatch {
        if let Some(bias) = self.bias {
            dispatch = dispatch.bind_at(3, In(bias));
        }
        if let Some(residual) = self.residual {
            dispatch = dispatch.bind_at(4, cx.images(In(residual), images));
        }
        if let Some(gate) = self.gate {
            dispatch = dispatch.bind_at(5, In(gate));
        }
        self.entry.bind(dispatch)
    }
}
