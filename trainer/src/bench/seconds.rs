//! The time of a run alone, without the rest of a row: for what measures many networks in little time.

use std::time::Instant;

use triaxis_engine::{AdapterKind, Gpu};

use super::measure::{Batch, refuse_not_finite, run};
use super::{Case, Form, Times, inference, training};
use crate::error::Result;
use crate::recipe::Recipe;

/// A run that is compiled and has warmed up.
pub struct Ready {
    gpu: Gpu,
    batch: Box<dyn Batch>,
}

/// Times of the same run.
#[derive(Clone, Debug)]
pub struct Seconds {
    /// Of runs that wait for one another.
    pub each: Times,
    /// Mean by the clock of as many that do not.
    pub stream: f64,
}

impl Ready {
    /// A training step, as [`train`](super::train) measures it.
    ///
    /// # Errors
    ///
    /// A lost device, a case that does not fit it, a loss that is not finite.
    pub fn training(gpu: &Gpu, case: &Case, recipe: &Recipe) -> Result<Self> {
        Self::new(gpu, case, Box::new(training::step(gpu, case, recipe)?))
    }

    /// An inference, as [`infer`](super::infer) measures it.
    ///
    /// # Errors
    ///
    /// As [`Ready::training`], of logits.
    pub fn inference(gpu: &Gpu, case: &Case, form: Form) -> Result<Self> {
        Self::new(gpu, case, Box::new(inference::pictures(gpu, case, form)?))
    }

    fn new(gpu: &Gpu, case: &Case, mut batch: Box<dyn Batch>) -> Result<Self> {
        run(&mut *batch)?;
        refuse_not_finite(&case.spec.name, &*batch)?;
        run(&mut *batch)?;
        Ok(Self {
            gpu: gpu.clone(),
            batch,
        })
    }

    /// Runs so many times.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn seconds(&mut self, runs: usize) -> Result<Seconds> {
        let mut each = Times::default();
        for _ in 0..runs {
            each.add(|| run(&mut *self.batch))?;
        }
        // A software driver computes as it is submitted to: runs in a row take as long as runs apart.
        let mut stream = each.wall.iter().sum::<f64>() / runs.max(1) as f64;
        if self.gpu.limits().kind == AdapterKind::Gpu {
            let begin = Instant::now();
            for _ in 0..runs {
                self.batch.write()?;
                self.batch.plan().run()?;
            }
            self.gpu.wait()?;
            stream = begin.elapsed().as_secs_f64() / runs.max(1) as f64;
        }
        Ok(Seconds { each, stream })
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
