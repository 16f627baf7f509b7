//! `triaxis search`.

mod compound;
mod random;
mod scaling;
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
    /// One network scaled in several ways, as far each: which strategy costs the least error
    Scaling(Box<scaling::Scaling>),
    /// One network shrunk to equal multiply-adds, one dimension at a time: which it can spare
    Ablation(Box<scaling::Ablation>),
}

impl Search {
    pub(super) fn run(&self) -> Result<()> {
        let study = match &self.command {
            SearchCommand::Tiny(tiny) => &tiny.study,
            SearchCommand::Compound(compound) => &compound.study,
            SearchCommand::Random(random) => &random.study,
            SearchCommand::Scaling(scaling) => &scaling.study,
            SearchCommand::Ablation(ablation) => &ablation.study,
        };
        if study.emit()? {
            return Ok(());
        }
        match &self.command {
            SearchCommand::Tiny(tiny) => tiny.run(),
            SearchCommand::Compound(compound) => compound.run(),
            SearchCommand::Random(random) => random.run(),
            SearchCommand::Scaling(scaling) => scaling.run(),
            SearchCommand::Ablation(ablation) => ablation.run(),
        }
    }
}
