//! Claiming a trial, keeping it, and giving it back with its outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::Ledger;
use super::error::Context;
use super::row::{self, Outcome, Trial};
use super::worker::{Worker, is_dead};
use crate::error::{Error, Result};

/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(10);

impl Ledger {
    /// Claims the first trial of `study` that waits, or whose worker died. `None` where there is none: all others are done,
    /// failed or in work.
    pub fn claim(&mut self, study: &str, worker: &Worker) -> Result<Option<Trial>> {
        let path = self.path.clone();
        let change = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .at(&path)?;
        let open: Vec<(i64, Option<String>, i64)> = {
            let mut rows = change
                .prepare(
                    "SELECT id, worker, unixepoch() - coalesce(heartbeat, 0) FROM trials
                     WHERE study = ? AND state IN ('waiting', 'claimed') ORDER BY place",
                )
                .at(&path)?;
            let rows = rows
                .query_map([study], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .and_then(Iterator::collect);
            rows.at(&path)?
        };
        let free = open.into_iter().find(|(_, worker, silence)| {
            worker
                .as_ref()
                .is_none_or(|worker| is_dead(worker, *silence))
        });
        let Some((id, ..)) = free else {
            return Ok(None);
        };
        change
            .execute(
                "UPDATE trials SET state = 'claimed', worker = ?, heartbeat = unixepoch(), attempts = attempts + 1
                 WHERE id = ?",
                params![worker.name(), id],
            )
            .at(&path)?;
        let trial = row::trial(&change, id).at(&path)?;
        change.commit().at(&path)?;
        Ok(trial)
    }

    /// Whether the trial is still this worker's; says that it lives.
    pub fn beat(&mut self, id: i64, worker: &Worker) -> Result<bool> {
        let rows = self.db.execute(
            "UPDATE trials SET heartbeat = unixepoch() WHERE id = ? AND worker = ? AND state = 'claimed'",
            params![id, worker.name()],
        );
        Ok(rows.at(&self.path)? == 1)
    }

    /// Writes a trial's outcome.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] where the trial is no longer this worker's: its outcome is not written then.
    pub fn finish(&mut self, id: i64, worker: &Worker, outcome: &Outcome) -> Result<()> {
        let curve = serde_json::to_string(&outcome.curve).expect("curves are numbers under names");
        let rows = self.db.execute(
            "UPDATE trials SET state = 'done', worker = NULL, adapter = ?3, curve = ?4, top1_error = ?5, top5_error = ?6,
             seconds = ?7, memory = ?8, message = NULL WHERE id = ?1 AND worker = ?2 AND state = 'claimed'",
            params![
                id,
                worker.name(),
                outcome.adapter,
                curve,
                outcome.top1_error,
                outcome.top5_error,
                outcome.seconds,
                i64::try_from(outcome.memory).unwrap_or(i64::MAX)
            ],
        );
        self.ours(id, rows)
    }

    /// Writes that a trial cannot be done, and why.
    ///
    /// # Errors
    ///
    /// As [`Ledger::finish`].
    pub fn fail(&mut self, id: i64, worker: &Worker, message: &str) -> Result<()> {
        let rows = self.db.execute(
            "UPDATE trials SET state = 'failed', worker = NULL, message = ?3
             WHERE id = ?1 AND worker = ?2 AND state = 'claimed'",
            params![id, worker.name(), message],
        );
        self.ours(id, rows)
    }

    /// Gives a trial back, for whoever comes next; that it was begun stays counted.
    ///
    /// # Errors
    ///
    /// As [`Ledger::finish`].
    pub fn release(&mut self, id: i64, worker: &Worker) -> Result<()> {
        let rows = self.db.execute(
            "UPDATE trials SET state = 'waiting', worker = NULL WHERE id = ?1 AND worker = ?2 AND state = 'claimed'",
            params![id, worker.name()],
        );
        self.ours(id, rows)
    }

    /// Refuses where a worker's row was not there to be written.
    fn ours(&self, id: i64, rows: rusqlite::Result<usize>) -> Result<()> {
        if rows.at(&self.path)? == 1 {
            return Ok(());
        }
        let holder: Option<Option<String>> = self
            .db
            .query_row("SELECT worker FROM trials WHERE id = ?", [id], |row| {
                row.get(0)
            })
            .optional()
            .at(&self.path)?;
        let holder = holder.flatten().unwrap_or_else(|| "nobody".into());
        Err(Error::checkpoint(
            &self.path,
            format!(
                "trial {id} is no longer this process's, but {holder}'s: this process was silent for too long"
            ),
            "Nothing is lost: the trial is done elsewhere. Start the command again",
        ))
    }
}

/// Says every few seconds that a worker lives, until dropped.
#[derive(Debug)]
pub struct Pulse {
    lost: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Begins to speak for `worker` about trial `id`.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open`].
    pub fn new(ledger: &Ledger, id: i64, worker: &Worker) -> Result<Self> {
        let mut ledger = ledger.again()?;
        let worker = worker.clone();
        let lost = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = channel::<()>();
        let said = Arc::clone(&lost);
        let thread = std::thread::spawn(move || {
            // What cannot be written now is written at the next beat; silence counts only after a minute.
            while stopped.recv_timeout(BEAT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                if matches!(ledger.beat(id, &worker), Ok(false)) {
                    said.store(true, Ordering::SeqCst);
                    return;
                }
            }
        });
        Ok(Self {
            lost,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether the trial was given to another worker meanwhile.
    pub fn lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked said nothing any more; its worker ends here anyway.
            drop(thread.join());
        }
    }
}
