//! Faults that tests of the whole program ask for by the environment; compiled under the feature `fail-points` only.

use std::sync::{LazyLock, Mutex, PoisonError};

use triaxis_engine::Gpu;

/// Steps at which something is to happen, each once.
struct Steps(LazyLock<Mutex<Vec<u64>>>);

impl Steps {
    fn take(&self, step: u64) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = left.iter().position(|&other| other == step);
        found.map(|at| left.swap_remove(at)).is_some()
    }
}

fn listed(variable: &str) -> Mutex<Vec<u64>> {
    let text = std::env::var(variable).unwrap_or_default();
    Mutex::new(
        text.split(',')
            .filter_map(|step| step.parse().ok())
            .collect(),
    )
}

/// Destroys the device after the steps that `TRIAXIS_LOSE_DEVICE_AT` lists, as in `5,9`, uses its memory up after those of
/// `TRIAXIS_EXHAUST_DEVICE_AT`, panics after those of `TRIAXIS_PANIC_AT`, and tells on standard error what the device holds
/// after those of `TRIAXIS_COUNT_AT`.
pub(crate) fn after_step(step: u64, gpu: &Gpu) {
    static LOSSES: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_LOSE_DEVICE_AT")));
    static EXHAUSTIONS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_EXHAUST_DEVICE_AT")));
    static PANICS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_PANIC_AT")));
    static COUNTS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_COUNT_AT")));
    if LOSSES.take(step) {
        gpu.lose();
    }
    if EXHAUSTIONS.take(step) {
        gpu.exhaust();
    }
    if COUNTS.take(step)
        && gpu.wait().is_ok()
        && let Some((pieces, bytes)) = gpu.allocated()
    {
        eprintln!("allocated after step {step}: {pieces} pieces, {bytes} bytes");
    }
    assert!(!PANICS.take(step), "the test wants a panic");
}

/// What is kept of a picture in mixup; not a number at the steps that `TRIAXIS_SPOIL_AT` lists, counted from 0.
pub(crate) fn share(step: u64, share: f32) -> f32 {
    static STEPS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_SPOIL_AT")));
    match STEPS.take(step) {
        true => f32::NAN,
        false => share,
    }
}
