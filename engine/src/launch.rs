//! Kernels and their launches, as plain data.

use std::ops::Range;

use crate::{DType, Limits, Shape, ShapeClass};

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
    /// Whether activations in f32 are read and written as words of 64 bits, where the adapter does so:
    /// [`crate::Limits::wide`].
    pub wide: bool,
}

impl Kernel {
    /// Says how activations are stored, and whether the adapter has wide words.
    pub(crate) fn store(&mut self, formats: [DType; 2], wide: bool) {
        self.formats = formats;
        self.wide &= wide && formats == [DType::F32; 2];
    }

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
            files.push(match (reads, self.wide) {
                (true, _) => "storage/f16",
                (false, false) => "storage/f32",
                (false, true) => "storage/f32_wide",
            });
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
                wide: true,
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

    /// Says whether words of 64 bits are worth it where the adapter has them, as they are unless this says no.
    pub fn wide(mut self, gains: bool) -> Self {
        self.kernel.wide = gains;
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
