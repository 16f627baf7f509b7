//! Rows out of CSV files.

use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use triaxis_models::Spec;

use super::super::Row;
use super::super::compare::Ratio;
use super::super::scaling::Scaled;
use crate::error::{Error, Result};

/// What files of rows hold, told apart by their columns.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Whole runs.
    pub runs: Vec<Run>,
    /// Single kernels.
    pub kernels: Vec<Row>,
    /// Peers beside ours.
    pub ratios: Vec<Ratio>,
}

/// A run and the size of its network, where that is known.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// As measured.
    pub row: Row,
    /// The network's counts for one picture.
    pub size: Option<Size>,
    /// How it came about, in rows of `bench scaling`.
    pub way: Option<Way>,
}

impl Run {
    /// What `bench scaling` knows of it; `None` for other rows.
    pub(super) fn scaled(&self) -> Option<Scaled> {
        let (way, size) = (self.way.as_ref()?, self.size?);
        let count = |value: f64| value.max(0.0).round() as u64;
        Some(Scaled {
            base: way.base.clone(),
            strategy: way.strategy.clone(),
            factor: way.factor,
            flops: count(size.flops),
            params: count(size.params),
            acts: count(size.acts),
            epoch_minutes: None,
        })
    }
}

/// Which network was scaled, by which strategy, how far.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Way {
    /// The network that was scaled.
    pub base: String,
    /// How growth was shared; `none` for the base itself.
    pub strategy: String,
    /// Growth of the multiply-adds before rounding.
    pub factor: f64,
}

/// Counts for one picture, from columns of the file or of a network known by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Size {
    /// Multiply-adds.
    pub flops: f64,
    /// Trained numbers.
    pub params: f64,
    /// Outputs of the convolutions.
    pub acts: f64,
}

/// Bytes of a file that are read: a table of every kernel of a hundred networks takes a tenth.
const MOST: u64 = 256 << 20;

impl Rows {
    /// Adds what a file holds: rows of `triaxis bench models`, `training` or of a peer, ratios of `bench compare`, or rows
    /// with the columns `flops`, `params` and `acts` besides.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is too large, or holds other columns.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let failed = |error| {
            Error::config(
                path.display().to_string(),
                format!("cannot be read: {error}"),
                "Give CSV files of `triaxis bench`",
            )
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut text = String::new();
        file.take(MOST + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MOST {
            return Err(failed(io::Error::other(format!(
                "it is longer than {} MiB",
                MOST >> 20
            ))));
        }
        self.add_text(&text)
            .map_err(|error| failed(io::Error::other(error)))
    }

    fn add_text(&mut self, text: &str) -> csv::Result<()> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers()?.clone();
        let has = |name: &str| header.iter().any(|column| column == name);
        if !has("suite") || !has("case") {
            return Err(io::Error::other("it has no columns suite and case").into());
        }
        for record in reader.records() {
            let record = record?;
            // Two files laid end to end.
            if record == header {
                continue;
            }
            if has("peer") && has("ratio") {
                self.ratios.push(record.deserialize(Some(&header))?);
                continue;
            }
            let row: Row = record.deserialize(Some(&header))?;
            if row.suite.ends_with(".kernel") {
                self.kernels.push(row);
                continue;
            }
            let size = match has("flops") && has("params") && has("acts") {
                true => record.deserialize(Some(&header)).ok(),
                false => known_size(&row),
            };
            let way = match has("base") && has("strategy") && has("factor") {
                true => record.deserialize(Some(&header)).ok(),
                false => None,
            };
            self.runs.push(Run { row, size, way });
        }
        Ok(())
    }
}

/// Of a network known by name. Names that are paths are not opened: rows may come from anywhere.
fn known_size(row: &Row) -> Option<Size> {
    let is_name = row
        .model
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_@-".contains(c));
    let mut spec = is_name.then(|| Spec::find(&row.model).ok()).flatten()?;
    spec.resolution = row.resolution;
    let complexity = spec.complexity().ok()?;
    Some(Size {
        flops: complexity.flops as f64,
        params: complexity.params as f64,
        acts: complexity.acts as f64,
    })
}
