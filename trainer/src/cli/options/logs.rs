//! What a run says while it goes.

use clap::Args;

/// Logs and the dashboard.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(in crate::cli) struct LogOptions {
    /// Steps between two records of log.jsonl and of TensorBoard's events
    #[arg(long, value_name = "STEPS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) log_interval: u64,
    /// Show curves, speed and memory on the whole terminal; arrows choose among the curves, `q` stops with a checkpoint
    #[arg(long, conflicts_with_all = ["quiet", "json"])]
    pub(in crate::cli) tui: bool,
}
