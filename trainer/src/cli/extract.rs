//! `triaxis extract`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use triaxis_models::Spec;

use super::device::Device;
use super::halving::{Misfit, fitting};
use super::links::Links;
use super::number::at_least;
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
        required_unless_present_any = ["list", "stages"],
        help_heading = "Output"
    )]
    nodes: Vec<String>,
    /// Stage whose output is wanted, from 1 as the network's family counts them, 0 for the stem; may be given several times
    #[arg(long = "stage", value_name = "N", value_parser = at_least(0), help_heading = "Output")]
    stages: Vec<usize>,
    /// File to write: .npy for one layer, .safetensors for any number, .parquet too in a build with that cargo feature
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

/// Makes a file of the layers' features, of pictures of these names.
type Encode = fn(&[String], &[NamedTensor]) -> Result<Vec<u8>>;

/// How files end that can be written.
const ENDINGS: &str = match cfg!(feature = "parquet") {
    true => ".npy, .safetensors or .parquet",
    false => ".npy or .safetensors",
};

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
        let layers = wanted(&self.nodes, &self.stages, &loaded.spec)?;
        let asked = self.batch_size.min(files.len());
        let gpu = self.device.open()?;
        let open = |batch_size| {
            let options = ExtractOptions {
                layers: layers.clone(),
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
        target::write(
            "--out",
            "write the features",
            out,
            &encode(&used, &features)?,
        )?;
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
        let wrong = |problem: &str, help: String| {
            Err(Error::config(out.display().to_string(), problem, help))
        };
        match out.extension().and_then(|e| e.to_str()) {
            Some("safetensors") => Ok(|_, features| {
                let refused = |problem| Error::config("--out", problem, "Give fewer layers");
                tensors::encode(features).map_err(refused)
            }),
            Some("parquet") => parquet(out),
            Some("npy") if self.nodes.len() + self.stages.len() == 1 => {
                Ok(|_, features| Ok(npy::encode(&features[0].shape, &features[0].data)))
            }
            Some("npy") => wrong(
                "an .npy file holds one layer, several are asked for",
                "Give a .safetensors file".into(),
            ),
            _ => wrong(
                "its name does not say what file it is",
                format!("Give a name that ends in {ENDINGS}"),
            ),
        }
    }
}

/// How a Parquet file is made, by a program that can.
#[cfg(feature = "parquet")]
fn parquet(_: &Path) -> Result<Encode> {
    Ok(|pictures, features| {
        let refused = |error: ::parquet::errors::ParquetError| {
            let problem = format!("no Parquet file can be made: {error}");
            Error::config("--out", problem, "Give a .safetensors file")
        };
        crate::features::parquet::encode(pictures, features).map_err(refused)
    })
}

#[cfg(not(feature = "parquet"))]
fn parquet(out: &Path) -> Result<Encode> {
    Err(Error::config(
        out.display().to_string(),
        "this program writes no Parquet files: it was built without the cargo feature `parquet`",
        format!("Give a name that ends in {ENDINGS}, or build it with --features parquet"),
    ))
}

/// The layers that are asked for, by name: nodes, then stages.
fn wanted(nodes: &[String], stages: &[usize], spec: &Spec) -> Result<Vec<String>> {
    let mut layers = nodes.to_vec();
    for &stage in stages {
        let path = spec.network.stage_path(stage);
        layers.push(path.ok_or_else(|| no_stage(spec, stage))?);
    }
    match (1..layers.len()).find(|&i| layers[..i].contains(&layers[i])) {
        None => Ok(layers),
        Some(i) => Err(Error::config(
            "--node and --stage",
            format!("{} is asked for twice", layers[i]),
            "Give each layer once",
        )),
    }
}

/// Says which stages there are.
fn no_stage(spec: &Spec, stage: usize) -> Error {
    let known = (0..).map_while(|stage| Some((stage, spec.network.stage_path(stage)?)));
    let known: Vec<String> = known
        .map(|(stage, path)| format!("{stage} ({path})"))
        .collect();
    let (problem, help) = match known.is_empty() {
        true => (
            "has no stages",
            "Name a layer with --node, as --list prints them".into(),
        ),
        false => ("has no such stage", format!("It has {}", known.join(", "))),
    };
    Error::config(
        format!("--stage {stage}"),
        format!("{} {problem}", spec.name),
        help,
    )
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

#[cfg(test)]
mod tests {
    use triaxis_models::zoo;

    use super::*;

    #[test]
    fn nodes_come_before_stages_and_none_twice() {
        let spec = zoo("resnet18").unwrap();
        let nodes = ["layer4.0".to_owned()];
        let layers = wanted(&nodes, &[0, 3], &spec).unwrap();
        assert_eq!(layers, ["layer4.0", "maxpool", "layer3"]);
        let named = ["layer3".to_owned()];
        for (nodes, stages) in [(&named[..], &[3][..]), (&[][..], &[1, 2, 1][..])] {
            let error = wanted(nodes, stages, &spec).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("asked for twice"), "{error}");
        }
    }

    #[test]
    fn a_stage_that_is_not_there_brings_those_that_are() {
        for (name, stage, known) in [
            (
                "resnet18",
                5,
                "0 (maxpool), 1 (layer1), 2 (layer2), 3 (layer3), 4 (layer4).",
            ),
            (
                "regnety_004",
                9,
                "0 (stem), 1 (s1), 2 (s2), 3 (s3), 4 (s4).",
            ),
            ("tinynet_e", 8, "6 (blocks.5), 7 (blocks.6)."),
        ] {
            let error = wanted(&[], &[stage], &zoo(name).unwrap()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let text = error.to_string();
            let start = format!("--stage {stage}: {name} has no such stage");
            assert!(text.starts_with(&start) && text.ends_with(known), "{text}");
        }
    }
}
