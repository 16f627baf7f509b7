//! `triaxis scale`.

mod report;
mod rule;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use triaxis_models::{Scaling, Spec, scaling};

use super::print;
use super::spec_file::{self, Existing};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// Options of `triaxis scale`.
#[derive(Debug, Args)]
pub(super) struct Scale {
    /// Network to begin with: a name of `triaxis models` or a TOML file
    model: String,
    /// How growth is shared: d, w, r, dw, dr, wr, dwr, dWr, orig, alpha=A, weights such as d1_w8_g8_r1, phi
    /// (EfficientNet's own rule) or tiny (TinyNet's) [default: dWr, fast scaling]
    #[arg(short, long, value_name = "S")]
    strategy: Option<String>,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    multipliers: Multipliers,
    /// Leave groups as wide as they are
    #[arg(long, conflicts_with = "group")]
    keep_group_width: bool,
    /// How products become whole numbers [default: the strategy's, pycls for most]
    #[arg(long, value_enum)]
    rounding: Option<Rounding>,
    /// Images a step, for --target-memory
    #[arg(short, long, default_value_t = Recipe::default().batch_size)]
    batch_size: usize,
    /// Name of the result [default: the base's, the strategy and the factor]
    #[arg(long)]
    name: Option<String>,
    /// TOML file to write the network to; `train`, `info` and `scale` take it as MODEL
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file at --out that holds something else
    #[arg(long, requires = "out")]
    force: bool,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

/// How far: one of them.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Size")]
struct Size {
    /// Times the multiply-adds, before rounding
    #[arg(long, value_name = "X")]
    factor: Option<f64>,
    /// EfficientNet's exponent: 1.2^P blocks, 1.1^P channels, 1.15^P pixels
    #[arg(long, value_name = "P")]
    phi: Option<f64>,
    /// Multiply-adds to reach, such as 4e9, 4G or 500M
    #[arg(long, value_name = "N", value_parser = super::number::count)]
    target_flops: Option<u64>,
    /// Parameters to reach
    #[arg(long, value_name = "N", value_parser = super::number::count)]
    target_params: Option<u64>,
    /// Activations to reach
    #[arg(long, value_name = "N", value_parser = super::number::count)]
    target_acts: Option<u64>,
    /// Bytes of GPU memory that training is to take, such as 8GiB
    #[arg(long, value_name = "N", value_parser = super::number::count)]
    target_memory: Option<u64>,
}

/// The axes themselves, instead of a strategy.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Multipliers, instead of a strategy and a size")]
struct Multipliers {
    /// Of each stage's blocks
    #[arg(long, value_name = "X", conflicts_with = "Size")]
    depth: Option<f64>,
    /// Of each layer's channels
    #[arg(long, value_name = "X", conflicts_with = "Size")]
    width: Option<f64>,
    /// Of each group's channels [default: as --width]
    #[arg(long, value_name = "X", conflicts_with = "Size")]
    group: Option<f64>,
    /// Of the images' side
    #[arg(long, value_name = "X", conflicts_with = "Size")]
    resolution: Option<f64>,
}

/// The rules of rounding by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rounding {
    /// Blocks to the nearest, channels to multiples of 8, pixels to multiples of 4
    Pycls,
    /// Blocks up, channels to multiples of 8 and never below 90 %
    Efficientnet,
    /// Blocks to the nearest, channels as EfficientNet, pixels down; the stem stays, the head never narrows
    Tiny,
}

impl From<Rounding> for scaling::Rounding {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::Pycls => Self::Pycls,
            Rounding::Efficientnet => Self::EfficientNet,
            Rounding::Tiny => Self::TinyNet,
        }
    }
}

/// A network and how it came to be.
struct Scaled {
    base: Spec,
    spec: Spec,
    strategy: String,
    /// Of the multiply-adds, before rounding.
    factor: f64,
    scaling: Scaling,
    reached: Option<Reached>,
}

/// How near rounding allowed to come to a target.
#[derive(Clone, Copy, Debug, Serialize)]
struct Reached {
    target: u64,
    /// What is counted, as in "flops".
    unit: &'static str,
    nearest: u64,
    /// The last step below the target.
    below: Step,
    /// The first that reaches it.
    above: Step,
}

/// A network that rounding allows.
#[derive(Clone, Copy, Debug, Serialize)]
struct Step {
    factor: f64,
    cost: u64,
}

impl Scale {
    pub(super) fn run(&self) -> Result<()> {
        if self.batch_size == 0 {
            return Err(Error::config("--batch-size", "it is 0", "Give 1 or more"));
        }
        let scaled = self.scaled()?;
        let report = report::Report::of(&scaled)?;
        let mut note = String::new();
        if let Some(path) = &self.out {
            let existing = match self.force {
                true => Existing::Replace,
                false => Existing::Keep,
            };
            spec_file::write(path, &scaled.spec, existing)?;
            note = format!("\nwritten to {}\n", path.display());
        }
        if self.json {
            print::json(&report)
        } else {
            print::text(&(report::text(&scaled, &report)? + &note))
        }
    }
}

/// A number in at most four digits where those tell it: `11`, `0.8731`, `4.142`.
fn short(x: f64) -> String {
    // 0 has no logarithm and takes the most.
    let digits = (3.0 - x.abs().log10().floor()).clamp(0.0, 12.0);
    let text = format!("{x:.*}", digits as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_four_digits() {
        for (x, expected) in [
            (11.0, "11"),
            (0.873_145, "0.8731"),
            (4.1421, "4.142"),
            (1234.5, "1234"),
            (0.000_123_46, "0.0001235"),
            (-2.5, "-2.5"),
            (20.0, "20"),
            (0.0, "0"),
        ] {
            assert_eq!(short(x), expected);
        }
    }
}
