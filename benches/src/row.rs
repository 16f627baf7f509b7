//! One measurement as a flat record.

use serde::Serialize;

use triaxis::bench::{Machine, extremes, median, round};

/// One line of the CSV. What does not apply or is not known is empty.
///
/// The first eleven columns are those that scripts for other libraries print, so that rows can be joined on `suite` and
/// `case`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    /// `ops.forward`, `ops.dgrad` (of the first input), `ops.wgrad` (of the others), `ops.grad` (of both), `ops.all`;
    /// with `.kernel` behind it, one kernel of it.
    pub(crate) suite: String,
    /// What was timed, at which sizes.
    pub(crate) case: String,
    /// Library, version and backend.
    pub(crate) device: String,
    /// Of the repeats, milliseconds.
    pub(crate) median_ms: f64,
    /// Of the repeats, milliseconds.
    pub(crate) min_ms: f64,
    /// Of the repeats, milliseconds.
    pub(crate) max_ms: f64,
    /// Processor time of one repeat, milliseconds, median.
    pub(crate) cpu_median_ms: Option<f64>,
    /// The very first run, milliseconds.
    pub(crate) first_ms: Option<f64>,
    /// Repeats.
    pub(crate) reps: usize,
    /// Twice the multiply-adds over the median.
    pub(crate) gflop_per_s: Option<f64>,
    /// Empty for kernels; whole networks have it.
    pub(crate) images_per_s: Option<f64>,
    /// Operand bytes over the median.
    pub(crate) gb_per_s: Option<f64>,
    /// What the plan allocates, MiB.
    pub(crate) memory_mib: Option<f64>,
    /// Submits of one run.
    pub(crate) submits: Option<usize>,
    /// Kernels launched in one run.
    pub(crate) dispatches: Option<usize>,
    /// Processor time of the whole measurement, warm-up included, seconds.
    pub(crate) cpu_seconds: Option<f64>,
    /// The operator.
    pub(crate) op: String,
    /// Path of the node and entry point, of a `.kernel` row.
    pub(crate) kernel: String,
    /// What told the time: `timestamps` of the device or the `wall clock`.
    pub(crate) clock: String,
    /// The adapter's name.
    pub(crate) adapter: String,
    /// Its driver.
    pub(crate) driver: String,
    /// `vulkan`, `metal` or `dx12`.
    pub(crate) backend: String,
    /// How numbers are stored.
    pub(crate) precision: String,
    /// The sources' commit.
    pub(crate) commit: String,
    /// The sources' version.
    pub(crate) version: String,
}

/// What a row's work comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Multiply-adds.
    pub(crate) multiply_adds: u64,
    /// Bytes of operands.
    pub(crate) bytes: u64,
}

impl Row {
    /// A row of these measurements, in seconds.
    pub(crate) fn new(
        machine: &Machine,
        suite: impl Into<String>,
        case: impl Into<String>,
        seconds: &[f64],
        work: Work,
    ) -> Self {
        let middle = median(seconds).unwrap_or(f64::NAN);
        let (least, most) = extremes(seconds).unwrap_or((f64::NAN, f64::NAN));
        let per_second = |amount: f64| (amount > 0.0 && middle > 0.0).then(|| amount / middle);
        Self {
            suite: suite.into(),
            case: case.into(),
            device: machine.device(),
            median_ms: round(middle * 1e3),
            min_ms: round(least * 1e3),
            max_ms: round(most * 1e3),
            reps: seconds.len(),
            gflop_per_s: per_second(2e-9 * work.multiply_adds as f64).map(round),
            gb_per_s: per_second(1e-9 * work.bytes as f64).map(round),
            adapter: machine.adapter.clone(),
            driver: machine.driver.clone(),
            backend: machine.backend.clone(),
            precision: "f32".into(),
            commit: machine.commit.clone(),
            version: machine.version.into(),
            ..Self::default()
        }
    }
}
