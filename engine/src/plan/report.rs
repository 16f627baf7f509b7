/// Bytes of a plan by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Parameters.
    pub parameters: u64,
    /// Their gradients.
    pub gradients: u64,
    /// Momenta, averages, running statistics.
    pub state: u64,
    /// What the caller writes, and counters.
    pub inputs: u64,
    /// What is computed, scratch included, lifetimes folded.
    pub activations: u64,
}

impl Memory {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.parameters + self.gradients + self.state + self.inputs + self.activations
    }
}

/// The bytes that one run's kernels bind.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Kernel by kernel, in running order.
    pub rows: Vec<TrafficRow>,
}

/// The bytes that one kernel binds.
#[derive(Clone, Debug)]
pub struct TrafficRow {
    /// The node's path.
    pub path: String,
    /// The kernel's entry point.
    pub kernel: &'static str,
    /// Bytes of all its tensors.
    pub bytes: u64,
}

impl Traffic {
    /// Bytes of all kernels.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|r| r.bytes).sum()
    }
}
