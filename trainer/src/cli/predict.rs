//! `triaxis predict`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::device::Device;
use super::evaluate::{Evaluate, read_labels};
use super::halving::fitting;
use super::links::Links;
use super::number::at_least;
use super::pictures::{all_usable, files, tell};
use super::print;
use crate::classifier::{Classifier, Top};
use crate::data::{Dataset, Loader, LoaderOptions, Tolerance};
use crate::error::Result;

/// Pictures that are computed at once unless told otherwise.
const BATCH: usize = 16;

/// Options of `triaxis predict`.
#[derive(Debug, Args)]
pub(super) struct Predict {
    /// Pictures: files, folders, patterns such as 'photos/*.jpg', or - for one on standard input
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    links: Links,
    #[command(flatten)]
    network: Evaluate,
    /// Names of the outputs, a text file of one a line [default: the classes that the weights name]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    labels: Option<PathBuf>,
    /// Classes to tell of each picture
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 5,
        value_parser = at_least(1),
        help_heading = "Output"
    )]
    topk: usize,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print comma-separated values on standard output
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    csv: bool,
    #[command(flatten)]
    device: Device,
}

/// What one picture shows.
#[derive(Debug, Serialize)]
struct Prediction {
    image: String,
    top: Vec<Top>,
}

impl Predict {
    pub(super) fn run(&self) -> Result<()> {
        let files = files(&self.pictures, self.links)?;
        let mut trained = self.network.load(BATCH)?;
        if let Some(path) = &self.labels {
            trained.options.labels = read_labels(path)?;
        }
        // What is computed at once takes its memory however few pictures there are.
        let asked = trained.options.batch_size.min(files.len());
        let gpu = self.device.open()?;
        let (classifier, batch_size) = fitting(asked, self.network.misfit(), |attempt| {
            let classifier = trained.open(&gpu, attempt.batch)?;
            attempt.notice().iter().for_each(|note| tell(note));
            Ok((classifier, attempt.batch))
        })?;
        let options = LoaderOptions {
            tolerance: Tolerance::All,
            ..trained.loader_options(batch_size)
        };
        classifier.notes().iter().for_each(|note| tell(note));
        let loader = Loader::new(files.data(), options)?;
        self.predict(&classifier, &loader)?;
        let damaged = loader.damaged();
        if let Some((first, _)) = damaged.first() {
            files.leave_out(*first);
        }
        all_usable(&self.pictures, &files, damaged.len())
    }

    /// Prints what each picture shows, and tells of those that could not be used.
    fn predict(&self, classifier: &Classifier, loader: &Loader) -> Result<()> {
        let mut all = Vec::new();
        let mut told = 0;
        if self.csv {
            let heading = ["image", "rank", "index", "label", "probability"];
            print::text(&csv_row(&heading.map(String::from)))?;
        }
        for batch in loader.epoch(0, 0) {
            let batch = batch?;
            told = tell_damage(loader, told);
            let picture_bytes = batch.images.len() / batch.labels.len().max(1);
            let words = &batch.images[..batch.valid * picture_bytes];
            let logits = classifier.logits_of_words(words)?;
            for (&index, logits) in batch.indices.iter().zip(&logits) {
                let prediction = Prediction {
                    image: loader.data().name(index as usize),
                    top: classifier.top(logits, self.topk),
                };
                match (self.json, self.csv) {
                    (true, _) => all.push(prediction),
                    (_, true) => print::text(&csv(&prediction))?,
                    _ => print::text(&text(&prediction))?,
                }
            }
        }
        tell_damage(loader, told);
        match self.json {
            true => print::json(&all),
            false => Ok(()),
        }
    }
}

/// Tells of the pictures that could not be used since `told` were; how many there are by now.
fn tell_damage(loader: &Loader, told: usize) -> usize {
    if loader.damage().count == told {
        return told;
    }
    // By index, which is the order of the batches too: new ones come behind those told.
    let damaged = loader.damaged();
    damaged.iter().skip(told).for_each(|(_, why)| tell(why));
    damaged.len()
}

fn text(prediction: &Prediction) -> String {
    let mut text = prediction.image.clone();
    for top in &prediction.top {
        text += &format!("\n  {:6.2} %  {}", 100.0 * top.probability, top.label);
    }
    text
}

fn csv(prediction: &Prediction) -> String {
    let row = |(rank, top): (usize, &Top)| {
        csv_row(&[
            prediction.image.clone(),
            (rank + 1).to_string(),
            top.index.to_string(),
            top.label.clone(),
            top.probability.to_string(),
        ])
    };
    let rows: Vec<String> = prediction.top.iter().enumerate().map(row).collect();
    rows.join("\n")
}

/// One row, quoted where need be, without the end of its line.
fn csv_row(cells: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let written = writer.write_record(cells).ok();
    let bytes = written.and_then(|()| writer.into_inner().ok());
    let row = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    row.trim_end_matches(['\r', '\n']).to_owned()
}
