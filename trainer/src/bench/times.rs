//! What repeated measurements come to.

use std::time::Instant;

use super::cpu_seconds;

/// Measurements of the same work, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// By the clock.
    pub wall: Vec<f64>,
    /// Of the processor, where the system tells.
    pub cpu: Vec<f64>,
}

impl Times {
    /// Does the work once and adds how long it took.
    ///
    /// # Errors
    ///
    /// The work's.
    pub fn add<T, E>(&mut self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
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
pub fn median(seconds: &[f64]) -> Option<f64> {
    let sorted = sorted(seconds);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(0.5 * (sorted[low] + sorted[high]))
}

/// The least of them that a `share` between 0 and 1 of them does not exceed; `None` of none.
pub fn quantile(seconds: &[f64], share: f64) -> Option<f64> {
    let sorted = sorted(seconds);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// The shortest and the longest; `None` of none.
pub fn extremes(seconds: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(seconds);
    Some((*sorted.first()?, *sorted.last()?))
}

/// To five significant digits: more would be noise.
pub fn round(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let digits = 10f64.powi(4 - x.abs().log10().floor() as i32);
    (x * digits).round() / digits
}

fn sorted(seconds: &[f64]) -> Vec<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_quantiles_and_extremes_are_of_the_sorted_times() {
        let times: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(median(&times), Some(10.5));
        assert_eq!(median(&times[..3]), Some(19.0));
        assert_eq!(quantile(&times, 0.95), Some(19.0));
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(extremes(&times), Some((1.0, 20.0)));
        assert_eq!((median(&[]), quantile(&[], 0.5)), (None, None));
    }

    #[test]
    fn numbers_keep_five_digits() {
        assert_eq!([round(123.456789), round(0.0)], [123.46, 0.0]);
        assert_eq!(round(0.000_123_456_78), 0.000_123_46);
    }
}
