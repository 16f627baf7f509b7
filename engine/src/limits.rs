use crate::VariantTable;

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
    /// Multiply-adds that are done in about 100 ms, the longest that one submit should take: longer ones
    /// freeze desktops and wake watchdogs.
    pub work: u64,
    /// Bytes that are moved in about 100 ms.
    pub bytes: u64,
    /// What runs the kernels.
    pub kind: AdapterKind,
    /// Whether plans apply batch norms and gates where they are read, instead of writing them: [`crate::Graph::fuse`].
    pub fuse: bool,
    /// Multiply-adds worth doing again to move a byte less, in inference: an expansion is then computed within the
    /// depthwise convolution that reads it. 0: never.
    pub recompute: u64,
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
            recompute: RECOMPUTE,
            variants: VariantTable::default(),
        }
    }
}

impl Limits {
    /// Threads worth having at once: sums are split until there are about this many.
    pub fn threads_wanted(&self) -> usize {
        match self.kind {
            AdapterKind::Gpu => 32_768,
            AdapterKind::Cpu => 512,
        }
    }
}
