//! What was measured before, as `tables` and `figures` are given it.

use std::path::PathBuf;

use clap::Args;

use crate::bench::page::Clock;
use crate::error::Result;
use crate::paper::Evidence;

/// Files of earlier commands.
#[derive(Debug, Args)]
pub(super) struct EvidenceOptions {
    /// Ledger whose trials stand beside the papers' numbers; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Measured here")]
    pub(super) ledger: Vec<PathBuf>,
    /// CSV file of `triaxis bench scaling`, `training` or `models` whose times do; may be repeated
    #[arg(long, value_name = "FILE.csv", help_heading = "Measured here")]
    rows: Vec<PathBuf>,
    /// Which time of those rows counts
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "rows",
        help_heading = "Measured here"
    )]
    clock: Clock,
}

impl EvidenceOptions {
    /// The files that are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.ledger.iter().chain(&self.rows)
    }

    /// The options that name files, and whether each is given.
    pub(super) fn given(&self) -> [(&'static str, bool); 2] {
        [
            ("--ledger", !self.ledger.is_empty()),
            ("--rows", !self.rows.is_empty()),
        ]
    }

    pub(super) fn read(&self) -> Result<Evidence> {
        let mut evidence = Evidence::default();
        for path in &self.ledger {
            evidence.add_ledger(path)?;
        }
        for path in &self.rows {
            evidence.add_rows(path, self.clock)?;
        }
        Ok(evidence)
    }
}
