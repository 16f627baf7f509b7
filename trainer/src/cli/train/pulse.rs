//! How fast a run is, and what it waits for, between two records of its logs.

use std::time::{Duration, Instant};

/// Speed and waiting since the last record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beat {
    /// Training speed in images/s.
    pub(super) images_per_second: f64,
    /// Share of the time that was spent waiting for pictures, 0 to 1.
    pub(super) loader_wait: f64,
}

/// Counts steps and time.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Steps between two records.
    every: u64,
    began: Instant,
    images: usize,
    waited: Duration,
    last: Option<Beat>,
}

impl Pulse {
    pub(super) fn new(every: u64) -> Self {
        Self {
            every,
            began: Instant::now(),
            images: 0,
            waited: Duration::ZERO,
            last: None,
        }
    }

    /// Begins anew: what lies between two passes of training is not training.
    pub(super) fn begin(&mut self) {
        (self.began, self.images, self.waited) = (Instant::now(), 0, Duration::ZERO);
    }

    /// A step is done, so many of the run; what is to be recorded, where it is time for that.
    pub(super) fn step(&mut self, step: u64, images: usize, waited: Duration) -> Option<Beat> {
        self.images += images;
        self.waited += waited;
        if !step.is_multiple_of(self.every) {
            return None;
        }
        let seconds = self.began.elapsed().as_secs_f64().max(1e-9);
        let beat = Beat {
            images_per_second: self.images as f64 / seconds,
            loader_wait: (self.waited.as_secs_f64() / seconds).min(1.0),
        };
        self.begin();
        self.last = Some(beat);
        self.last
    }

    /// The last record's.
    pub(super) fn last(&self) -> Option<Beat> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_so_many_steps_there_is_a_record() {
        let mut pulse = Pulse::new(3);
        let beats: Vec<bool> = (1..=7)
            .map(|step| pulse.step(step, 8, Duration::from_secs(9)).is_some())
            .collect();
        assert_eq!(beats, [false, false, true, false, false, true, false]);
        let last = pulse.last().unwrap();
        assert!(last.images_per_second > 0.0);
        assert_eq!(last.loader_wait, 1.0, "no more than all of the time");
    }
}
