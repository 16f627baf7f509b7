//! `triaxis search`.

mod study;
mod tiny;

use clap::{Args, Subcommand};

use crate::error::Result;

/// Options of `triaxis search`.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(subcommand)]
    command: SearchCommand,
}

#[derive(Debug, Subcommand)]
enum SearchCommand {
    /// TinyNet's method: train small networks of random depth, width and resolution, and learn from the best of them which
    /// suit which budget
    Tiny(Box<tiny::Tiny>),
}

impl Search {
    pub(super) fn run(&self) -> Result<()> {
        match &self.command {
            SearchCommand::Tiny(tiny) => tiny.run(),
        }
    }
}
