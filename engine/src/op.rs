use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::ops::{Activation, Conv2d, Depthwise, Divisor, FusedConv2d, Pool};
use crate::{DType, Graph, Limits, Result, Shape, ShapeClass, Value};

/// An operator: a rule for shapes, a cost, the kernels that compute it, and a gradient.
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

/// What an operator computes, as plain data, for passes over graphs and for exporters. Inputs stand in the order given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Meaning {
    /// Nothing that a pass knows.
    #[default]
    Other,
    /// A convolution of `x` by a weight.
    Conv2d(Conv2d),
    /// A convolution of each channel of `x` by a kernel of its own.
    Depthwise(Depthwise),
    /// A convolution of `x` by a weight, plus a bias, and what else was fused into it.
    FusedConv2d {
        /// The convolution and its activations.
        fused: FusedConv2d,
        /// Whether a residual is the next input.
        residual: bool,
        /// Whether a gate is the last input.
        gate: bool,
        /// Whether the mean of each channel over an image is a second output.
        mean: bool,
    },
    /// A weight whose narrow groups are laid side by side for the kernels, and how: the same numbers, and zeros.
    Bundle {
        /// Groups side by side.
        count: usize,
        /// Channels that leave one of them.
        group_out: usize,
    },
    /// Mean and variance of each channel of `x`.
    BatchNormStatistics,
    /// The coefficients of a batch norm, from gamma, beta, running mean and running variance.
    BatchNormCoefficients {
        /// Added to the variance.
        eps: f32,
    },
    /// A batch norm of `x` by such coefficients.
    BatchNorm {
        /// Applied to the result.
        activation: Activation,
    },
    /// dgamma and dbeta of such a batch norm, from `x`, the coefficients and the gradient of the result.
    BatchNormGradSums {
        /// Applied to the result.
        activation: Activation,
    },
    /// The same where the gradient is what [`Reading::Excited`] makes of the third input by the next two.
    ExcitedGradSums {
        /// Applied to the result.
        activation: Activation,
        /// Of an image.
        pixels: usize,
    },
    /// The gradient of what such a batch norm normalises, from `x`, the coefficients and the gradient of the result, and
    /// of batch statistics dgamma and dbeta.
    BatchNormGradInput {
        /// Applied to the result.
        activation: Activation,
    },
    /// The numbers by which such a gradient is made as it is read, from the coefficients and, of batch statistics, dgamma
    /// and dbeta.
    BatchNormGradCoefficients {
        /// Values a channel.
        count: usize,
    },
    /// `x` plus a number a channel.
    Bias,
    /// A function of every number of `x`.
    Activation(Activation),
    /// The gradient of such a function, from `x` and the gradient of the result.
    ActivationGrad(Activation),
    /// `x` times a number for each channel of each image.
    Gate,
    /// These numbers, from the mean of each channel: through a layer of weight and bias, this activation, another such layer
    /// and a sigmoid.
    Excite(Activation),
    /// The gradient of these numbers, from `x` and the gradient of the result.
    GateGradScale,
    /// The sum of two tensors of one shape.
    Add,
    /// The mean of each channel over an image.
    GlobalAvgPool,
    /// To every pixel of an image its share of each channel's number: the gradient of that mean.
    Spread {
        /// Of an image.
        pixels: usize,
    },
    /// The mean under each window.
    AvgPool(Pool, Divisor),
    /// The largest number under each window; padding is smaller than all of them.
    MaxPool(Pool),
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

/// A tensor that a kernel binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The operator's input of that index.
    In(usize),
    /// The operator's output of that index.
    Out(usize),
    /// Memory of the operator's own, from [`LaunchContext::scratch`].
    Scratch(usize),
}

/// A tensor, or a part of it, as a kernel binds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The tensor.
    pub slot: Slot,
    /// The bytes of it; `None` for all.
    pub bytes: Option<Range<u64>>,
    /// How many of those the kernel reads or writes; `None` for all.
    pub touched: Option<u64>,
}

impl From<Slot> for Binding {
    fn from(slot: Slot) -> Self {
        Self {
            slot,
            bytes: None,
            touched: None,
        }
    }
}

impl Slot {
    /// All of it as a binding of which a kernel reads or writes no more than so many `vec4<f32>`s: partial sums, which
    /// lie too close for bindings of their own.
    pub fn touching(self, vec4s: usize) -> Binding {
        Binding {
            touched: Some(vec4s as u64 * 16),
            ..self.into()
        }
    }
}

