//! `triaxis ledger`.

mod page;
mod table;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::print;
use super::target;
use crate::error::{Error, Result};
use crate::ledger::{self, Absent, LedgerOptions, Trial};
use crate::table::Format;

/// Options of `triaxis ledger`.
#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// The trials: networks, errors, times, and where they stand
    List(List),
    /// All that is known of one trial: the network's file, every epoch
    Show(Show),
    /// Every number of every trial as CSV, or as a page for a browser
    Export(Export),
}

#[derive(Debug, Args)]
struct List {
    /// The ledger: the file of `triaxis search --ledger`
    #[arg(value_name = "LEDGER")]
    ledger: PathBuf,
    /// Of this study alone
    #[arg(long, value_name = "NAME")]
    study: Option<String>,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// The ledger: the file of `triaxis search --ledger`
    #[arg(value_name = "LEDGER")]
    ledger: PathBuf,
    /// The trial's number in `triaxis ledger list`
    #[arg(value_name = "TRIAL")]
    trial: i64,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Export {
    /// The ledger: the file of `triaxis search --ledger`
    #[arg(value_name = "LEDGER")]
    ledger: PathBuf,
    /// As what
    #[arg(value_enum)]
    format: Written,
    /// Of this study alone
    #[arg(long, value_name = "NAME")]
    study: Option<String>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Written {
    /// Comma-separated values under keys
    Csv,
    /// One page that needs nothing else
    Html,
}

impl Ledger {
    pub(super) fn run(&self) -> Result<()> {
        match &self.command {
            LedgerCommand::List(list) => list.run(),
            LedgerCommand::Show(show) => show.run(),
            LedgerCommand::Export(export) => export.run(),
        }
    }
}

impl List {
    fn run(&self) -> Result<()> {
        let trials = trials(&self.ledger, self.study.as_deref())?;
        match self.json {
            true => print::json(&trials),
            false => print::text(&table::list(&trials).render(Format::Text)),
        }
    }
}

impl Show {
    fn run(&self) -> Result<()> {
        let trial = open(&self.ledger)?.trial(self.trial)?;
        match self.json {
            true => print::json(&trial),
            false => print::text(&table::one(&trial)),
        }
    }
}

impl Export {
    fn run(&self) -> Result<()> {
        if let Some(path) = &self.out {
            target::file("--out", path, [&self.ledger])?;
        }
        let trials = trials(&self.ledger, self.study.as_deref())?;
        let text = match self.format {
            Written::Csv => table::all(&trials).render(Format::Csv),
            Written::Html => page::html(&self.ledger.display().to_string(), &trials),
        };
        let Some(path) = &self.out else {
            return print::text(&text);
        };
        target::write("--out", "write the export", path, text)?;
        print::text(&path.display().to_string())
    }
}

/// A ledger that is there already.
fn open(path: &Path) -> Result<ledger::Ledger> {
    let options = LedgerOptions {
        absent: Absent::Refuse,
        ..LedgerOptions::default()
    };
    ledger::Ledger::open(path, &options)
}

/// The trials of a study, which must be there, or of all.
fn trials(path: &Path, study: Option<&str>) -> Result<Vec<Trial>> {
    let ledger = open(path)?;
    if let Some(name) = study {
        let studies = ledger.studies()?;
        if !studies.iter().any(|study| study.name == name) {
            let names: Vec<&str> = studies.iter().map(|study| study.name.as_str()).collect();
            return Err(Error::config(
                "--study",
                format!("{} has no study `{name}`", path.display()),
                match names.is_empty() {
                    true => "It has none yet".into(),
                    false => format!("It has {}", names.join(", ")),
                },
            ));
        }
    }
    ledger.trials(study)
}
