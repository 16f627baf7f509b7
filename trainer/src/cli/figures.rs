//! `triaxis figures`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::evidence::EvidenceOptions;
use super::print;
use super::target;
use crate::error::{Error, Result};
use crate::paper::{self, FIGURES, Figure};
use crate::report::panels::panels;
use crate::table::Format;

/// Options of `triaxis figures`.
#[derive(Debug, Args)]
pub(super) struct Figures {
    /// 1, 2, 4 to 12: figures of "Fast and Accurate Model Scaling"; all: those, and a page with every figure and table
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
    /// Picture of `triaxis cam` that the page shows: TinyNet's Figure 4
    #[arg(long, value_name = "FILE.png", help_heading = "Measured here")]
    heat_maps: Option<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceOptions,
}

/// The page's file.
const PAGE: &str = "papers.html";
/// Bytes of a picture that the page takes.
const MOST: u64 = 64 << 20;

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
        if self.heat_maps.is_some() && self.figure != "all" {
            return Err(Error::config(
                "--heat-maps",
                format!(
                    "the page shows it, and figure {} alone has no page",
                    self.figure
                ),
                "Leave it out, or ask for all figures",
            ));
        }
        // What is not known, or cannot be read, is refused before any file is written.
        let evidence = self.evidence.read()?;
        let heat_maps = self.heat_maps.as_deref().map(picture).transpose()?;
        let figures = names
            .into_iter()
            .map(|name| paper::figure(name, &evidence))
            .collect::<Result<Vec<_>>>()?;
        let page = match self.figure.as_str() {
            "all" => Some(paper::page(&evidence, heat_maps.as_deref())?),
            _ => None,
        };
        self.check_out(&figures)?;
        fs::create_dir_all(&self.out).map_err(|source| {
            Error::unwritten("--out", "make the folder", &self.out, None, source)
        })?;
        let written = figures
            .iter()
            .map(|figure| self.write(figure))
            .collect::<Result<Vec<_>>>()?;
        let page = match page {
            None => None,
            Some(html) => {
                let path = self.out.join(PAGE);
                put(&path, &html)?;
                Some(path)
            }
        };
        if self.json {
            return print::json(&written);
        }
        let files = written.iter().flat_map(|files| [&files.svg, &files.csv]);
        let paths = files.chain(&page);
        print::text(
            &paths
                .map(|path| format!("{}\n", path.display()))
                .collect::<String>(),
        )
    }

    /// Refuses a folder that takes no file, or in which one would take the place of what was read.
    fn check_out(&self, figures: &[Figure]) -> Result<()> {
        let own = figures.iter().flat_map(|figure| self.files(figure));
        for path in own.chain([self.out.join(PAGE)]) {
            let inputs = self.evidence.files().chain(&self.heat_maps);
            target::made_file("--out", &path, inputs)?;
        }
        Ok(())
    }

    /// Where a figure is written: its picture and its numbers.
    fn files(&self, figure: &Figure) -> [PathBuf; 2] {
        ["svg", "csv"].map(|end| self.out.join(format!("{}.{end}", figure.name)))
    }

    fn write(&self, figure: &Figure) -> Result<Written> {
        let [svg, csv] = self.files(figure);
        put(&svg, &panels(&figure.panels))?;
        put(&csv, &figure.points.render(Format::Csv))?;
        Ok(Written {
            figure: figure.name.clone(),
            svg,
            csv,
        })
    }
}

/// The bytes of a PNG file.
fn picture(path: &Path) -> Result<Vec<u8>> {
    let failed = |problem: String| {
        Error::config(
            "--heat-maps",
            format!("cannot use {}: {problem}", path.display()),
            "Give the grid.png that `triaxis cam` writes",
        )
    };
    let mut bytes = Vec::new();
    // Not by the length that the system tells: devices and pipes have none.
    fs::File::open(path)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(failed(format!("it is longer than {} MiB", MOST >> 20)));
    }
    match bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        true => Ok(bytes),
        false => Err(failed("it is no PNG file".into())),
    }
}

fn put(path: &Path, text: &str) -> Result<()> {
    target::write("--out", "write the figure", path, text)
}
