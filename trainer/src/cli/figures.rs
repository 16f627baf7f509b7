//! `triaxis figures`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::print;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::paper::{self, FIGURES, Figure};
use crate::report::panels::panels;
use crate::table::Format;

/// Options of `triaxis figures`.
#[derive(Debug, Args)]
pub(super) struct Figures {
    /// 1, 11, 12: figures of "Fast and Accurate Model Scaling" that need no training; all of them
    #[arg(value_name = "FIGURE", default_value = "all")]
    figure: String,
    /// Folder that takes an SVG and a CSV for each
    #[arg(
        long,
        visible_alias = "output",
        value_name = "DIR",
        default_value = "figures"
    )]
    out: PathBuf,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

/// The files of a figure.
#[derive(Debug, Serialize)]
struct Written {
    figure: String,
    svg: PathBuf,
    csv: PathBuf,
}

impl Figures {
    pub(super) fn run(&self) -> Result<()> {
        let names = match self.figure.as_str() {
            "all" => FIGURES.to_vec(),
            name => vec![name],
        };
        // What is not known is refused before any file is written.
        let figures = names
            .into_iter()
            .map(paper::figure)
            .collect::<Result<Vec<_>>>()?;
        fs::create_dir_all(&self.out)
            .map_err(|source| Error::disk("make the folder of --out", &self.out, None, source))?;
        let written = figures
            .iter()
            .map(|figure| self.write(figure))
            .collect::<Result<Vec<_>>>()?;
        if self.json {
            return print::json(&written);
        }
        let paths = written.iter().flat_map(|files| [&files.svg, &files.csv]);
        print::text(
            &paths
                .map(|path| format!("{}\n", path.display()))
                .collect::<String>(),
        )
    }

    fn write(&self, figure: &Figure) -> Result<Written> {
        let path = |extension: &str| self.out.join(format!("{}.{extension}", figure.name));
        let (svg, csv) = (path("svg"), path("csv"));
        put(&svg, &panels(&figure.panels))?;
        put(&csv, &figure.points.render(Format::Csv))?;
        Ok(Written {
            figure: figure.name.clone(),
            svg,
            csv,
        })
    }
}

fn put(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, text.as_bytes())
        .map_err(|source| Error::disk("write the figure", path, Some(text.len() as u64), source))
}
