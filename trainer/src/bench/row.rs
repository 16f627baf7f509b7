//! One measurement as a flat record.

use serde::{Deserialize, Serialize};

use super::{Bench, Case, Launch, round};

/// One line of the CSV. What does not apply or is not known is empty.
///
/// The first eleven columns are those that scripts for other libraries print, so that rows can be joined on `suite` and
/// `case`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// `train` or `infer`; with `.kernel` behind it, one kernel of it.
    pub suite: String,
    /// Network, side of the pictures, batch and form: `resnet50_r224_b8_fused_f16`.
    pub case: String,
    /// Library, version and backend.
    pub device: String,
    /// Of the runs, milliseconds, from the pictures on the host to the result on the host.
    pub median_ms: Option<f64>,
    /// The shortest run, milliseconds.
    pub min_ms: Option<f64>,
    /// The longest run, milliseconds.
    pub max_ms: Option<f64>,
    /// Processor time of one run, milliseconds, median.
    pub cpu_median_ms: Option<f64>,
    /// From the drawn network to the first result, milliseconds: kernels compiled, weights written, one run.
    pub first_ms: Option<f64>,
    /// Runs measured.
    pub reps: usize,
    /// Twice the multiply-adds over the median.
    pub gflop_per_s: Option<f64>,
    /// Images over the median.
    pub images_per_s: Option<f64>,
    /// What 95 % of the runs do not exceed, milliseconds.
    pub p95_ms: Option<f64>,
    /// Images over the mean of runs that do not wait for one another.
    pub stream_images_per_s: Option<f64>,
    /// Encoding and submitting one run, milliseconds, median.
    pub encode_ms: Option<f64>,
    /// Of that, processor time of the thread that does it; a driver's threads, which may compute, do not count.
    pub encode_cpu_ms: Option<f64>,
    /// Of that, what recording the commands takes, without the driver's work of submitting them.
    pub record_cpu_ms: Option<f64>,
    /// Part of the runs' time in which the host waits for the device.
    pub wait_share: Option<f64>,
    /// Images that the loader alone prepares a second.
    pub loader_images_per_s: Option<f64>,
    /// Images that it prepares in a second of processor time: by one core.
    pub loader_images_per_cpu_s: Option<f64>,
    /// What the plan allocates on the device.
    pub memory_bytes: Option<u64>,
    /// Bytes of operands that the kernels of one run touch.
    pub moved_bytes: Option<u64>,
    /// Those over the median.
    pub gb_per_s: Option<f64>,
    /// What a plain copy reads and writes on this adapter, measured in the same process.
    pub copy_gb_per_s: Option<f64>,
    /// `gb_per_s` over `copy_gb_per_s`; caches may lift it above 1.
    pub copy_share: Option<f64>,
    /// What the adapter multiplies and adds at most, measured in the same process: by its matrix units where those are used.
    pub peak_gflop_per_s: Option<f64>,
    /// `gflop_per_s` over `peak_gflop_per_s`.
    pub peak_share: Option<f64>,
    /// Submits of one run.
    pub submits: Option<usize>,
    /// Kernels launched in one run.
    pub dispatches: Option<usize>,
    /// The network.
    pub model: String,
    /// Side of the pictures, pixels.
    pub resolution: usize,
    /// Pictures of a batch.
    pub batch: usize,
    /// `fused` or `unfused`.
    pub form: String,
    /// How activations are stored.
    pub precision: String,
    /// Path of the node and entry point, of a `.kernel` row.
    pub kernel: String,
    /// Place of its first launch in the plan, from 0, of a `.kernel` row.
    pub place: Option<usize>,
    /// `median_ms` over that of all kernels of the run together, of a `.kernel` row.
    pub time_share: Option<f64>,
    /// The same of this kernel and all longer ones, of a `.kernel` row.
    pub cumulative_share: Option<f64>,
    /// What told the time: the `wall clock`, or `timestamps` of the device.
    pub clock: String,
    /// The adapter's name.
    pub adapter: String,
    /// Its driver.
    pub driver: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// The sources' commit.
    pub commit: String,
    /// The sources' version.
    pub version: String,
    /// Why nothing was measured.
    pub problem: String,
    /// The launches of a `.kernel` row, for [`trace`](super::trace()); no column.
    #[serde(skip)]
    pub launches: Vec<Launch>,
}

impl Row {
    /// A row of this case that nothing is measured of yet: `suite` is `train` or `infer`.
    pub(super) fn begun(suite: &str, case: &Case, form: &str, precision: &str) -> Self {
        let Case { spec, batch } = case;
        let fused = if form == "fused" { "fused_" } else { "" };
        Self {
            suite: suite.into(),
            case: format!(
                "{}_r{}_b{batch}_{fused}{precision}",
                spec.name, spec.resolution
            ),
            model: spec.name.clone(),
            resolution: spec.resolution,
            batch: *batch,
            form: form.into(),
            precision: precision.into(),
            clock: "wall clock".into(),
            ..Self::default()
        }
    }

    /// With the adapter and the build.
    pub(super) fn on(self, bench: &Bench) -> Self {
        let machine = &bench.machine;
        Self {
            device: machine.device(),
            copy_gb_per_s: Some(round(1e-9 * bench.copy_rate)),
            peak_gflop_per_s: Some(round(1e-9 * bench.peak.of(self.precision == "f16"))),
            adapter: machine.adapter.clone(),
            driver: machine.driver.clone(),
            backend: machine.backend.clone(),
            commit: machine.commit.clone(),
            version: machine.version.into(),
            ..self
        }
    }

    /// With rates over the median of these seconds, for work of so many multiply-adds, bytes and images.
    pub(super) fn rates(self, seconds: f64, work: Work) -> Self {
        let per_second =
            |amount: f64| (amount > 0.0 && seconds > 0.0).then(|| round(amount / seconds));
        let gb_per_s = per_second(1e-9 * work.bytes as f64);
        let gflop_per_s = per_second(2e-9 * work.multiply_adds as f64);
        let share = |rate: Option<f64>, of: Option<f64>| Some(round(rate? / of?));
        Self {
            gflop_per_s,
            images_per_s: per_second(work.images as f64),
            moved_bytes: Some(work.bytes),
            gb_per_s,
            copy_share: share(gb_per_s, self.copy_gb_per_s),
            peak_share: share(gflop_per_s, self.peak_gflop_per_s),
            ..self
        }
    }
}

/// What a row's work comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    pub(super) multiply_adds: u64,
    pub(super) bytes: u64,
    pub(super) images: usize,
}

#[cfg(test)]
mod tests {
    use super::super::RowFile;
    use super::*;

    #[test]
    fn scripts_for_other_libraries_print_the_same_columns() {
        let script = include_str!("../../../benches/peers/peers.py");
        let columns = script.split_once("COLUMNS = (").unwrap().1;
        let columns = columns.split_once(").split").unwrap().0;
        let columns: String = columns.split('"').skip(1).step_by(2).collect();
        assert_eq!(columns, RowFile::<Row>::header());
    }
}
