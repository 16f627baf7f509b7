//! A trained network and pictures for it, as the commands that look into networks are given them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use triaxis_engine::ops::Augment;
use triaxis_models::Spec;

use crate::checkpoint::{self, NamedTensor, Pointer, Snapshot, tensors};
use crate::data::{Interpolation, Picture, fit, read_picture};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// Which network, with which weights.
#[derive(Debug, Args)]
pub(super) struct Trained {
    /// Network: a name of `triaxis models` or a TOML file [default: that of the run that made the weights]
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Weights: a .safetensors file, a run's folder or a checkpoint in it
    #[arg(
        long,
        alias = "checkpoint",
        value_name = "PATH",
        help_heading = "Model"
    )]
    weights: Option<PathBuf>,
    /// Classes [default: those of the weights' run, or the network's]
    #[arg(long, help_heading = "Model")]
    num_classes: Option<usize>,
    /// Side of the images, pixels [default: that of the weights' run, or the network's]
    #[arg(long, value_name = "PIXELS", help_heading = "Model")]
    img_size: Option<usize>,
}

/// A network with its numbers.
pub(super) struct Loaded {
    pub(super) spec: Spec,
    /// Under the network's names.
    pub(super) weights: Vec<NamedTensor>,
    /// What the outputs are called; empty where nothing tells.
    pub(super) classes: Vec<String>,
}

impl Trained {
    /// The network alone; of weights only what says which network they are of.
    pub(super) fn spec(&self) -> Result<Spec> {
        let recipe = self.weights.as_deref().and_then(recipe_beside);
        self.spec_of(recipe.as_ref(), &[])
    }

    /// Network and weights.
    pub(super) fn load(&self) -> Result<Loaded> {
        let Some(path) = &self.weights else {
            let help = "Give a .safetensors file or a folder of `triaxis train`";
            return Err(Error::config("--weights", "it is not given", help));
        };
        let (weights, classes) = match path.is_dir() {
            true => {
                let Snapshot { model, origin, .. } = checkpoint::load(&checkpoint_in(path)?)?;
                (model, origin.classes)
            }
            false => (tensors::read(path)?.tensors, Vec::new()),
        };
        let counted = |t: &NamedTensor| !t.name.ends_with("num_batches_tracked");
        Ok(Loaded {
            spec: self.spec_of(recipe_beside(path).as_ref(), &classes)?,
            weights: weights.into_iter().filter(counted).collect(),
            classes,
        })
    }

    fn spec_of(&self, recipe: Option<&Recipe>, classes: &[String]) -> Result<Spec> {
        let Some(model) = self.model.as_ref().or(recipe.map(|r| &r.model)) else {
            return Err(Error::config(
                "--model",
                "it is not given, and the weights do not say of which network they are",
                "Give a name of `triaxis models` or a TOML file",
            ));
        };
        let mut spec = Spec::find(model)?;
        let of_run = recipe.and_then(|r| r.img_size);
        spec.resolution = self.img_size.or(of_run).unwrap_or(spec.resolution);
        let of_run = Some(classes.len()).filter(|&count| count > 0);
        spec.num_classes = self.num_classes.or(of_run).unwrap_or(spec.num_classes);
        spec.check()?;
        Ok(spec)
    }
}

impl Loaded {
    /// What an output is called: its class, or its number.
    pub(super) fn label(&self, class: usize) -> String {
        match self.classes.get(class) {
            Some(name) => name.clone(),
            None => class.to_string(),
        }
    }
}

/// The checkpoint that a folder is, or that it has as its best or last.
fn checkpoint_in(folder: &Path) -> Result<PathBuf> {
    let pointers = [Pointer::Best, Pointer::Last];
    match pointers.iter().find(|p| folder.join(p.name()).is_file()) {
        Some(&pointer) => checkpoint::follow(folder, pointer),
        None => Ok(folder.to_owned()),
    }
}

/// The recipe of the run that a folder holds or belongs to.
fn recipe_beside(path: &Path) -> Option<Recipe> {
    let mut folders = path.ancestors().take(3);
    folders.find_map(|folder| Recipe::load(&folder.join("args.toml")).ok())
}

/// A picture as a person and as the network sees it.
pub(super) struct Prepared {
    pub(super) picture: Picture,
    /// `[r, r, 3]`, normalised.
    pub(super) numbers: Vec<f32>,
}

/// Reads and prepares a picture for images of `side` pixels.
pub(super) fn prepare(path: &Path, side: usize) -> Result<Prepared> {
    let picture = read_picture(path)?;
    let square = fit(&picture, side, Interpolation::default());
    let Augment { mean, std, .. } = Augment::default();
    let number = |(i, &byte): (usize, &u8)| (f32::from(byte) / 255.0 - mean[i % 3]) / std[i % 3];
    Ok(Prepared {
        numbers: square.rgb.iter().enumerate().map(number).collect(),
        picture,
    })
}

/// The picture, or none where it cannot be used: that is told on standard error, and the others go on.
pub(super) fn usable(prepared: Result<Prepared>) -> Option<Prepared> {
    // The exit code tells where nobody reads.
    let tell = |error: &Error| drop(writeln!(io::stderr(), "{error}"));
    prepared.inspect_err(tell).ok()
}

/// The error at the end of a command that had to leave out some pictures.
pub(super) fn all_usable(pictures: &[PathBuf], left_out: usize) -> Result<()> {
    match (left_out, pictures.first()) {
        (0, _) | (_, None) => Ok(()),
        (count, Some(first)) => Err(Error::data(
            first,
            format!("{count} of {} pictures cannot be used", pictures.len()),
            "Each is told on standard error: repair, replace or leave them out",
        )),
    }
}

/// Writes a whole file, or none.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let needed = Some(bytes.len() as u64);
    crate::output::write_atomically(path, bytes)
        .map_err(|error| Error::disk("write", path, needed, error))
}
