//! What trials found: a row for each in `trials.csv`; their means and deviations, too, in `trials.json`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::print;
use crate::error::{Error, Result};
use crate::output::write_in_output;
use crate::paper::mean;
use crate::report::{EpochRow, Evaluation, TRIALS};
use crate::trainer::WeightKind;

/// The table.
const TABLE: &str = "trials.csv";
/// A trial is some lines.
const LARGEST: u64 = 64 << 20;

/// The numbers of a trial: of its last epoch by the weights or an average of them, whichever has the best top-1 accuracy, as
/// `search` counts; by each of them; and of the best epoch of each. Accuracies in percent.
const NAMES: [&str; 21] = [
    "top1",
    "top5",
    "loss",
    "final_top1",
    "final_top5",
    "final_loss",
    "final_ema_top1",
    "final_ema_top5",
    "final_ema_loss",
    "final_swa_top1",
    "final_swa_top5",
    "final_swa_loss",
    "best_top1",
    "best_top5",
    "best_loss",
    "best_ema_top1",
    "best_ema_top5",
    "best_ema_loss",
    "best_swa_top1",
    "best_swa_top5",
    "best_swa_loss",
];
/// The place of `top1` among them.
const TOP1: usize = 0;

/// How a trial ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// With these epochs.
    Done(Vec<EpochRow>),
    /// With a number that is not finite; in words.
    Diverged(String),
}

/// The trials that have ended so far.
#[derive(Clone, Debug)]
pub(super) struct Results {
    /// Name of the network.
    pub(super) model: String,
    /// The seeds of all trials, ended or not.
    pub(super) seeds: Vec<u64>,
    pub(super) ended: Vec<(u64, Outcome)>,
}

/// `trials.json`.
#[derive(Serialize)]
struct Document<'a> {
    model: &'a str,
    seeds: &'a [u64],
    /// Seeds of the trials that means and deviations are of.
    counted: Vec<u64>,
    diverged: Vec<u64>,
    mean: Map<String, Value>,
    /// Of a sample, with n − 1.
    deviation: Map<String, Value>,
    trials: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    seed: u64,
    folder: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    epochs: usize,
    #[serde(flatten)]
    numbers: Map<String, Value>,
}

/// What is read of `trials.json`.
#[derive(Deserialize)]
struct Written {
    trials: Vec<WrittenRow>,
}

#[derive(Deserialize)]
struct WrittenRow {
    seed: u64,
    state: String,
}

/// Name of the folder of a seed's trial.
pub(super) fn folder(seed: u64) -> String {
    format!("seed-{seed}")
}

/// Seeds of the trials that an earlier command saw the end of. What cannot be read is of none.
pub(super) fn done(directory: &Path) -> BTreeSet<u64> {
    let mut text = String::new();
    let read = File::open(directory.join(TRIALS))
        .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
        .ok()
        .and_then(|_| serde_json::from_str::<Written>(&text).ok());
    let trials = read.into_iter().flat_map(|written| written.trials);
    let done = trials.filter(|trial| trial.state == DONE);
    done.map(|trial| trial.seed).collect()
}

/// The state of a trial that ended well.
const DONE: &str = "done";

impl Outcome {
    fn state(&self) -> &'static str {
        match self {
            Self::Done(_) => DONE,
            Self::Diverged(_) => "diverged",
        }
    }

    fn rows(&self) -> &[EpochRow] {
        match self {
            Self::Done(rows) => rows,
            Self::Diverged(_) => &[],
        }
    }
}

impl Results {
    /// Seeds of the trials that ended well.
    fn counted(&self) -> Vec<u64> {
        self.with_state(DONE)
    }

    /// Seeds of the trials that diverged.
    pub(super) fn diverged(&self) -> Vec<u64> {
        self.with_state("diverged")
    }

    fn with_state(&self, state: &str) -> Vec<u64> {
        let of = self.ended.iter().filter(|(_, end)| end.state() == state);
        of.map(|(seed, _)| *seed).collect()
    }

    /// Mean and deviation of a number over the trials that ended well, where all of them have it.
    fn over(&self, name: usize) -> Option<(f64, Option<f64>)> {
        let done = self.ended.iter().filter(|(_, end)| end.state() == DONE);
        let values: Option<Vec<f64>> = done.map(|(_, end)| numbers(end.rows())[name]).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(mean(&values))
    }

