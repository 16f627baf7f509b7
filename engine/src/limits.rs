use crate::{ShapeClass, StoredEdges, Variant, VariantTable};

/// What kind of processor runs the kernels: it decides which variant of a matrix kernel is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AdapterKind {
    /// A graphics processor: tiles in workgroup memory pay.
    #[default]
    Gpu,
    /// A software driver on the processor: barriers are dear, registers are what counts.
    Cpu,
}

/// [`Limits::recompute`] of graphics processors: such cards do 5 to 20 multiply-adds in the time of a byte.
pub(crate) const RECOMPUTE: u64 = 10;

/// Threads of a subgroup that share what they read: `LANES` of `shaders/lanes/eight.wgsl`.
const SHARERS: u32 = 8;

/// Matrices that the threads of a subgroup hold and multiply together: f16 factors, f32 sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Matrices {
    /// Rows and columns of each: 8 or 16.
    pub side: u32,
    /// Threads of a workgroup with a subgroup for every strip of a tile, a multiple of 64.
    pub threads: u32,
}

impl Matrices {
    /// Of this side, where subgroups have at most so many threads; `None` where a workgroup would be too large for WebGPU
    /// or no kernel has matrices of this side.
    pub fn new(side: u32, subgroup: u32) -> Option<Self> {
        let strips = 64_u32.checked_div(side)?;
        let threads = strips.checked_mul(subgroup)?.next_multiple_of(64);
        let fits = matches!(side, 8 | 16) && subgroup > 0 && threads <= 256;
        fits.then_some(Self { side, threads })
    }
}

/// What one dispatch may do on an adapter. Plans depend on the adapter through this alone.
///
/// The default is what WebGPU promises everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one binding may cover.
    pub binding: u64,
    /// Bytes of one buffer.
    pub buffer: u64,
    /// Bytes that a binding's offset is a multiple of.
    pub alignment: u64,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups: u32,
    /// Multiply-adds that are done in about 100 ms, the longest that one dispatch should take.
    pub work: u64,
    /// Bytes that are moved in about 100 ms.
    pub bytes: u64,
    /// What runs the kernels.
    pub kind: AdapterKind,
    /// Whether plans apply batch norms and gates where they are read, instead of writing them: [`crate::Graph::fuse`].
    pub fuse: bool,
    /// Whether plans that store activations as f16 do so in any case: what is never written is never rounded.
    pub fuse_halves: bool,
    /// Whether fused training plans forget what pointwise convolutions wrote for sums that go through a ReLU, and make the
    /// gradients around them from the Gram matrix of what these read: [`crate::Graph::forget`]. It is for memory and its traffic,
    /// by more multiply-adds.
    pub forget: bool,
    /// What fused plans write all the same, where it was measured.
    pub stored: StoredEdges,
    /// Multiply-adds worth doing again to move a byte less, in inference: an expansion is then computed within the
    /// depthwise convolution that reads it. 0: never.
    pub recompute: u64,
    /// Threads of every subgroup, where kernels may count on it: neighbours in their workgroup. 0: they may not.
    pub subgroup: u32,
    /// Whether kernels read and write activations in f32 as words of 64 bits, which is for software drivers that have such:
    /// they go from thread to thread for every word.
    pub wide: bool,
    /// The matrices that its subgroups multiply, where kernels may use them.
    pub matrices: Option<Matrices>,
    /// Which variant of a convolution's kernels runs, where it was measured.
    pub variants: VariantTable,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            binding: 128 << 20,
            buffer: 256 << 20,
            alignment: 256,
            workgroups: 65_535,
            work: 20_000_000_000,
            bytes: 10_000_000_000,
            kind: AdapterKind::Gpu,
            fuse: true,
            fuse_halves: true,
            forget: true,
            stored: StoredEdges::default(),
            recompute: RECOMPUTE,
            subgroup: 0,
            wide: false,
            matrices: None,
            variants: VariantTable::default(),
        }
    }
}

impl Limits {
    /// The variant that runs for a class of convolutions, whose inputs are stored as f16 where `halves`: by the table,
    /// else by the kind of the adapter.
    ///
    /// Wide layers share tiles on a GPU, by its matrix units where it has them: these take f16. For narrow ones tiles cost
    /// more than they save, and on a software driver for all: there subgroups share what they read, if they have the size.
    pub fn variant(&self, class: ShapeClass, halves: bool) -> Variant {
        let by_kind = match self.kind {
            AdapterKind::Gpu if !class.is_wide() => [Variant::Blocked; 2],
            AdapterKind::Gpu => [Variant::Cooperative, Variant::Tiled],
            AdapterKind::Cpu => [Variant::Shared, Variant::Blocked],
        };
        let wanted = self.variants.get(class).into_iter().chain(by_kind);
        let mut able = wanted.filter(|&variant| self.runs(variant, halves));
        able.next().unwrap_or(Variant::Blocked)
    }

    /// Whether a variant's kernels run here, of inputs stored as f16 where `halves`.
    pub fn runs(&self, variant: Variant, halves: bool) -> bool {
        match variant {
            Variant::Blocked | Variant::Tiled => true,
            Variant::Shared => self.subgroup == SHARERS,
            Variant::Cooperative => halves && self.matrices.is_some(),
        }
    }

    /// Threads worth having at once: sums are split until there are about this many.
    pub fn threads_wanted(&self) -> usize {
        match self.kind {
            AdapterKind::Gpu => 32_768,
            AdapterKind::Cpu => 512,
        }
    }
}
