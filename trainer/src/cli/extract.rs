//! `triaxis extract`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::device::Device;
use super::halving::{Misfit, fitting};
use super::links::Links;
use super::pictures::{all_usable, each_prepared, files, tell};
use super::print;
use super::target;
use super::trained::Trained;
use crate::checkpoint::{NamedTensor, tensors};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::features::{ExtractOptions, Extractor, Layer, layers};
use crate::npy;

/// Options of `triaxis extract`.
#[derive(Debug, Args)]
pub(super) struct Extract {
    /// Pictures: files, folders, patterns such as 'photos/*.jpg', or - for one on standard input
    #[arg(value_name = "PICTURE", required_unless_present = "list")]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    links: Links,
    #[command(flatten)]
    network: Trained,
    /// Layer whose output is wanted; may be given several times
    #[arg(
        long = "node",
        value_name = "NAME",
        required_unless_present = "list",
        help_heading = "Output"
    )]
    nodes: Vec<String>,
    /// File to write: .npy for one layer, .safetensors for any number
    #[arg(
        short,
        long,
        value_name = "FILE",
        required_unless_present = "list",
        help_heading = "Output"
    )]
    out: Option<PathBuf>,
    /// Print the layers' names and shapes, and do nothing else
    #[arg(long, help_heading = "Output")]
    list: bool,
    /// Pictures that are computed at once
    #[arg(short, long, default_value_t = 8, help_heading = "Output")]
    batch_size: usize,
    /// End with an error where a batch does not fit the device, instead of halving it; the features are the same
    #[arg(long, help_heading = "Output")]
    no_retry: bool,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: Device,
}

/// Makes a file of the layers' features.
type Encode = fn(&[NamedTensor]) -> Result<Vec<u8>>;

impl Extract {
    pub(super) fn run(&self) -> Result<()> {
        match &self.out {
            Some(out) if !self.list => self.extract(out),
            _ => self.list(&layers(&self.network.spec()?)?),
        }
    }

    fn list(&self, layers: &[Layer]) -> Result<()> {
        if self.json {
            return print::json(&layers);
        }
        let row = |layer: &Layer| {
            let [h, w, c] = layer.shape;
            [layer.name.clone(), format!("{h}×{w}×{c}")]
        };
        let rows: Vec<_> = layers.iter().map(row).collect();
        print::text(&print::table(["layer", "output"], &rows))
    }

    fn extract(&self, out: &Path) -> Result<()> {
        let encode = self.format(out)?;
        if self.batch_size == 0 {
            return Err(Error::config("--batch-size", "it is 0", "Give 1 or more"));
        }
        let sources = self.network.sources();
        target::file("--out", out, self.pictures.iter().chain(&sources))?;
        let files = files(&self.pictures, self.links)?;
        let loaded = self.network.load()?;
        let asked = self.batch_size.min(files.len());
        let gpu = self.device.open()?;
        let open = |batch_size| {
            let options = ExtractOptions {
                layers: self.nodes.clone(),
                batch_size,
            };
            Extractor::new(&gpu, &loaded.spec, &loaded.weights, &options)
        };
        let (mut extractor, batch_size) = fitting(asked, Misfit::of(self.no_retry), |attempt| {
            let extractor = open(attempt.batch)?;
            attempt.notice().iter().for_each(|note| tell(note));
            Ok((extractor, attempt.batch))
        })?;
        let mut features: Vec<NamedTensor> = Vec::new();
        let (mut used, mut batch, mut waiting) = (Vec::new(), Vec::new(), 0);
        let left_out = each_prepared(&files, &loaded.preprocess, |index, picture| {
            used.push(files.name(index));
            batch.extend(picture.numbers);
            waiting += 1;
            if waiting == batch_size {
                append(&mut features, extractor.extract(&batch)?);
                batch.clear();
                waiting = 0;
            }
            Ok(())
        })?;
        if waiting > 0 {
            append(&mut features, extractor.extract(&batch)?);
        }
        if used.is_empty() {
            return all_usable(&self.pictures, &files, left_out);
        }
        target::write("--out", "write the features", out, &encode(&features)?)?;
        if self.json {
            let shapes = features
                .iter()
                .map(|t| json!({"name": t.name, "shape": t.shape}));
            let shapes: Vec<_> = shapes.collect();
            print::json(&json!({"out": out, "pictures": used, "features": shapes}))?;
        } else {
            let row = |t: &NamedTensor| {
                let sides: Vec<String> = t.shape.iter().map(usize::to_string).collect();
                [t.name.clone(), sides.join("×")]
            };
            let rows: Vec<_> = features.iter().map(row).collect();
            let table = print::table(["layer", "features"], &rows);
            print::text(&format!("{table}\nin {}", out.display()))?;
        }
        all_usable(&self.pictures, &files, left_out)
    }

    /// How the file that is asked for is made.
    fn format(&self, out: &Path) -> Result<Encode> {
        let wrong = |problem, help| Err(Error::config(out.display().to_string(), problem, help));
        match out.extension().and_then(|e| e.to_str()) {
            Some("safetensors") => Ok(|features| {
                let twice = |problem| Error::config("--node", problem, "Give each layer once");
                tensors::encode(features).map_err(twice)
            }),
            Some("npy") if self.nodes.len() == 1 => {
                Ok(|features| Ok(npy::encode(&features[0].shape, &features[0].data)))
            }
            Some("npy") => wrong(
                "an .npy file holds one layer, several are asked for",
                "Give a .safetensors file",
            ),
            _ => wrong(
                "its name does not say what file it is",
                "Give a name that ends in .npy or .safetensors",
            ),
        }
    }
}

/// Adds the features of more images behind those before.
fn append(features: &mut Vec<NamedTensor>, more: Vec<NamedTensor>) {
    if features.is_empty() {
        *features = more;
        return;
    }
    for (tensor, more) in features.iter_mut().zip(more) {
        tensor.shape[0] += more.shape[0];
        tensor.data.extend(more.data);
    }
}
