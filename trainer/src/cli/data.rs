//! `triaxis data`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::{links::Links, print};
use crate::data::{CheckReport, DataOptions, check};
use crate::error::{Error, Result};

/// Options of `triaxis data`.
#[derive(Debug, Args)]
pub(super) struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Look at every picture before a long run: classes, counts, sizes, damaged files, duplicates
    Check(Check),
}

#[derive(Debug, Args)]
struct Check {
    /// Data: class folders, tar archives, Parquet files, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
    #[arg(value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    path: String,
    /// Part of every class held out where the data has no validation of its own
    #[arg(long, value_name = "SHARE", default_value_t = DataOptions::default().validation_fraction)]
    validation_split: f64,
    #[command(flatten)]
    links: Links,
    /// Chooses what is held out; that of `triaxis train`
    #[arg(long, default_value_t = crate::recipe::Recipe::default().seed)]
    seed: u64,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

impl Data {
    pub(super) fn run(&self) -> Result<()> {
        match &self.command {
            DataCommand::Check(check) => check.run(),
        }
    }
}

impl Check {
    fn run(&self) -> Result<()> {
        let options = DataOptions {
            validation_fraction: self.validation_split,
            seed: self.seed,
            follow_links: self.links.follow_links,
            ..DataOptions::default()
        };
        let report = check(&self.path, &options)?;
        if self.json {
            print::json(&report)?;
        } else {
            print::text(&report.to_string())?;
        }
        if report.is_unusable() {
            return Err(unusable(&report));
        }
        Ok(())
    }
}

fn unusable(report: &CheckReport) -> Error {
    let splits = [&report.train, &report.validation];
    let damaged: usize = splits.iter().map(|s| s.damaged.len()).sum();
    let pictures: usize = splits.iter().map(|s| s.fingerprint.pictures).sum();
    Error::data(
        &report.path,
        format!(
            "{damaged} of {pictures} pictures cannot be decoded, training stops above 1 % of a split"
        ),
        "Repair or remove the pictures listed on standard output",
    )
}
