//! Measuring runs, on machines that may do other work.

use triaxis_engine::{AdapterKind, Error as EngineError, Gpu, Precision};
use triaxis_models::{Spec, zoo};

use super::demand::{Demand, Phase, schedule};
use super::runs::{Run, Thoroughness};
use super::time::Point;
use crate::bench::page::Clock;
use crate::bench::{self, Case, Form, Ready, cpu_seconds, median};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// Which time counts on this adapter: a software driver shares its cores with all else that runs.
pub fn clock(gpu: &Gpu) -> Clock {
    match (gpu.limits().kind, cpu_seconds()) {
        (AdapterKind::Cpu, Some(_)) => Clock::Processor,
        _ => Clock::Wall,
    }
}

/// Measures runs one after the other.
///
/// On a software driver other work of the machine shares the cores' caches and arithmetic, and makes the processor time of a
/// run longer by a half from one minute to the next. A reference run that stays the same is therefore repeated before and
/// after each repetition; the median of their ratios counts, times what the reference took all in all (median). On a GPU
/// training steps are timed in a row without waiting, as the trainer runs them, and of inferences, which are waited for,
/// the median counts.
#[derive(Debug)]
pub struct Meter {
    gpu: Gpu,
    recipe: Recipe,
    repetitions: usize,
    reference: Option<Ready>,
    /// Seconds of every reference run.
    references: Vec<f64>,
    /// Points; their times are in reference runs where there is one.
    points: Vec<Point>,
}

impl Meter {
    /// A meter of one phase.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn new(gpu: &Gpu, phase: Phase, amp: bool, thoroughness: Thoroughness) -> Result<Self> {
        let recipe = Recipe {
            amp,
            ..Recipe::default()
        };
        let spec = Spec {
            resolution: 64,
            ..zoo("tinynet_e")?
        };
        let case = Case { spec, batch: 4 };
        Ok(Self {
            reference: match clock(gpu) {
                Clock::Processor => Some(ready(gpu, phase, &case, &recipe)?),
                Clock::Wall => None,
            },
            gpu: gpu.clone(),
            recipe,
            repetitions: thoroughness.repetitions(),
            references: Vec::new(),
            points: Vec::new(),
        })
    }

    /// Measures a run; `None` where it does not fit the device.
    ///
    /// # Errors
    ///
    /// A lost device, a result that is not finite.
    pub fn measure(&mut self, run: &Run) -> Result<Option<&Point>> {
        let Case { spec, batch } = &run.case;
        let mut ready = match ready(&self.gpu, run.phase, &run.case, &self.recipe) {
            Ok(ready) => ready,
            Err(Error::Engine(EngineError::OutOfMemory { .. } | EngineError::Limit { .. })) => {
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let seconds = match &mut self.reference {
            Some(reference) => beside(
                &mut ready,
                reference,
                &mut self.references,
                self.repetitions,
            )?,
            None => {
                let times = ready.seconds(self.repetitions)?;
                match run.phase {
                    Phase::Train => Some(times.stream),
                    Phase::Infer => median(&times.each.wall),
                }
            }
        };
        let known = seconds.is_some();
        let laid = schedule(spec, run.phase, &self.recipe, *batch, self.gpu.limits())?;
        self.points.extend(seconds.map(|seconds| Point {
            phase: run.phase,
            amp: self.recipe.amp,
            network: spec.name.clone(),
            resolution: spec.resolution,
            batch: *batch,
            seconds,
            demand: Demand::of(&laid),
        }));
        Ok(self.points.last().filter(|_| known))
    }

    /// The points, in the order they were measured.
    pub fn finish(self) -> Vec<Point> {
        let unit = median(&self.references).unwrap_or(1.0);
        let told = |point: Point| Point {
            seconds: bench::round(point.seconds * unit),
            ..point
        };
        self.points.into_iter().map(told).collect()
    }
}

/// The processor time of a run, in runs of the reference: the median of repetitions, each between two of the reference's.
fn beside(
    ready: &mut Ready,
    reference: &mut Ready,
    references: &mut Vec<f64>,
    repetitions: usize,
) -> Result<Option<f64>> {
    let once = |ready: &mut Ready| -> Result<f64> {
        let times = ready.seconds(1)?;
        // The clock is the processor's only where the system tells it.
        Ok(times.each.cpu.first().copied().unwrap_or(f64::NAN))
    };
    let mut ratios = Vec::new();
    let mut before = once(reference)?;
    references.push(before);
    for _ in 0..repetitions {
        let seconds = once(ready)?;
        let after = once(reference)?;
        references.push(after);
        ratios.push(seconds / (before * after).sqrt());
        before = after;
    }
    Ok(median(&ratios))
}

fn ready(gpu: &Gpu, phase: Phase, case: &Case, recipe: &Recipe) -> Result<Ready> {
    match phase {
        Phase::Train => Ready::training(gpu, case, recipe),
        Phase::Infer => {
            let precision = match recipe.amp {
                true => Precision::F16,
                false => Precision::F32,
            };
            Ready::inference(gpu, case, Form::Fused(precision))
        }
    }
}
