//! The options of all commands that ask a trained network: which one, with which weights, how pictures are prepared.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use triaxis_engine::{Gpu, Precision};
use triaxis_models::Spec;

use super::halving::Misfit;
use super::number::at_least;
use crate::classifier::{Classifier, ClassifierOptions};
use crate::data::{Interpolation, LoaderOptions, Preprocess, Views};
use crate::error::{Error, Result};
use crate::import::is_onnx;
use crate::weights::{FitOptions, LoadOptions, Weights};

/// Largest file of labels, in bytes.
const LARGEST_LABELS: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Network: a name of `triaxis models`, a TOML file, or an ONNX file, which brings its weights [default: what lies beside the
    /// weights tells]
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Weights: a .safetensors file or its index, an ONNX file, a run's folder or a checkpoint in it, or hf://OWNER/NAME
    #[arg(
        long,
        alias = "checkpoint",
        value_name = "PATH",
        required_unless_present = "model",
        help_heading = "Model"
    )]
    weights: Option<PathBuf>,
    /// Classes; where the weights have others, the classifier begins anew [default: those of the weights]
    #[arg(long, help_heading = "Model")]
    num_classes: Option<usize>,
    /// Go on where tensors are missing, extra or of another shape
    #[arg(long, help_heading = "Model")]
    partial: bool,
    /// Take weights that hold numbers which are not finite, such as those of a run that diverged
    #[arg(long = "allow-nonfinite", help_heading = "Model")]
    allow_non_finite: bool,
    /// How activations are stored: f16 halves memory and traffic
    #[arg(long, value_enum, default_value = "f32", help_heading = "Model")]
    precision: Storage,
    /// Pictures that are computed at once
    #[arg(short, long, value_parser = at_least(1), help_heading = "Data")]
    batch_size: Option<usize>,
    /// End with an error where a batch does not fit the device, instead of halving it; the result is the same
    #[arg(long, help_heading = "Data")]
    no_retry: bool,
    /// Threads that decode pictures; does not change the result
    #[arg(short = 'j', long, value_parser = at_least(1), help_heading = "Data")]
    workers: Option<usize>,
    #[command(flatten)]
    pictures: Pictures,
    /// Look at more of each picture and average the logits: flip or five-crop
    #[arg(long, value_enum, help_heading = "Pictures")]
    tta: Option<TestTime>,
}

