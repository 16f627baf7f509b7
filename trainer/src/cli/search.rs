//! `triaxis search`.

mod compound;
mod random;
mod slurm;
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
    /// EfficientNet's: try bases of depth, width and resolution that double the multiply-adds, and scale by the best
    Compound(Box<compound::Compound>),
    /// RegNet's: train networks drawn from its design space within a band of costs, and rank them
    Random(Box<random::RandomSearch>),
}

impl Search {
    pub(super) fn run(&self) -> Result<()> {
        let study = match &self.command {
            SearchCommand::Tiny(tiny) => &tiny.study,
            SearchCommand::Compound(compound) => &compound.study,
            SearchCommand::Random(random) => &random.study,
        };
        if study.emit()? {
            return Ok(());
        }
        match &self.command {
            SearchCommand::Tiny(tiny) => tiny.run(),
            SearchCommand::Compound(compound) => compound.run(),
            SearchCommand::Random(random) => random.run(),
        }
    }
}