/// A compute pipeline, named by its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Files of `shaders/` that are joined: the entry point's own first.
    pub link: Vec<&'static str>,
    /// The entry point.
    pub entry: &'static str,
    /// WGSL `override` constants: the kernel is specialised on them.
    pub constants: Vec<(&'static str, f64)>,
    /// How the activations that it reads and those that it writes are stored: [`DType::F32`] or [`DType::F16`].
    pub formats: [DType; 2],
}

impl Kernel {
    /// Tells pipelines apart: kernels of one key are one pipeline.
    pub(crate) fn key(&self) -> String {
        format!("{:?} {} {:?}", self.files(), self.entry, self.constants)
    }

    /// The files of `shaders/` that make up its text: what every kernel may use (how activations are stored, unless the
    /// linked files bring that themselves, and the grid), then the linked ones.
    pub fn files(&self) -> Vec<&'static str> {
        let brings = self.link.iter().any(|name| name.starts_with("storage/"));
        let [reads, writes] = self.formats.map(|format| format == DType::F16);
        // What a text needs of the language comes before all declarations.
        let (enables, rest): (Vec<_>, Vec<_>) =
            (self.link.iter().copied()).partition(|name| name.ends_with("/enable"));
        let mut files = enables;
        if !brings {
            files.push(if reads { "storage/f16" } else { "storage/f32" });
            files.push(if writes {
                "storage/out_f16"
            } else {
                "storage/out_f32"
            });
        }
        if brings || reads || writes {
            files.push("storage/half");
        }
        files.push("grid");
        files.extend(rest);
        files
    }

    /// The whole WGSL text.
    pub fn source(&self) -> String {
        let mut text = String::new();
        for name in self.files() {
            let file = triaxis_shaders::source(name).unwrap_or_else(|| {
                panic!("shaders/{name}.wgsl is not in triaxis_shaders::SOURCES")
            });
            text.push_str(file);
            text.push('\n');
        }
        text
    }
}

/// One launch of one kernel, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// What runs.
    pub kernel: Kernel,
    /// The sizes that it reads: the fields of its `Params`, in order.
    pub params: Vec<u32>,
    /// What is bound, and at which binding.
    pub bindings: Vec<(u32, Binding)>,
    /// Workgroups: of 64 threads, or as many as the kernel's constant `THREADS` says.
    pub workgroups: u64,
    /// Multiply-adds that it does.
    pub work: u64,
    /// Bytes that threads read although others of the launch read them, too: tiles read their neighbours' edges, and each
    /// its own copy of the weight. `None` where the launcher does not know.
    pub rereads: Option<u64>,
    /// The class of convolutions that it is of, where there is a choice of variants.
    pub class: Option<ShapeClass>,
}

impl Dispatch {
    /// A launch of `entry` of `shaders/<file>.wgsl`.
    pub fn new(file: &'static str, entry: &'static str) -> Self {
        Self {
            kernel: Kernel {
                link: vec![file],
                entry,
                constants: Vec::new(),
                formats: [DType::F32; 2],
            },
            params: Vec::new(),
            bindings: Vec::new(),
            workgroups: 0,
            work: 0,
            rereads: None,
            class: None,
        }
    }

    /// Joins another file of `shaders/`, unless it is there.
    pub fn link(mut self, file: &'static str) -> Self {
        if !self.kernel.link.contains(&file) {
            self.kernel.link.push(file);
        }
        self
    }

    /// Says that there is a choice of variants for this class.
    pub fn class(mut self, class: Option<ShapeClass>) -> Self {
        self.class = class;
        self
    }

    /// Sets an `override` constant.
    pub fn constant(mut self, name: &'static str, value: f64) -> Self {
        self.kernel.constants.push((name, value));
        self
    }

    /// Sets the uniform's fields, in order; a field of type `f32` is given as its bits.
    pub fn params(mut self, params: &[usize]) -> Self {
        self.params.extend(
            params.iter().map(|&size| {
                u32::try_from(size).expect("sizes fit 32 bits: Graph::apply holds it")
            }),
        );
        self
    }

    /// Adds a field of type `f32` to the uniform.
    pub fn param_f32(mut self, value: f32) -> Self {
        self.params.push(value.to_bits());
        self
    }

    /// Binds the next tensor.
    pub fn bind(self, binding: impl Into<Binding>) -> Self {
        let next = self.bindings.last().map_or(0, |(last, _)| last + 1);
        self.bind_at(next, binding)
    }

    /// Binds a tensor where a joined text that is not always there expects it; those before may be missing.
    pub fn bind_at(mut self, index: u32, binding: impl Into<Binding>) -> Self {
        self.bindings.push((index, binding.into()));
        self
    }

    /// As many workgroups as hold this many threads.
    pub fn threads(mut self, threads: usize) -> Self {
        self.workgroups = threads.div_ceil(64) as u64;
        self
    }

