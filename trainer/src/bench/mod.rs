//! How fast whole networks run: inference as a [`crate::Classifier`] does it, training steps as a
//! [`crate::Trainer`] does them.

pub mod compare;
mod file;
mod inference;
mod kernels;
mod machine;
mod measure;
pub mod page;
mod peak;
mod row;
pub mod scaling;
mod seconds;
mod times;
mod trace;
mod training;

pub use file::RowFile;
pub use inference::{Form, infer};
pub use kernels::{Launch, Phase};
pub use machine::{Machine, cpu_seconds, thread_cpu_seconds};
pub use peak::Peak;
pub use row::Row;
pub use seconds::{Ready, Seconds};
pub use times::{Times, extremes, median, quantile, round};
pub use trace::trace;
pub use training::{LoaderRate, loader_rate, train};

use triaxis_engine::Gpu;
use triaxis_models::Spec;

use crate::error::Result;

/// A network at a size.
#[derive(Clone, Debug)]
pub struct Case {
    /// The network; its resolution is the side of the pictures.
    pub spec: Spec,
    /// Pictures of a batch.
    pub batch: usize,
}

/// How cases are measured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Runs that are measured, one after the other, and as many again without waiting in between.
    pub runs: usize,
    /// Whether every kernel gets a row, too.
    pub kernels: Kernels,
}

/// What rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernels {
    /// One for each case.
    #[default]
    Together,
    /// Then one for each kernel of each node, the longest first.
    Apart,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            runs: 11,
            kernels: Kernels::default(),
        }
    }
}

/// Where cases are measured, and how fast that adapter copies and multiplies.
#[derive(Clone, Debug)]
pub struct Bench {
    /// What stands in every row.
    pub machine: Machine,
    /// Bytes a second that a plain copy reads and writes.
    pub copy_rate: f64,
    /// Operations a second of kernels that do nothing but multiply and add.
    pub peak: Peak,
}

impl Bench {
    /// Measures how fast the adapter copies and multiplies.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self {
            machine: Machine::of(gpu),
            copy_rate: gpu.copy_rate()?,
            peak: Peak::measure(gpu)?,
        })
    }
}

/// The rows of a case, or one that says why there are none where the case does not fit the device or its pictures not
/// the network.
///
/// # Errors
///
/// All others.
fn told(bench: &Bench, begun: Row, measured: Result<Vec<Row>>) -> Result<Vec<Row>> {
    match measured {
        Err(error) if error.is_misfit() => Ok(vec![Row {
            problem: error.to_string(),
            ..begun.on(bench)
        }]),
        other => other,
    }
}