    /// Writes both files into the folder that the trials lie in; the path of the table.
    pub(super) fn write(&self, directory: &Path) -> Result<PathBuf> {
        let [table, json] = [TABLE, TRIALS].map(|name| directory.join(name));
        for (path, text) in [(&table, self.csv()), (&json, self.json())] {
            write_in_output(path, text.as_bytes()).map_err(|source| {
                Error::disk("write the trials", path, Some(text.len() as u64), source)
            })?;
        }
        Ok(table)
    }

    fn csv(&self) -> String {
        let mut text = format!("seed,folder,state,epochs,{}\n", NAMES.join(","));
        for (seed, end) in &self.ended {
            let rows = end.rows();
            let numbers = numbers(rows).into_iter();
            let cells: Vec<String> = numbers
                .map(|number| number.map_or_else(String::new, |number| number.to_string()))
                .collect();
            text += &format!(
                "{seed},{},{},{},{}\n",
                folder(*seed),
                end.state(),
                rows.len(),
                cells.join(",")
            );
        }
        text
    }

    pub(super) fn json(&self) -> String {
        let over: Vec<_> = (0..NAMES.len()).map(|name| self.over(name)).collect();
        let rows = self.ended.iter().map(|(seed, end)| Row {
            seed: *seed,
            folder: folder(*seed),
            state: end.state(),
            message: match end {
                Outcome::Done(_) => None,
                Outcome::Diverged(message) => Some(message.as_str()),
            },
            epochs: end.rows().len(),
            numbers: named(numbers(end.rows())),
        });
        let document = Document {
            model: &self.model,
            seeds: &self.seeds,
            counted: self.counted(),
            diverged: self.diverged(),
            mean: named(over.iter().map(|over| over.map(|(mean, _)| mean))),
            deviation: named(over.iter().map(|over| over.and_then(|(_, d)| d))),
            trials: rows.collect(),
        };
        let mut text = serde_json::to_string_pretty(&document)
            .expect("trials are numbers and words under names");
        text.push('\n');
        text
    }

    /// Mean and deviation for people, and of which trials they are.
    pub(super) fn line(&self) -> String {
        let (counted, failed) = (self.counted(), self.diverged());
        let Some((top1, deviation)) = self.over(TOP1) else {
            return format!("no top-1 accuracy: {} diverged", in_words(&failed));
        };
        let spread = deviation.map_or_else(String::new, |d| format!(" ± {d:.2}"));
        let (trials, rest) = match failed.is_empty() {
            true => (
                print::counted(counted.len(), "trial", "trials"),
                String::new(),
            ),
            false => (
                format!("{} of {} trials", counted.len(), self.ended.len()),
                format!("; {} diverged", in_words(&failed)),
            ),
        };
        let counted = in_words(&counted);
        format!("top-1 {top1:.2}{spread} % ({trials}: {counted}{rest})")
    }
}

/// The numbers of a trial, in the order of [`NAMES`].
fn numbers(rows: &[EpochRow]) -> Vec<Option<f64>> {
    let kinds = [WeightKind::Raw, WeightKind::Ema, WeightKind::Swa];
    let last = kinds.map(|kind| rows.last().and_then(|row| row.of(kind)));
    let bests = kinds.map(|kind| best(rows.iter().filter_map(|row| row.of(kind))));
    [[best(last.into_iter().flatten())].as_slice(), &last, &bests]
        .concat()
        .into_iter()
        .flat_map(|found| match found {
            Some(Evaluation { loss, top1, top5 }) => [Some(top1), Some(top5), Some(loss)],
            None => [None; 3],
        })
        .collect()
}

/// The one with the best top-1 accuracy, the first of several.
fn best(evaluations: impl Iterator<Item = Evaluation>) -> Option<Evaluation> {
    evaluations.reduce(|best, next| match next.top1 > best.top1 {
        true => next,
        false => best,
    })
}

/// Those numbers that there are, under their names.
fn named(numbers: impl IntoIterator<Item = Option<f64>>) -> Map<String, Value> {
    let pairs = NAMES.iter().zip(numbers);
    let there =
        |(name, number): (&&str, Option<f64>)| Some(((*name).to_owned(), Value::from(number?)));
    pairs.filter_map(there).collect()
}

/// `seed 1`, `seeds 1, 2, 3`.
fn in_words(seeds: &[u64]) -> String {
    let list: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    let word = if seeds.len() == 1 { "seed" } else { "seeds" };
    format!("{word} {}", list.join(", "))
}

#[cfg(test)]
mod tests;
