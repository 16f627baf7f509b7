//! Doing the trials of a study, one after the other.

use std::time::Duration;

use super::{Setting, StepOf};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Pulse, State, Trial, Worker};
use crate::trainer::Flow;

/// Time between two looks at a ledger whose last trials others have.
const PATIENCE: Duration = Duration::from_millis(500);

/// What happens to trials, for those who watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<'a> {
    /// A step is done.
    Step(&'a Trial, StepOf),
    /// A trial ended, as the ledger has it now.
    Ended(&'a Trial),
    /// Nothing waits; other workers have the rest.
    Waiting,
}

/// Does what waits in `study` until all its trials are done or failed, by whomever. `watch` may stop it at any step: the
/// trial in work goes back to the ledger then.
///
/// A network that cannot be trained, diverges or whose plans do not fit into memory is a failed trial, and no error.
///
/// # Errors
///
/// [`Error::Stopped`] where `watch` stopped it; the ledger's; pictures that cannot be read; a device that is lost, has no
/// memory left in the middle of a trial or refuses a call. The trial in work goes back to the ledger.
pub fn work(
    ledger: &mut Ledger,
    study: &str,
    setting: &Setting,
    mut watch: impl FnMut(&Seen<'_>) -> Flow,
) -> Result<()> {
    let worker = Worker::this();
    let stopped = |ledger: &Ledger| Error::Stopped {
        checkpoint: ledger.path().to_owned(),
    };
    loop {
        let Some(trial) = ledger.claim(study, &worker)? else {
            let trials = ledger.trials(Some(study))?;
            let is_open = |trial: &Trial| matches!(trial.state, State::Waiting | State::Claimed);
            if !trials.iter().any(is_open) {
                return Ok(());
            }
            if watch(&Seen::Waiting) == Flow::Stop {
                return Err(stopped(ledger));
            }
            std::thread::sleep(PATIENCE);
            continue;
        };
        let pulse = Pulse::new(ledger, trial.id, &worker)?;
        let mut asked = false;
        let trained = setting.train(&trial, |step| {
            asked |= watch(&Seen::Step(&trial, step)) == Flow::Stop;
            match asked || pulse.lost() {
                true => Flow::Stop,
                false => Flow::Continue,
            }
        });
        let lost = pulse.lost();
        drop(pulse);
        match trained {
            // Another worker has it by now: it is not this one's to give back.
            _ if lost && asked => return Err(stopped(ledger)),
            _ if lost => continue,
            Ok(Some(outcome)) => ledger.finish(trial.id, &worker, &outcome)?,
            Ok(None) => {
                ledger.release(trial.id, &worker)?;
                return Err(stopped(ledger));
            }
            Err(error) if is_the_networks(&error) => {
                ledger.fail(trial.id, &worker, &error.to_string())?;
            }
            Err(error) => {
                // The error says more than a ledger that cannot be written to either.
                drop(ledger.release(trial.id, &worker));
                return Err(error);
            }
        }
        if watch(&Seen::Ended(&ledger.trial(trial.id)?)) == Flow::Stop {
            return Err(stopped(ledger));
        }
    }
}

/// Whether another network may do better on the same device and pictures. [`Error::Device`] and [`Error::Memory`] tell of
/// plans that do not fit; what a device reports by itself may be due to whatever else runs on it.
fn is_the_networks(error: &Error) -> bool {
    use triaxis_engine::Error as Engine;
    match error {
        Error::Diverged { .. } | Error::Model(_) | Error::Device { .. } | Error::Memory { .. } => {
            true
        }
        Error::Engine(
            Engine::DeviceLost { .. } | Engine::OutOfMemory { .. } | Engine::Device { .. },
        ) => false,
        Error::Engine(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