    /// Sets the number of workgroups.
    pub fn workgroups(mut self, workgroups: usize) -> Self {
        self.workgroups = workgroups as u64;
        self
    }

    /// Says how many multiply-adds it does.
    pub fn work(mut self, multiply_adds: usize) -> Self {
        self.work = multiply_adds as u64;
        self
    }

    /// Says how many bytes its threads read: `(all reads, bytes of the tensor)` of every tensor that is read again.
    pub fn rereads(mut self, reads: &[(u64, u64)]) -> Self {
        let again = reads.iter().map(|(all, once)| all.saturating_sub(*once));
        self.rereads = Some(again.sum());
        self
    }
}

/// What an operator knows when it lays out its kernels, and where it puts them.
#[derive(Debug)]
pub struct LaunchContext<'a> {
    /// The inputs' shapes.
    pub inputs: &'a [Shape],
    /// The outputs' shapes.
    pub outputs: &'a [Shape],
    /// The inputs' formats, then the outputs'; f32 where none is given.
    pub dtypes: &'a [DType],
    /// What the adapter allows.
    pub limits: &'a Limits,
    /// Bytes of each scratch tensor asked for.
    pub(crate) scratch: Vec<u64>,
    /// Kernels, in order.
    pub(crate) dispatches: Vec<Dispatch>,
}

impl<'a> LaunchContext<'a> {
    /// A context for an operator with these inputs and outputs.
    pub fn new(
        inputs: &'a [Shape],
        outputs: &'a [Shape],
        dtypes: &'a [DType],
        limits: &'a Limits,
    ) -> Self {
        Self {
            inputs,
            outputs,
            dtypes,
            limits,
            scratch: Vec::new(),
            dispatches: Vec::new(),
        }
    }

    /// The kernels pushed so far.
    pub fn dispatches(&self) -> &[Dispatch] {
        &self.dispatches
    }

    /// Adds a kernel; one without threads is left out.
    pub fn push(&mut self, dispatch: Dispatch) {
        if dispatch.workgroups > 0 {
            self.dispatches.push(dispatch);
        }
    }

    /// Memory for this node alone, as many `vec4<f32>` as said.
    pub fn scratch(&mut self, vec4s: usize) -> Slot {
        self.scratch.push(vec4s as u64 * 16);
        Slot::Scratch(self.scratch.len() - 1)
    }

    /// The images of `slot` in `images`, as a binding.
    pub fn images(&self, slot: Slot, images: &Range<usize>) -> Binding {
        let image = self.image_bytes(slot);
        Binding {
            slot,
            bytes: Some(images.start as u64 * image..images.end as u64 * image),
            touched: None,
        }
    }

    /// The images cut into ranges that one dispatch may cover: each of `slots` stays within the binding limit at an
    /// aligned offset, and the work within about 100 ms. Every slot has the same number of images.
    pub fn image_ranges(&self, slots: &[Slot], work: usize) -> Vec<Range<usize>> {
        let n = self.shape(slots[0]).n();
        let per_image: Vec<u64> = slots.iter().map(|&s| self.image_bytes(s)).collect();
        // The first image of a range must lie at an aligned offset in every tensor.
        let step = per_image
            .iter()
            .map(|&b| self.limits.alignment / gcd(self.limits.alignment, b.max(1)))
            .max()
            .unwrap_or(1);
        let widest = per_image.iter().copied().max().unwrap_or(1).max(1);
        let by_memory = self.limits.binding / widest;
        let by_work = self.limits.work / (work as u64 / n.max(1) as u64).max(1);
        let images = by_memory.min(by_work.max(step)) / step * step;
        // A single step of images that is beyond the limit is left whole: `Schedule` refuses it by name.
        let images = if images == 0 { step } else { images } as usize;
        (0..n)
            .step_by(images.max(1))
            .map(|first| first..(first + images).min(n))
            .collect()
    }

    /// Bytes of four channels of `slot` as they are stored.
    pub fn vec4_bytes(&self, slot: Slot) -> u64 {
        let given = match slot {
            Slot::In(i) => self.dtypes.get(i),
            Slot::Out(i) => self.dtypes.get(self.inputs.len() + i),
            Slot::Scratch(_) => None,
        };
        given.copied().unwrap_or_default().vec4_bytes() as u64
    }

    fn image_bytes(&self, slot: Slot) -> u64 {
        self.shape(slot).with_n(1).vec4s() as u64 * self.vec4_bytes(slot)
    }

    fn shape(&self, slot: Slot) -> Shape {
        match slot {
            Slot::In(i) => self.inputs[i],
            Slot::Out(i) => self.outputs[i],
            Slot::Scratch(_) => unreachable!("scratch has no images"),
        }
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
