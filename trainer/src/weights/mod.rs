//! Trained numbers from outside: public checkpoints and our own, made to fit a network.
//!
//! [`Weights::load`] takes a `.safetensors` file in any floating-point format, the index of a sharded one, a folder of
//! either, what `triaxis train` left (a run's folder, one of its checkpoints, `last` or `best`), or a place on the
//! Hugging Face Hub, `hf://timm/efficientnet_b0.ra_in1k` (with the cargo feature `hub`), or an ONNX file, which brings its
//! network ([`crate::import`]). [`Weights::fit`] then finds whose names the tensors carry and gives them those of the network, or refuses with a table of all that
//! differs. What is read is untrusted; Python's pickles, which are programs, are refused.

mod card;
mod fit;
mod hub;
mod sharded;
mod source;

use std::path::{Path, PathBuf};

pub use fit::{FitOptions, Fitted};

use triaxis_models::Spec;

use crate::checkpoint::{NamedTensor, tensors};
use crate::data::Preprocess;
use crate::error::{Error, Result};
use crate::import;

/// What weights may hold. Default: finite numbers only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Infinities and NaN are noted, not refused: to look into a run that diverged.
    pub allow_non_finite: bool,
}

/// Tensors as a file names them, with what else the file tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// Where they were read.
    pub path: PathBuf,
    /// The tensors, ordered by name, as f32.
    pub tensors: Vec<NamedTensor>,
    /// The classes' names in the order of the outputs; empty where nothing tells them.
    pub classes: Vec<String>,
    /// The network, by name or file, where something beside the weights tells: a run's recipe, timm's `config.json`.
    pub model: Option<String>,
    /// The network itself, where the weights tell: those of a checkpoint and of an ONNX file do.
    pub network: Option<Spec>,
    /// How the network wants its pictures, where something beside the weights tells.
    pub preprocess: Option<Preprocess>,
    /// What a person should know: which checkpoint was taken, what was converted.
    pub notes: Vec<String>,
}

impl Weights {
    /// The network that these are of: `model`, by name or file, TOML or ONNX, where it is given, else what the weights tell.
    ///
    /// # Errors
    ///
    /// Those of [`import::find`]; [`Error::Config`] where nothing tells.
    pub(crate) fn spec(&self, model: Option<&str>) -> Result<Spec> {
        match (model, &self.network, self.model.as_deref()) {
            (Some(model), ..) | (None, None, Some(model)) => import::find(model),
            (None, Some(network), _) => Ok(network.clone()),
            (None, None, None) => Err(Error::config(
                "--model",
                "it is not given, and the weights do not say of which network they are",
                "Give a name of `triaxis models`, a TOML or an ONNX file",
            )),
        }
    }

    /// Reads the weights at `path`: see the [module](self).
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] for what is missing, damaged, hostile, a pickle, or holds a number that is not finite.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_with(path, &LoadOptions::default())
    }

    /// As [`Weights::load`], as far as `options` allow.
    ///
    /// # Errors
    ///
    /// Those of [`Weights::load`].
    pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Self> {
        let mut weights = source::read(path)?;
        let Some(name) = tensors::first_non_finite(&weights.tensors) else {
            return Ok(weights);
        };
        let problem = format!("{name} holds a number that is not finite");
        if !options.allow_non_finite {
            return Err(Error::checkpoint(
                path,
                problem,
                "The run that made it had diverged, or the file is damaged: use an earlier checkpoint, or look at \
                 it with --allow-nonfinite",
            ));
        }
        weights.notes.push(problem);
        Ok(weights)
    }
}

#[cfg(test)]
mod tests;
