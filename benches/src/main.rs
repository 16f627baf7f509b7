//! Timings of kernels: see `benches/README.md`. `triaxis bench` times whole networks.

mod error;
mod kernels;
mod operators;
mod output;
mod parts;
mod row;
mod table;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use triaxis::bench::Machine;
use triaxis::engine::{Gpu, GpuOptions};

use error::{Error, Result};
use output::Output;

/// Times kernels.
#[derive(Debug, Parser)]
#[command(name = "triaxis-benches", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    general: General,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every operator at the sizes of real layers, forward and gradients, kernel by kernel
    Kernels(kernels::Options),
}

#[derive(Debug, Args)]
struct General {
    /// Adapter to use: a part of its name, or its number [default: the fastest kind]
    #[arg(long, global = true, value_name = "NAME")]
    adapter: Option<String>,
    /// Append the rows to this file, with a header if it is new
    #[arg(long, global = true, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print the rows as one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let gpu = Gpu::open(&GpuOptions {
        adapter: cli.general.adapter.clone(),
        ..GpuOptions::default()
    })
    .map_err(|e| Error::Triaxis(e.into()))?;
    let machine = Machine::of(&gpu);
    eprintln!("{machine}");
    let mut output = Output::new(cli.general.csv.as_deref(), cli.general.json)?;
    match &cli.command {
        Command::Kernels(options) => kernels::run(&gpu, &machine, options, &mut output)?,
    }
    output.finish();
    Ok(())
}
