//! The command line: options in, one paragraph and an exit code out where something is wrong.

mod advise;
mod bench;
mod cam;
mod data;
mod device;
mod doctor;
mod evaluate;
mod evidence;
mod export;
mod extract;
mod figures;
mod halving;
mod info;
mod ledger;
mod links;
mod models;
mod number;
mod options;
mod panic;
mod pictures;
mod predict;
mod print;
mod scale;
mod search;
mod spec_file;
mod stop;
mod tables;
mod target;
mod train;
mod trained;
mod tune;
mod validate;

use std::ffi::OsString;
use std::io::{self, Write};
use std::num::{IntErrorKind, ParseIntError};
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::Result;

/// Train, run and scale convolutional networks on any GPU.
#[derive(Debug, Parser)]
#[command(name = "triaxis", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network on pictures
    Train(Box<train::Train>),
    /// What pictures show, by a trained network
    Predict(Box<predict::Predict>),
    /// How often a trained network is right
    Validate(Box<validate::Validate>),
    /// Write a trained network as ONNX or safetensors
    Export(Box<export::Export>),
    /// Features of pictures, from any layer of a trained network
    Extract(Box<extract::Extract>),
    /// Where a trained network looks: class activation maps
    Cam(Box<cam::Cam>),
    /// Costs of a network and the memory to train it, without a GPU
    Info(info::Info),
    /// The networks that are known by name
    Models(models::Models),
    /// A network deeper, wider and finer, or smaller, by a factor or to a target
    Scale(Box<scale::Scale>),
    /// Which network to train here, within limits of time, memory and size
    Advise(Box<advise::Advise>),
    /// Look at data before a long run
    Data(data::Data),
    /// A paper's table with our numbers beside its own
    Tables(tables::Tables),
    /// A paper's figures, counted here, as SVG and CSV
    Figures(figures::Figures),
    /// Train many networks and learn from them which to train: TinyNet's, EfficientNet's and RegNet's methods
    Search(search::Search),
    /// The trials of studies: list them, show one, export all
    Ledger(ledger::Ledger),
    /// How fast networks run here: inference and training steps
    Bench(Box<bench::Bench>),
    /// Measure which kernels are faster here, for --tune
    Tune(tune::Tune),
    /// The adapters here, and a test of every kernel on them
    Doctor(doctor::Doctor),
}

/// Runs the command that the process was given.
pub fn main() -> ExitCode {
    let cli = match parsed(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with code 2.
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nobody to tell if the terminal is gone.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let (text, code) = match panic::guard(|| run(cli.command)) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => (error.to_string(), error.exit_code()),
        Err(defect) => (defect, 101),
    };
    // The exit code says it, too, where nobody reads.
    let _ = writeln!(io::stderr(), "error: {text}");
    ExitCode::from(code)
}

fn parsed(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let command = taking_negative_numbers(Cli::command());
    let matches = command.try_get_matches_from(words).map_err(in_words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))
}

/// The error, where a whole number was expected without Rust's words for what is none.
fn in_words(error: clap::Error) -> clap::Error {
    let source = std::error::Error::source(&error);
    let expected = match source.and_then(|source| source.downcast_ref::<ParseIntError>()) {
        None => return error,
        Some(wrong) => match wrong.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                "expected a smaller whole number"
            }
            _ => "expected a whole number, in digits alone",
        },
    };
    let told = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let option = told(ContextKind::InvalidArg);
    let value = told(ContextKind::InvalidValue);
    let message = format!(
        "invalid value '{value}' for '{option}': {expected}\n\nFor more information, try '--help'.\n"
    );
    clap::Error::raw(ErrorKind::ValueValidation, message)
}

/// The command with options that take a negative number as their value, to refuse it with what they expect: else it would
/// be taken for an option, of which there is none.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    let taking = |option: clap::Arg| match option.get_action().takes_values() {
        true if !option.is_positional() => option.allow_negative_numbers(true),
        _ => option,
    };
    command
        .mut_args(taking)
        .mut_subcommands(taking_negative_numbers)
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(train) => train.run(),
        Command::Predict(predict) => predict.run(),
        Command::Validate(validate) => validate.run(),
        Command::Export(export) => export.run(),
        Command::Extract(extract) => extract.run(),
        Command::Cam(cam) => cam.run(),
        Command::Info(info) => info.run(),
        Command::Models(models) => models.run(),
        Command::Scale(scale) => scale.run(),
        Command::Advise(advise) => advise.run(),
        Command::Data(data) => data.run(),
        Command::Tables(tables) => tables.run(),
        Command::Figures(figures) => figures.run(),
        Command::Search(search) => search.run(),
        Command::Ledger(ledger) => ledger.run(),
        Command::Bench(bench) => bench.run(),
        Command::Tune(tune) => tune.run(),
        Command::Doctor(doctor) => doctor.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about these words.
    fn refusal(words: &str) -> String {
        let words = format!("triaxis {words}");
        let error = parsed(words.split_whitespace().map(OsString::from)).unwrap_err();
        error.to_string()
    }

    #[test]
    fn the_commands_options_are_consistent() {
        taking_negative_numbers(Cli::command()).debug_assert();
    }

    #[test]
    fn defaults_stand_in_the_help_as_they_are_given() {
        for (command, default) in [
            ("search scaling", "[default: 1,2,4]"),
            ("search ablation", "[default: d,w,r,dr,dwr]"),
            ("bench scaling", "[default: 1,2,4,8,16]"),
            ("advise", "[default: dWr,phi,tiny]"),
        ] {
            let help = refusal(&format!("{command} --help"));
            // Lines are as wide as the terminal.
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(default), "{command}: {help}");
        }
    }

    #[test]
    fn numbers_that_mean_nothing_are_values_that_options_refuse() {
        for (words, part) in [
            (
                "train --data-dir synthetic --epochs -1",
                "'-1' for '--epochs",
            ),
            ("train --data-dir synthetic --seed -1", "'-1' for '--seed"),
            ("train --data-dir synthetic -b -1", "'-1' for '--batch-size"),
            ("predict a.png --topk -1", "'-1' for '--topk"),
            (
                "train --data-dir synthetic --epochs 1e3",
                "'1e3' for '--epochs <EPOCHS>': expected a whole number, in digits alone",
            ),
            (
                "train --data-dir synthetic --seed 99999999999999999999",
                "expected a smaller whole number",
            ),
            (
                "bench models --runs many",
                "expected a whole number, in digits alone",
            ),
            ("bench models --runs -1", "'-1' for '--runs"),
            (
                "predict a.png --topk 0",
                "expected a whole number from 1 on",
            ),
            ("predict a.png -j 0", "expected a whole number from 1 on"),
            (
                "train --data-dir=",
                "a value is required for '--data-dir <PATH>'",
            ),
            ("validate -b 0", "expected a whole number from 1 on"),
            (
                "advise --num-classes 1",
                "expected a whole number from 2 on",
            ),
            (
                "train --data-dir synthetic --stop-after-epoch 0",
                "expected a whole number from 1 on",
            ),
        ] {
            let text = refusal(words);
            assert!(text.contains(part), "{words}: {text}");
        }
        // Not parsers, but the recipe's own rules refuse it.
        let words = "triaxis train --data-dir synthetic --lr -1";
        assert!(parsed(words.split_whitespace().map(OsString::from)).is_ok());
    }
}
