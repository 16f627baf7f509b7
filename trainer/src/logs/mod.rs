//! What a run writes down as it goes, for programs to read: lines of JSON in `log.jsonl`, and events for TensorBoard.
//!
//! Both are for display: nothing of a run depends on them, they hold times, and where they cannot be written the run goes
//! on after one warning.

pub mod events;
mod lines;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::report::EpochRow;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The process began, or went on, after so many steps. What earlier processes wrote of later steps is void.
    Start {
        /// Optimizer steps done.
        step: u64,
        /// The epoch in progress, from 0.
        epoch: u64,
        /// Name of the network.
        model: String,
        /// Name of the adapter, driver included.
        adapter: String,
        /// [`Recipe::hash`](crate::recipe::Recipe::hash) of the recipe.
        recipe: String,
    },
    /// Some steps are done.
    Step {
        /// Optimizer steps done.
        step: u64,
        /// The epoch in progress, from 0.
        epoch: u64,
        /// Mean training loss of the epoch so far, if known.
        loss: Option<f64>,
        /// Top-1 accuracy in training over the epoch so far, in percent.
        top1: Option<f64>,
        /// Learning rate.
        lr: f64,
        /// Training speed since the last record, in images/s.
        images_per_second: Option<f64>,
        /// Share of that time which was spent waiting for pictures, 0 to 1.
        loader_wait: Option<f64>,
    },
    /// An epoch is over.
    Epoch {
        /// Optimizer steps done.
        step: u64,
        /// Its outcome.
        #[serde(flatten)]
        row: EpochRow,
    },
    /// A checkpoint is on the disk.
    Save {
        /// Optimizer steps done.
        step: u64,
        /// What the run waited for it: reading the device, writing, flushing.
        seconds: f64,
    },
    /// Something worth a line: damage, a rollback, a lost device.
    Note {
        /// Optimizer steps done.
        step: u64,
        /// In words.
        text: String,
    },
    /// The process is done with the run, or leaves it.
    End {
        /// Optimizer steps done.
        step: u64,
        /// Why, in words.
        text: String,
    },
}

/// Somewhere to write records.
trait Sink: Send {
    fn write(&mut self, record: &Record, seconds: f64) -> io::Result<()>;
}

/// The logs of one process.
pub struct Logs {
    sinks: Vec<(PathBuf, Box<dyn Sink>)>,
}

impl Logs {
    /// Logs into the directory of a run; files are made with their first record.
    pub fn open(directory: &Path) -> Self {
        let lines = directory.join("log.jsonl");
        let events = directory.join(events::file_name(now(), std::process::id()));
        Self {
            sinks: vec![
                (lines.clone(), Box::new(lines::Lines::new(&lines))),
                (events.clone(), Box::new(events::Writer::new(&events))),
            ],
        }
    }

    /// Writes a record. What could not be written is told once, and that file is left alone from then on.
    #[must_use = "the warnings are to be shown"]
    pub fn write(&mut self, record: &Record) -> Vec<String> {
        let seconds = now();
        let mut warnings = Vec::new();
        self.sinks.retain_mut(|(path, sink)| {
            let written = sink.write(record, seconds);
            if let Err(error) = &written {
                let path = path.display();
                warnings.push(format!(
                    "warning: {path}: cannot write the log: {error}; training goes on without it"
                ));
            }
            written.is_ok()
        });
        warnings
    }
}

/// Seconds since 1970, for display.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests;