/// How pictures are prepared.
#[derive(Clone, Debug, Args)]
pub(super) struct Pictures {
    /// Side of what the network sees, pixels [default: the weights']
    #[arg(long, value_name = "PIXELS", help_heading = "Pictures")]
    img_size: Option<usize>,
    /// The part of the shorter side that the network sees [default: the weights']
    #[arg(long, value_name = "PART", help_heading = "Pictures")]
    crop_pct: Option<f64>,
    /// How pictures are resized: nearest, bilinear, bicubic or lanczos [default: the weights']
    #[arg(long, value_enum, help_heading = "Pictures")]
    interpolation: Option<Resampling>,
    /// Means of red, green and blue on a scale where white is 1 [default: the weights']
    #[arg(long, num_args = 3, value_names = ["R", "G", "B"], help_heading = "Pictures")]
    mean: Option<Vec<f32>>,
    /// Deviations of red, green and blue [default: the weights']
    #[arg(long, num_args = 3, value_names = ["R", "G", "B"], help_heading = "Pictures")]
    std: Option<Vec<f32>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Storage {
    F32,
    F16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Resampling {
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TestTime {
    /// The middle and its mirror image
    Flip,
    /// The middle and the corners
    FiveCrop,
}

/// What may be read of a folder of weights.
const OF_FOLDERS: [&str; 6] = [
    "args.toml",
    "best",
    "config.json",
    "last",
    "model.safetensors",
    "model.safetensors.index.json",
];

/// The files that a network and its weights may be read from, whether or not they are there.
pub(super) fn sources(model: Option<&str>, weights: Option<&Path>) -> Vec<PathBuf> {
    let mut sources: Vec<PathBuf> = model.map(PathBuf::from).into_iter().collect();
    if let Some(weights) = weights {
        sources.push(weights.to_owned());
        sources.extend(OF_FOLDERS.iter().map(|name| weights.join(name)));
    }
    sources
}

/// The network's name, where that is not the weights' to tell, and where the weights are: an ONNX file that is named as the network
/// has both.
pub(super) fn places<'a>(
    model: Option<&'a str>,
    weights: Option<&'a Path>,
) -> Result<(Option<&'a str>, &'a Path)> {
    match (model, weights) {
        (model, Some(weights)) => Ok((model, weights)),
        (Some(model), None) if is_onnx(Path::new(model)) => Ok((None, Path::new(model))),
        (_, None) => Err(Error::config(
            "--weights",
            "it is not given",
            "Give a .safetensors file or a folder of `triaxis train`, or an ONNX file as --model",
        )),
    }
}

/// A network with the weights that were asked for, not yet on a device.
pub(super) struct Trained {
    pub(super) spec: Spec,
    pub(super) weights: Weights,
    pub(super) options: ClassifierOptions,
    workers: Option<usize>,
}

impl Evaluate {
    /// The files that the network may be read from.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        sources(self.model.as_deref(), self.weights.as_deref())
    }

    /// What is done about a batch that does not fit.
    pub(super) fn misfit(&self) -> Misfit {
        Misfit::of(self.no_retry)
    }

    /// Reads the weights and finds out the network; `batch_size` where the options leave it out.
    pub(super) fn load(&self, batch_size: usize) -> Result<Trained> {
        let options = LoadOptions {
            allow_non_finite: self.allow_non_finite,
        };
        let (model, path) = places(self.model.as_deref(), self.weights.as_deref())?;
        let weights = Weights::load_with(path, &options)?;
        let mut spec = weights.spec(model)?;
        let preprocess = self.pictures.preprocess(&spec, &weights)?;
        spec.resolution = preprocess.size;
        spec.num_classes = match self.num_classes {
            Some(classes) => classes,
            None => weights.num_classes(&spec)?.unwrap_or(spec.num_classes),
        };
        spec.check()?;
        let options = ClassifierOptions {
            batch_size: self.batch_size.unwrap_or(batch_size),
            preprocess: Some(preprocess),
            views: match self.tta {
                None => Views::Centre,
                Some(TestTime::Flip) => Views::Flip,
                Some(TestTime::FiveCrop) => Views::FiveCrop,
            },
            labels: Vec::new(),
            fit: FitOptions {
                partial: self.partial,
                new_head: self.num_classes.is_some(),
            },
            precision: match self.precision {
                Storage::F32 => Precision::F32,
                Storage::F16 => Precision::F16,
            },
        };
        Ok(Trained {
            spec,
            weights,
            options,
            workers: self.workers,
        })
    }
}

impl Pictures {
    /// The options, and whether each is given.
    pub(super) fn given(&self) -> [(&'static str, bool); 5] {
        [
            ("--img-size", self.img_size.is_some()),
            ("--crop-pct", self.crop_pct.is_some()),
            ("--interpolation", self.interpolation.is_some()),
            ("--mean", self.mean.is_some()),
            ("--std", self.std.is_some()),
        ]
    }

    /// What is done to pictures: what the weights want, but for what the options say.
    pub(super) fn preprocess(&self, spec: &Spec, weights: &Weights) -> Result<Preprocess> {
        let mut preprocess = Classifier::preprocess_for(spec, weights);
        preprocess.size = self.img_size.unwrap_or(preprocess.size);
        preprocess.crop_pct = self.crop_pct.unwrap_or(preprocess.crop_pct);
        if let Some(resampling) = self.interpolation {
            preprocess.interpolation = match resampling {
                Resampling::Nearest => Interpolation::Nearest,
                Resampling::Bilinear => Interpolation::Bilinear,
                Resampling::Bicubic => Interpolation::Bicubic,
                Resampling::Lanczos => Interpolation::Lanczos,
            };
        }
        for (given, numbers) in [
            (&self.mean, &mut preprocess.mean),
            (&self.std, &mut preprocess.std),
        ] {
            if let Some(given) = given {
                numbers.copy_from_slice(given);
            }
        }
        preprocess.check()?;
        Ok(preprocess)
    }
}

impl Trained {
    /// On a device, for so many pictures at once.
    pub(super) fn open(&self, gpu: &Gpu, batch_size: usize) -> Result<Classifier> {
        let options = ClassifierOptions {
            batch_size,
            ..self.options.clone()
        };
        Classifier::open(gpu, &self.spec, &self.weights, options)
    }

    /// How pictures are prepared.
    pub(super) fn preprocess(&self) -> Preprocess {
        let given = self.options.preprocess;
        given.unwrap_or_else(|| Classifier::preprocess_for(&self.spec, &self.weights))
    }

    /// How a loader prepares so many pictures for the classifier: in order, none twice, a few batches ahead.
    pub(super) fn loader_options(&self, batch_size: usize) -> LoaderOptions {
        let preprocess = self.preprocess();
        let default = LoaderOptions::default();
        LoaderOptions {
            batch: batch_size.max(1),
            side: preprocess.size,
            resized: Some(preprocess.resized()),
            interpolation: preprocess.interpolation,
            views: self.options.views,
            workers: self.workers.unwrap_or(default.workers),
            shuffle: false,
            drop_last: false,
            cache_bytes: 0,
            ..default
        }
    }
}

/// The labels in a text file, one a line.
pub(super) fn read_labels(path: &Path) -> Result<Vec<String>> {
    let refuse = |problem: String| {
        Error::config(
            path.display().to_string(),
            problem,
            "Give a text file with one label a line, in the order of the network's outputs",
        )
    };
    let mut bytes = Vec::new();
    // Not by the length that the system tells: devices and pipes have none.
    File::open(path)
        .and_then(|file| file.take(LARGEST_LABELS + 1).read_to_end(&mut bytes))
        .map_err(|e| refuse(format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > LARGEST_LABELS {
        return Err(refuse(format!("is larger than {LARGEST_LABELS} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("is no UTF-8 text".into()))?;
    let labels: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    match labels.iter().position(String::is_empty) {
        Some(line) => Err(refuse(format!("line {} is empty", line + 1))),
        None if labels.is_empty() => Err(refuse("is empty".into())),
        None => Ok(labels),
    }
}
