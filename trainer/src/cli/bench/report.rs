//! `triaxis bench report`.

use std::path::PathBuf;

use clap::Args;

use super::super::{print, target};
use crate::bench::page::{Clock, Rows, title_of};
use crate::error::Result;

#[derive(Debug, Args)]
pub(super) struct Report {
    /// CSV files of `bench models`, `bench training`, `bench scaling`, `bench compare`, or of rows with columns flops, params and acts besides
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The page to write
    #[arg(long, value_name = "PAGE.html")]
    out: PathBuf,
    /// Which time counts
    #[arg(long, value_enum, default_value_t)]
    clock: Clock,
    /// Heading of the page [default: the name of the first file]
    #[arg(long)]
    title: Option<String>,
}

impl Report {
    pub(super) fn run(&self) -> Result<()> {
        target::file("--out", &self.out, &self.files)?;
        let mut rows = Rows::default();
        for file in &self.files {
            rows.add(file)?;
        }
        let title = self.title.clone().unwrap_or_else(|| title_of(&self.files));
        let html = rows.html(&title, self.clock);
        target::write("--out", "write the page", &self.out, html)?;
        print::text(&self.out.display().to_string())
    }
}
