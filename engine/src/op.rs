//! What an operator is.

use std::fmt::Debug;
use std::sync::Arc;

use crate::ops::Activation;
use crate::{DType, Graph, LaunchContext, Meaning, Result, Shape, Value};

/// An operator: a rule for shapes, a cost, the kernels that compute it, and a gradient.
///
/// # What implementors uphold
///
/// Kernels run without bounds checks, and believe the sizes that they are given. So [`Op::shapes`] refuses inputs whose
/// sides do not fit each other, [`Op::launch`] gives each kernel the sizes of what it binds, and [`Op::backward`]
/// returns gradients of the shape and format of the inputs. An implementation that does not has kernels read and write other
/// memory of the device; nothing else finds out, but for kernels run with `TRIAXIS_CHECKED=1`.
pub trait Op: Debug + Send + Sync {
    /// Names `shaders/ops/<name>.wgsl`, `engine/src/ops/<name>.rs` and `tests/ops/<name>.rs`; a part of an operator
    /// (a gradient, a stage) begins with its name: `<name>_grad_input`.
    fn name(&self) -> &'static str;

    /// The outputs' shapes; the error is the text of what the inputs should have been.
    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String>;

    /// How its outputs are stored, unless [`Op::halves`] leaves that to the graph.
    fn stores(&self) -> DType {
        DType::F32
    }

    /// What it computes, as plain data.
    fn meaning(&self) -> Meaning {
        Meaning::Other
    }

    /// Which inputs and outputs may be stored as f16.
    fn halves(&self) -> Halves {
        Halves::default()
    }

    /// Multiply-adds and activations of one run.
    fn cost(&self, _inputs: &[Shape]) -> Cost {
        Cost::default()
    }

    /// Pushes the kernels to launch, in order, as plain data.
    fn launch(&self, cx: &mut LaunchContext);

    /// The same operator where input `input` is what [`Reading`] makes of it, by inputs that are appended from number
    /// `appended` on; `None` where its kernels cannot do that as they read.
    fn reading(&self, _input: usize, _reading: Reading, _appended: usize) -> Option<Arc<dyn Op>> {
        None
    }

    /// The same operator that also makes, as a second output, the statistics of its first one that a batch norm in
    /// training needs; `None` where its kernels cannot do that as they write.
    fn with_statistics(&self) -> Option<Arc<dyn Op>> {
        None
    }

    /// The same operator where its first output, the gradient of what a batch norm made, is stored as it is behind the
    /// batch norm's `activation`, and where its second and third are dgamma and dbeta. What was normalised and the
    /// coefficients are appended from input number `appended` on. `None` where its kernels cannot do that as they write.
    fn ending(&self, _activation: Activation, _appended: usize) -> Option<Arc<dyn Op>> {
        None
    }

    /// The same operator that also makes, as a second output, what the gradient of the batch norm that its first input is
    /// read through, with this activation, needs of that input and of the second one. `None` where it cannot.
    fn with_moments(&self, _activation: Activation) -> Option<Arc<dyn Op>> {
        None
    }

    /// The same operator whose output goes through what follows it before it is stored; `None` where its kernels cannot do
    /// that as they write. What that takes is input number `appended`.
    fn followed(&self, _by: Following, _appended: usize) -> Option<Arc<dyn Op>> {
        None
    }

    /// The same operator whose output is added to input number `appended`, in place; `None` where its kernels cannot do that.
    fn added(&self, _appended: usize) -> Option<Arc<dyn Op>> {
        None
    }

    /// The input in whose memory the first output is stored, number by number where it was read: nothing reads that input
    /// later, and both have one shape and one format.
    fn replaces(&self) -> Option<usize> {
        None
    }

    /// Of an operator whose kernels would bind more than eight buffers: two inputs that hold coefficients, and the same
    /// operator that finds those of the second behind those of the first.
    fn joined(&self) -> Option<([usize; 2], Arc<dyn Op>)> {
        None
    }

    /// The inputs that are written in place: running statistics, parameters, counters.
    fn updates(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Adds the nodes that compute each input's gradient from the outputs'. `None` for an input that gets none, an
    /// empty list where the operator has no gradient.
    fn backward(
        &self,
        _g: &mut Graph,
        _xs: &[Value],
        _ys: &[Value],
        _dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(Vec::new())
    }
}

/// The inputs and outputs of an operator that may be stored as f16: its kernels read and write them through the storage
/// text that they are joined with. All of the inputs have one format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halves {
    /// Inputs, by index.
    pub inputs: Vec<usize>,
    /// Outputs, by index.
    pub outputs: Vec<usize>,
    /// Whether the outputs may have another format than the inputs: their kernels write them as `Out4`.
    pub apart: bool,
}

impl Halves {
    /// These inputs and the first output, all in one format.
    pub fn alike(inputs: &[usize]) -> Self {
        Self {
            inputs: inputs.into(),
            outputs: vec![0],
            apart: false,
        }
    }

    /// These inputs in one format, no output.
    pub fn reading(inputs: &[usize]) -> Self {
        Self {
            inputs: inputs.into(),
            ..Self::default()
        }
    }

    /// These inputs in one format, the first output in any.
    pub fn apart(inputs: &[usize]) -> Self {
        Self {
            apart: true,
            ..Self::alike(inputs)
        }
    }
}

/// What a kernel makes of an input as it reads it, so that this is never in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A batch norm by the coefficients that are appended, then an activation that leaves zero as it is.
    Normalised(Activation),
    /// The gradient of a batch norm's result, as it is behind the activation.
    Ended,
    /// The gradient of an activation of a batch norm of a convolution's output, which becomes the gradient of that
    /// output, by the output and five numbers a channel.
    Differentiated(Activation),
    /// Times a number for each channel of each image.
    Gated,
    /// A gradient, times a number for each channel of each image, plus `1 / pixels` of a second one: what came through
    /// the gate of squeeze-and-excite and what came through its mean.
    Excited {
        /// Of an image.
        pixels: usize,
    },
}

/// What an output goes through before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// An activation that leaves zero as it is.
    Activation(Activation),
    /// Times the derivative of an activation whose output, which is appended, tells it.
    Derivative(Activation),
}

/// What one run of an operator costs, by the counting rules of pycls: a FLOP is a multiply-add, activations are the
/// outputs of convolutions, linear layers and max-pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-adds.
    pub flops: u64,
    /// Numbers in the output that count as activations.
    pub acts: u64,
}
