//! Where a run is written and when it stops.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use triaxis_models::Spec;

use crate::cli::number::at_least;
use crate::error::{Error, Result};
use crate::trainer::OnNan;

/// What decides about a run, but nothing about its numbers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(in crate::cli) struct RunOptions {
    /// Folder that runs are written to
    #[arg(long, value_name = "PATH", default_value = "output")]
    output: PathBuf,
    /// Name of the run's folder; a run that is in it goes on [default: the network's name]
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Go on from the run's last checkpoint, as is done without this option
    #[arg(long, hide = true)]
    resume: bool,
    /// Go on although the recipe has changed since the run began
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// A checkpoint every so many steps, beside the one of each epoch; SIGUSR2 asks for one at any time
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) checkpoint_every: Option<u64>,
    /// Stop when so many epochs are done
    #[arg(long, value_name = "EPOCHS", value_parser = at_least(1))]
    stop_after_epoch: Option<usize>,
    /// Train so many times, with the seeds --seed, --seed + 1 and so on, each a run in the folder seed-SEED of the run's
    /// folder, where trials.csv has every trial and trials.json their mean and sample standard deviation, too
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = at_least(1))]
    pub(in crate::cli) trials: usize,
    /// Stop with a checkpoint after this long: 90s, 30m, 1.5h or 7:30:00
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(in crate::cli) time_limit: Option<Duration>,
    /// After a loss or gradient that is not finite
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub(in crate::cli) on_nan: OnNan,
}

impl RunOptions {
    /// The folder of the run of a network of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an --experiment that lies elsewhere than in --output.
    pub(in crate::cli) fn directory(&self, network: &str) -> Result<PathBuf> {
        let name = match &self.experiment {
            Some(name) => folder_name("--experiment", name)?,
            None => network,
        };
        Ok(self.output.join(name))
    }

    /// The number of epochs behind which a run of so many stops.
    pub(in crate::cli) fn last_epoch(&self, epochs: usize) -> usize {
        self.stop_after_epoch.unwrap_or(epochs).min(epochs)
    }
}

/// The name that `option` gives, where it names a folder in another and no hidden one.
///
/// # Errors
///
/// [`Error::Config`] with the option.
pub(in crate::cli) fn folder_name<'a>(option: &str, name: &'a str) -> Result<&'a str> {
    if Spec::is_name(name) {
        return Ok(name);
    }
    Err(Error::config(
        option,
        format!("`{name}` cannot name a folder of results"),
        "Leave out slashes and a first dot",
    ))
}

/// Reads a time with its unit, or as batch systems write it.
fn time(text: &str) -> Result<Duration, String> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| x.is_finite());
    let seconds = if text.contains(':') {
        let mut parts = text.split(':').map(number);
        let sum = parts.try_fold(0.0, |sum, part| Some(60.0 * sum + part?));
        sum.filter(|_| text.split(':').count() <= 3)
    } else {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let scale = match unit {
            "s" => Some(1.0),
            "m" | "min" => Some(60.0),
            "h" => Some(3600.0),
            "d" => Some(86_400.0),
            _ => None,
        };
        let number = number(&text[..text.len() - unit.len()]);
        number.zip(scale).map(|(number, scale)| number * scale)
    };
    // Ten years: no run is meant to be longer, and clocks can count it.
    match seconds.filter(|s| (1e-3..3.2e8).contains(s)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("expected a time such as 90s, 30m, 1.5h, 2d or 7:30:00".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_units_and_with_colons() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("30m", 1800.0),
            ("1.5h", 5400.0),
            ("2d", 172_800.0),
            ("0.2s", 0.2),
            ("10:00", 600.0),
            ("7:30:01", 27_001.0),
        ] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in [
            "", "h", "5", "-3h", "0s", "1:2:3:4", "a:b", "infh", "9999999h", "3é",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
