//! The ledger of studies: every trial a row of one file, which several processes share and none can damage.
//!
//! The file is a SQLite database. Rows are added and go from waiting to claimed to done or failed; none is ever removed. A
//! claim is one transaction, so no trial is done twice, and a lease: the claims of a worker that died are given to another
//! ([`Worker`]). Rows are written a few times a minute at most, so the journal is SQLite's plain one, which, unlike its
//! write-ahead log, also holds where machines share the file over a network.

mod claim;
mod error;
mod open;
mod row;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

pub use claim::Pulse;
pub use open::{Absent, LedgerOptions};
pub use row::{Outcome, Planned, State, Study, Trial};
pub use worker::Worker;

use crate::error::{Error, Result};
use error::Context;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    patience: Duration,
    db: Connection,
}

impl Ledger {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a study, or goes on with it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where the study was begun as another kind, by another recipe or with other options, and
    /// [`Error::Data`] where its data has changed since: nothing is written then.
    pub fn begin(&mut self, study: &Study) -> Result<()> {
        let path = self.path.clone();
        let change = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .at(&path)?;
        let known = row::study(&change, &study.name).at(&path)?;
        match known {
            Some(known) => return compare(&path, &known, study),
            None => change.execute(
                "INSERT INTO studies (name, kind, recipe, data, options, began) VALUES (?, ?, ?, ?, ?, unixepoch())",
                params![study.name, study.kind, study.recipe, study.data, study.options],
            ),
        }
        .at(&path)?;
        change.commit().at(&path)
    }

    /// Adds trials to a study, from its place `first` on; those whose places are taken must be the same and stay as they
    /// are, so that several processes may plan the same study.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where a place is taken by another network, recipe, data or seed: nothing is written then.
    pub fn plan(&mut self, study: &str, first: usize, trials: &[Planned]) -> Result<()> {
        let path = self.path.clone();
        let change = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .at(&path)?;
        for (place, trial) in (first..).zip(trials) {
            let known = row::planned(&change, study, place).at(&path)?;
            match known {
                None => row::insert(&change, study, place, trial).at(&path)?,
                Some(known) if known == *trial => {}
                Some(known) => {
                    return Err(Error::config(
                        path.display().to_string(),
                        format!(
                            "trial {place} of study `{study}` is {} with seed {}, and would be {} with seed {}",
                            known.name, known.seed, trial.name, trial.seed
                        ),
                        "Give the options that the study was begun with, or another --study",
                    ));
                }
            }
        }
        change.commit().at(&path)
    }

    /// The studies, in the order they began.
    pub fn studies(&self) -> Result<Vec<Study>> {
        row::studies(&self.db).at(&self.path)
    }

    /// The trials of a study in the order of their places, or of all studies.
    pub fn trials(&self, study: Option<&str>) -> Result<Vec<Trial>> {
        row::trials(&self.db, study).at(&self.path)
    }

    /// The trial of that number.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where there is none.
    pub fn trial(&self, id: i64) -> Result<Trial> {
        let trial = row::trial(&self.db, id).at(&self.path)?;
        trial.ok_or_else(|| {
            Error::config(
                self.path.display().to_string(),
                format!("there is no trial {id}"),
                "`triaxis ledger list` shows those there are",
            )
        })
    }
}

/// Refuses to go on with a study that is not the one that was begun.
fn compare(path: &Path, known: &Study, now: &Study) -> Result<()> {
    let name = &now.name;
    if known.data != now.data {
        return Err(Error::data(
            path,
            format!(
                "the data has changed since study `{name}` began: it was {}, now {}; errors on different pictures cannot be compared",
                known.data, now.data
            ),
            "Give the data as it was, or begin another study with --study",
        ));
    }
    let changed = [
        ("kind", &known.kind, &now.kind),
        ("recipe", &known.recipe, &now.recipe),
        ("options", &known.options, &now.options),
    ];
    match changed.iter().find(|(_, before, after)| before != after) {
        None => Ok(()),
        Some((what, before, after)) => Err(Error::config(
            path.display().to_string(),
            format!(
                "study `{name}` was begun with another {what}: {}",
                difference(before, after)
            ),
            "Give the options that it was begun with, or begin another study with --study",
        )),
    }
}

/// The lines in which two texts differ.
fn difference(before: &str, after: &str) -> String {
    let only = |a: &str, b: &str| {
        let lines = a
            .lines()
            .filter(|line| !b.lines().any(|other| other == *line));
        lines.map(str::trim).collect::<Vec<_>>().join(", ")
    };
    format!("`{}`, now `{}`", only(before, after), only(after, before))
}

#[cfg(test)]
mod tests;
