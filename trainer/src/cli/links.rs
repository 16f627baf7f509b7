//! Whether links may lead out of what a command is given.

use clap::Args;

/// The option of every command that reads pictures.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Links {
    /// Follow links that lead out of the folder that is given
    #[arg(long, help_heading = "Data")]
    pub(super) follow_links: bool,
}
