//! A run goes on after a number that is not finite, or after its device was lost, where that can be. Where its device has no
//! memory left, it ends with what to do.

use std::time::{Duration, Instant};

use super::run::Run;
use crate::checkpoint::{Pointer, Standing, follow};
use crate::error::{Error, Result};
use crate::output::write_in_output;

/// A device that is lost again within this time is not to be relied on.
const SOON: Duration = Duration::from_secs(600);

impl Run<'_> {
    /// Does what can be done about `error`, so that training may go on from the last checkpoint, or gives it back.
    pub(super) fn recover(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Diverged { .. } => self.diverged(error),
            Error::Engine(triaxis_engine::Error::DeviceLost { .. }) => self.device_lost(error),
            Error::Engine(error @ triaxis_engine::Error::OutOfMemory { .. }) => {
                let kept = follow(&self.directory, Pointer::Last).ok();
                Err(self.trainer.exhausted(&error, kept.as_deref()))
            }
            other => Err(other),
        }
    }

    fn diverged(&mut self, error: Error) -> Result<()> {
        if let Some(suspects) = self.trainer.take_suspects() {
            let path = self.directory.join("diverged.json");
            let text = serde_json::to_string_pretty(&suspects)
                .expect("suspects are numbers and words under names");
            let line = match write_in_output(&path, text.as_bytes()) {
                Ok(()) => format!("{}: the pictures of that batch", path.display()),
                Err(error) => format!("warning: {}: cannot write: {error}", path.display()),
            };
            self.note(&line);
        }
        if !self.trainer.may_roll_back() {
            return Err(error);
        }
        let Some((snapshot, notes)) = self.store.latest()? else {
            return Err(error);
        };
        self.trainer.roll_back(&snapshot, &self.directory)?;
        let mishaps = self.trainer.mishaps();
        let (epoch, batch) = (self.trainer.epoch(), self.trainer.batches_done());
        let line = format!(
            "{error}\nback to epoch {epoch}, step {batch}, for the {} time; learning rate × {}",
            ["1st", "2nd", "3rd"][(mishaps.rollbacks as usize - 1).min(2)],
            mishaps.rate
        );
        notes.iter().for_each(|line| self.note(line));
        self.note(&line);
        self.speeds.truncate(self.trainer.rows().len());
        // The checkpoint has it from here on: a process that ends now does not begin at the full rate again.
        let snapshot = self.trainer.snapshot()?;
        self.store.save(&snapshot, Standing::Newest)?;
        let notes = self.store.take_notes();
        notes.iter().for_each(|line| self.note(line));
        Ok(())
    }

    fn device_lost(&mut self, error: Error) -> Result<()> {
        let again = self.lost.is_some_and(|lost| lost.elapsed() < SOON);
        self.lost = Some(Instant::now());
        if again {
            return Err(error);
        }
        self.note(&format!("{error}; trying once more"));
        self.gpu = self.options.device.open_with(&self.setup.recipe.kernels)?;
        self.trainer = self.setup.trainer(&self.gpu)?;
        match self.store.latest()? {
            Some((snapshot, notes)) => {
                notes.iter().for_each(|line| self.note(line));
                self.trainer.restore(&snapshot, &self.directory)?;
            }
            None => {
                self.setup.begin(&mut self.trainer)?;
            }
        }
        let (epoch, batch) = (self.trainer.epoch(), self.trainer.batches_done());
        self.note(&format!("resumed at epoch {epoch}, step {batch}"));
        self.speeds.truncate(self.trainer.rows().len());
        Ok(())
    }
}
