//! What repeated measurements come to.

use std::time::Instant;

use crate::error::Result;
use crate::machine::cpu_seconds;

/// Measurements of the same work, in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    /// By the clock.
    pub(crate) wall: Vec<f64>,
    /// Of the processor, where the system tells.
    pub(crate) cpu: Vec<f64>,
}

impl Times {
    /// Does the work once and adds how long it took; gives the seconds by the clock.
    pub(crate) fn add<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        let done = work()?;
        self.wall.push(begin.elapsed().as_secs_f64());
        if let (Some(before), Some(after)) = (cpu, cpu_seconds()) {
            self.cpu.push(after - before);
        }
        Ok(done)
    }
}

/// The middle one, or the mean of the two in the middle; `None` of none.
pub(crate) fn median(seconds: &[f64]) -> Option<f64> {
    let sorted = sorted(seconds);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(0.5 * (sorted[low] + sorted[high]))
}

/// The shortest and the longest; `None` of none.
pub(crate) fn extremes(seconds: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(seconds);
    Some((*sorted.first()?, *sorted.last()?))
}

fn sorted(seconds: &[f64]) -> Vec<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
