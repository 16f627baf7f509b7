//! `triaxis tables`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::evidence::EvidenceOptions;
use super::print;
use crate::error::{Error, Result};
use crate::paper::{self, Evidence};
use crate::table::{Format, Table};

/// Options of `triaxis tables`.
#[derive(Debug, Args)]
pub(super) struct Tables {
    /// 1 to 8: the tables of "Fast and Accurate Model Scaling"; r1: TinyNet; phi: EfficientNet's rule; gains: what the first
    /// --ledger's networks gain over the second's
    #[arg(value_name = "TABLE")]
    table: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Written,
    /// Print JSON on standard output: --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    evidence: EvidenceOptions,
}

/// The formats by name.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Written {
    /// Aligned columns
    #[default]
    Text,
    /// A Markdown table
    Md,
    /// Comma-separated values under keys
    Csv,
    /// A LaTeX table for the package booktabs
    Tex,
    /// One JSON object
    Json,
    /// An HTML table element
    Html,
}

impl Tables {
    pub(super) fn run(&self) -> Result<()> {
        let format = match self.format {
            _ if self.json => Format::Json,
            Written::Text => Format::Text,
            Written::Md => Format::Markdown,
            Written::Csv => Format::Csv,
            Written::Tex => Format::Latex,
            Written::Json => Format::Json,
            Written::Html => Format::Html,
        };
        self.check_evidence()?;
        let table = match self.table.as_str() {
            "gains" => self.gains()?,
            name => paper::table(name, &self.evidence.read()?)?,
        };
        print::text(&table.render(format))
    }

    /// Refuses files of which this table would show nothing.
    fn check_evidence(&self) -> Result<()> {
        let name = self.table.as_str();
        let shows = |option: &str| match name {
            "gains" => option == "--ledger",
            _ => !paper::is_counted_alone(name),
        };
        let given = self.evidence.given().into_iter();
        let mut given = given.filter_map(|(option, given)| given.then_some(option));
        match given.find(|option| !shows(option)) {
            None => Ok(()),
            Some(option) => Err(Error::config(
                option,
                format!("table {name} shows nothing of it"),
                "Leave it out, or give table 5, 6, 7, 8 or r1",
            )),
        }
    }

    fn gains(&self) -> Result<Table> {
        let [ours, others] = self.evidence.ledger.as_slice() else {
            return Err(Error::config(
                "triaxis tables gains",
                format!("{} ledgers are given", self.evidence.ledger.len()),
                "Give --ledger twice: first that of the networks, then that of those to beat",
            ));
        };
        let read = |path: &PathBuf| {
            let mut evidence = Evidence::default();
            evidence.add_ledger(path).map(|()| evidence)
        };
        Ok(paper::gains(&read(ours)?, &read(others)?))
    }
}
