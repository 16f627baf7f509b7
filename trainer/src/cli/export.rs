//! `triaxis export`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use triaxis_models::Naming;

use super::print;
use super::target;
use super::trained::{Loaded, Trained};
use crate::data::Preprocess;
use crate::error::{Error, Result};
use crate::export::{BatchNorms, OnnxOptions, Precision, SafetensorsOptions, onnx, safetensors};

/// Options of `triaxis export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    network: Trained,
    /// File to write
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// Kind of file [default: what the file's name ends in]
    #[arg(long, value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// Keep batch norms as they are: ONNX
    #[arg(long, help_heading = "Output")]
    no_fold: bool,
    /// Whose names the tensors get: safetensors [default: timm]
    #[arg(long, value_enum, help_heading = "Output")]
    naming: Option<Names>,
    /// How numbers are stored: safetensors [default: f32]
    #[arg(long, value_enum, help_heading = "Output")]
    dtype: Option<Dtype>,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The network with its weights, for ONNX runtimes
    Onnx,
    /// The weights, for PyTorch
    Safetensors,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Names {
    Timm,
    Torchvision,
    Pycls,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dtype {
    F32,
    F16,
}

impl Export {
    pub(super) fn run(&self) -> Result<()> {
        let format = self.format()?;
        target::file("--out", &self.out, self.network.sources())?;
        let loaded = self.network.load()?;
        let bytes = match format {
            Format::Onnx => self.onnx(&loaded)?,
            Format::Safetensors => self.safetensors(&loaded)?,
        };
        target::write("--out", "write the export", &self.out, &bytes)?;
        if self.json {
            let (model, side) = (&loaded.spec.name, loaded.spec.resolution);
            return print::json(&json!({
                "out": self.out,
                "bytes": bytes.len(),
                "model": model,
                "resolution": side,
                "num_classes": loaded.spec.num_classes,
            }));
        }
        let size = print::bytes(bytes.len() as u64);
        print::text(&format!("{}: {size}", self.out.display()))
    }

    /// The kind of file that is asked for, with no option that belongs to another.
    fn format(&self) -> Result<Format> {
        let format = match self.format {
            Some(format) => format,
            None => by_name(&self.out)?,
        };
        // A file of weights does not say how pictures are prepared.
        let mut onnx = vec![("--no-fold", self.no_fold)];
        onnx.extend(self.network.of_pictures());
        let safetensors = [
            ("--naming", self.naming.is_some()),
            ("--dtype", self.dtype.is_some()),
        ];
        let strange: &[(&str, bool)] = match format {
            Format::Onnx => &safetensors,
            Format::Safetensors => &onnx,
        };
        match strange.iter().find(|(_, given)| *given) {
            None => Ok(format),
            Some((option, _)) => Err(Error::config(
                *option,
                "it does not apply to this kind of file",
                "Leave it out, or give another --format",
            )),
        }
    }

    fn onnx(&self, loaded: &Loaded) -> Result<Vec<u8>> {
        let Preprocess {
            crop_pct,
            interpolation,
            mean,
            std,
            ..
        } = loaded.preprocess;
        let numbers = |numbers: [f32; 3]| numbers.map(|x| x.to_string()).join(" ");
        let mut metadata = vec![
            ("input.mean".to_owned(), numbers(mean)),
            ("input.std".to_owned(), numbers(std)),
            ("input.crop_pct".to_owned(), crop_pct.to_string()),
            (
                "input.interpolation".to_owned(),
                format!("{interpolation:?}").to_lowercase(),
            ),
        ];
        if !loaded.classes.is_empty() {
            metadata.push(("classes".into(), loaded.classes.join("\n")));
        }
        let batch_norms = match self.no_fold {
            true => BatchNorms::Kept,
            false => BatchNorms::Folded,
        };
        let options = OnnxOptions {
            batch_norms,
            metadata,
        };
        onnx(&loaded.spec, &loaded.weights, &options)
    }

    fn safetensors(&self, loaded: &Loaded) -> Result<Vec<u8>> {
        let options = SafetensorsOptions {
            naming: match self.naming {
                None | Some(Names::Timm) => Naming::Timm,
                Some(Names::Torchvision) => Naming::Torchvision,
                Some(Names::Pycls) => Naming::Pycls,
            },
            precision: match self.dtype {
                None | Some(Dtype::F32) => Precision::F32,
                Some(Dtype::F16) => Precision::F16,
            },
        };
        safetensors(&loaded.spec, &loaded.weights, &options)
    }
}

fn by_name(path: &Path) -> Result<Format> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("onnx") => Ok(Format::Onnx),
        Some("safetensors") => Ok(Format::Safetensors),
        _ => Err(Error::config(
            "--format",
            "it is not given, and the file's name does not end in .onnx or .safetensors",
            "Give one of them",
        )),
    }
}
