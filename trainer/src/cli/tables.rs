//! `triaxis tables`.

use clap::{Args, ValueEnum};

use super::print;
use crate::error::Result;
use crate::paper;
use crate::table::Format;

/// Options of `triaxis tables`.
#[derive(Debug, Args)]
pub(super) struct Tables {
    /// 1 to 8: the tables of "Fast and Accurate Model Scaling"; r1: TinyNet; phi: EfficientNet's rule
    #[arg(value_name = "TABLE")]
    table: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Written,
    /// Print JSON on standard output: --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
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
        };
        print::text(&paper::table(&self.table)?.render(format))
    }
}
