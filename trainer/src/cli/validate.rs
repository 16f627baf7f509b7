//! `triaxis validate`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use triaxis_engine::Gpu;

use super::device::Device;
use super::evaluate::{Evaluate, Trained, read_labels};
use super::halving::{Try, fitting};
use super::links::Links;
use super::print;
use super::target;
use crate::classifier::{Classifier, Measured, Measurement};
use crate::data::{DataError, DataOptions, Dataset, Loader, Preprocess, open_validation};
use crate::error::{Error, Result};
use crate::progress::{Pass, Phase, Progress, Verbosity};

/// Pictures that are computed at once unless told otherwise.
const BATCH: usize = 32;

/// Options of `triaxis validate`.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Data: class folders, in `val/` or alone, tar archives, Parquet files, CIFAR binary batches, IDX files, or `synthetic[:COUNT]`
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    data_dir: String,
    /// Names of the outputs, a text file of one a line, by which class folders are found [default: the weights']
    #[arg(long, alias = "labels", value_name = "FILE", help_heading = "Data")]
    class_map: Option<PathBuf>,
    /// Chooses what is held out, of data without validation of its own, and what `synthetic` draws
    #[arg(long, default_value_t = crate::recipe::Recipe::default().seed, help_heading = "Data")]
    seed: u64,
    #[command(flatten)]
    links: Links,
    #[command(flatten)]
    network: Evaluate,
    /// Write a row with timm's columns to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    results_file: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Say nothing but errors and the result
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    device: Device,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    measured: Measured,
    images_per_second: f64,
    /// Pictures that were computed at once.
    batch_size: usize,
}

/// What is measured on what.
struct Work<'a> {
    trained: &'a Trained,
    gpu: &'a Gpu,
    data: &'a Arc<dyn Dataset>,
    /// The network's output of each class.
    outputs: &'a [usize],
}

impl Validate {
    pub(super) fn run(&self) -> Result<()> {
        if let Some(path) = &self.results_file {
            let data = [Some(Path::new(&self.data_dir)), self.class_map.as_deref()];
            let sources = self.network.sources();
            let sources = sources.iter().map(PathBuf::as_path);
            target::file(
                "--results-file",
                path,
                sources.chain(data.into_iter().flatten()),
            )?;
        }
        let trained = self.network.load(BATCH)?;
        let options = DataOptions {
            seed: self.seed,
            follow_links: self.links.follow_links,
            synthetic_side: trained.spec.resolution,
            ..DataOptions::default()
        };
        let (data, notes) = open_validation(&self.data_dir, &options)?;
        let names = match &self.class_map {
            Some(path) => read_labels(path)?,
            None => trained.weights.classes.clone(),
        };
        let data_dir = Path::new(&self.data_dir);
        let outputs = outputs(data_dir, data.classes(), &names, trained.spec.num_classes)?;
        let mut progress = Progress::new(match self.quiet {
            true => Verbosity::Quiet,
            false => Verbosity::Normal,
        });
        let gpu = self.device.open()?;
        notes.iter().for_each(|note| progress.note(note));
        let work = Work {
            trained: &trained,
            gpu: &gpu,
            data: &data,
            outputs: &outputs,
        };
        let asked = trained.options.batch_size;
        let report = fitting(asked, self.network.misfit(), |attempt| {
            work.report(attempt, &mut progress)
        })?;
        // What was measured is told, whatever becomes of the file.
        self.print(&report)?;
        let Some(path) = &self.results_file else {
            return Ok(());
        };
        let params = spec_parameters(&trained.spec)?;
        let name = trained.spec.name.as_str();
        let row = timm_row(name, &report.measured, params, &trained.preprocess());
        target::write("--results-file", "write the results", path, row)
    }

    fn print(&self, report: &Report) -> Result<()> {
        if self.json {
            return print::json(report);
        }
        let measured = &report.measured;
        print::text(&format!(
            "top-1 {:.2} %, top-5 {:.2} %, loss {:.4}, {} images, {:.1} images/s",
            measured.top1, measured.top5, measured.loss, measured.images, report.images_per_second
        ))
    }
}

impl Work<'_> {
    /// Asks about all pictures, as many at once as this try says.
    fn report(&self, attempt: &Try<'_>, progress: &mut Progress) -> Result<Report> {
        let batch_size = attempt.batch;
        let classifier = self.trained.open(self.gpu, batch_size)?;
        let notice = attempt.notice();
        let told = notice.iter().chain(classifier.notes());
        told.for_each(|note| progress.note(note));
        let options = self.trained.loader_options(batch_size);
        let loader = Loader::new(Arc::clone(self.data), options)?;
        progress.begin(Pass {
            phase: Phase::Evaluate,
            epoch: 0,
            epochs: 1,
            steps: loader.batches(),
            skipped: 0,
            batch_size,
        });
        let began = Instant::now();
        let measured = self.measured(&classifier, &loader, progress);
        let seconds = began.elapsed().as_secs_f64();
        progress.end();
        let measured = measured?;
        for (_, why) in loader.damaged() {
            progress.note(&why);
        }
        Ok(Report {
            images_per_second: measured.images as f64 / seconds.max(1e-9),
            measured,
            batch_size,
        })
    }

    fn measured(
        &self,
        classifier: &Classifier,
        loader: &Loader,
        progress: &mut Progress,
    ) -> Result<Measured> {
        let mut measurement = Measurement::default();
        for (done, batch) in loader.epoch(0, 0).enumerate() {
            let batch = batch?;
            let picture_bytes = batch.images.len() / batch.labels.len().max(1);
            let words = &batch.images[..batch.valid * picture_bytes];
            let logits = classifier.logits_of_words(words)?;
            for (logits, &label) in logits.iter().zip(&batch.labels) {
                measurement.add(logits, self.outputs[label as usize]);
            }
            progress.step(done + 1, None, None);
        }
        Ok(measurement.result())
    }
}

