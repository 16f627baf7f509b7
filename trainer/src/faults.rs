//! Faults that tests of the whole program ask for by the environment; compiled under the feature `fail-points` only.

use std::sync::{LazyLock, Mutex, PoisonError};

use triaxis_engine::{Arena, Gpu, Plan};

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

/// Makes numbers of a training plan none before the steps that the environment lists, counted from 0: the first weight at
/// those of `TRIAXIS_SPOIL_WEIGHT_AT`, every gradient, by way of the loss's, at those of `TRIAXIS_SPOIL_GRADIENT_AT`, and
/// the first running variance at those of `TRIAXIS_SPOIL_VARIANCE_AT`.
pub(crate) fn before_step(step: u64, plan: &Plan) -> triaxis_engine::Result<()> {
    static WEIGHTS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_SPOIL_WEIGHT_AT")));
    static GRADIENTS: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_SPOIL_GRADIENT_AT")));
    static VARIANCES: Steps = Steps(LazyLock::new(|| listed("TRIAXIS_SPOIL_VARIANCE_AT")));
    if WEIGHTS.take(step) {
        spoil(plan, &Arena::Parameters, ".weight")?;
    }
    if VARIANCES.take(step) {
        spoil(plan, &Arena::Buffers, ".running_var")?;
    }
    if GRADIENTS.take(step) {
        let graph = plan.graph();
        let one = graph.states().find(|&state| graph.name(state) == "one");
        plan.write(
            one.expect("training begins at the loss's gradient"),
            &[f32::NAN],
        )?;
    }
    Ok(())
}

/// Makes the first number of the first tensor with such a name none.
fn spoil(plan: &Plan, arena: &Arena, ending: &str) -> triaxis_engine::Result<()> {
    let tensors = plan.export(arena)?;
    let found = tensors
        .into_iter()
        .find(|(name, ..)| name.ends_with(ending));
    let (name, _, mut numbers) = found.expect("the tests train networks that have one");
    numbers[0] = f32::NAN;
    plan.import(arena, &name, &numbers).map(drop)
}