/// The network's output of each class of the data: by name where names are known, else by position.
fn outputs(
    data_dir: &Path,
    classes: &[String],
    names: &[String],
    count: usize,
) -> Result<Vec<usize>> {
    let refuse = |problem: String| {
        Error::data(
            data_dir,
            problem,
            "Name the class folders as in training, or give the outputs' names with --class-map",
        )
    };
    if names.is_empty() {
        if classes.len() != count {
            return Err(refuse(format!(
                "it has {} classes, the network tells {count} apart, and the weights do not name them",
                classes.len()
            )));
        }
        return Ok((0..count).collect());
    }
    if names.len() != count {
        return Err(refuse(format!(
            "{} names are given, the network tells {count} classes apart",
            names.len()
        )));
    }
    let places: Vec<Option<usize>> = classes.iter().map(|class| place(class, names)).collect();
    let unknown: Vec<String> = classes
        .iter()
        .zip(&places)
        .filter(|(_, place)| place.is_none())
        .map(|(class, _)| class.clone())
        .collect();
    if !unknown.is_empty() {
        return Err(DataError::ForeignClasses {
            path: data_dir.to_owned(),
            extra: unknown,
            training: names.to_vec(),
        }
        .into());
    }
    for (i, at) in places.iter().enumerate() {
        if let Some(first) = places[..i].iter().position(|other| other == at) {
            return Err(refuse(format!(
                "the folders `{}` and `{}` are both of one output",
                classes[first], classes[i]
            )));
        }
    }
    Ok(places.into_iter().flatten().collect())
}

/// The place of a class among the outputs' names; by the first word of a name where that is no other's:
/// a line may go on behind it, `n01440764 tench`.
fn place(class: &str, names: &[String]) -> Option<usize> {
    let whole = names.iter().position(|name| name == class);
    let first_word = || {
        let is = |name: &&String| name.split_whitespace().next() == Some(class);
        match names.iter().filter(is).count() {
            1 => names.iter().position(|name| is(&name)),
            _ => None,
        }
    };
    whole.or_else(first_word)
}

fn spec_parameters(spec: &triaxis_models::Spec) -> Result<u64> {
    Ok(super::models::drawn(spec)?.complexity().params)
}

/// A heading and a row as timm's `validate.py --results-file` writes them.
fn timm_row(model: &str, measured: &Measured, params: u64, preprocess: &Preprocess) -> String {
    let round = |x: f64, digits: i32| {
        let scale = 10f64.powi(digits);
        (x * scale).round() / scale
    };
    let interpolation = format!("{:?}", preprocess.interpolation).to_lowercase();
    format!(
        "model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,interpolation\n\
         {model},{},{},{},{},{},{},{},{interpolation}\n",
        round(measured.top1, 4),
        round(100.0 - measured.top1, 4),
        round(measured.top5, 4),
        round(100.0 - measured.top5, 4),
        round(params as f64 / 1e6, 2),
        preprocess.size,
        preprocess.crop_pct,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.into()).collect()
    }

    #[test]
    fn classes_are_matched_by_name_and_else_by_position() {
        let place = Path::new("data");
        let names = words(&["cat", "dog", "n01 tench"]);
        let found = outputs(place, &words(&["dog", "n01"]), &names, 3).unwrap();
        assert_eq!(found, [1, 2]);
        let found = outputs(place, &words(&["x", "y"]), &[], 2).unwrap();
        assert_eq!(found, [0, 1]);
        // A whole name goes before a first word, and a first word of two names is none's.
        let sharks = words(&["tiger shark", "tiger", "tiger cat"]);
        let found = outputs(place, &words(&["tiger"]), &sharks, 3).unwrap();
        assert_eq!(found, [1]);
        for (classes, names, parts) in [
            (words(&["cow"]), names.clone(), ["cow", "tench"]),
            (words(&["x"]), Vec::new(), ["1 classes", "--class-map"]),
            (words(&["x"]), words(&["x"]), ["1 names", "3 classes"]),
            (
                words(&["great"]),
                words(&["great shark", "great grey owl", "hen"]),
                ["great", "hen"],
            ),
            (
                words(&["n01", "n01 tench"]),
                names.clone(),
                ["`n01` and `n01 tench`", "one output"],
            ),
        ] {
            let error = outputs(place, &classes, &names, 3).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            let text = error.to_string();
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn results_have_timms_columns() {
        let measured = Measured {
            top1: 76.543_21,
            top5: 100.0,
            images: 7,
            loss: 1.0,
        };
        let preprocess = Preprocess::published("efficientnet_b0").unwrap();
        let text = timm_row("efficientnet_b0", &measured, 5_288_548, &preprocess);
        let row = text.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "efficientnet_b0,76.5432,23.4568,100,0,5.29,224,0.875,bicubic"
        );
        assert_eq!(text.lines().next().unwrap().split(',').count(), 9);
    }
}
