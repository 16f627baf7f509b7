//! A trained network and pictures for it, as the commands that look into networks are given them.

use std::path::{Path, PathBuf};

use clap::Args;
use triaxis_models::Spec;

use super::evaluate::{Pictures, sources};
use super::pictures::tell;
use crate::checkpoint::NamedTensor;
use crate::data::Preprocess;
use crate::error::{Error, Result};
use crate::weights::{FitOptions, LoadOptions, Weights};

/// Which network, with which weights.
#[derive(Clone, Debug, Args)]
pub(super) struct Trained {
    /// Network: a name of `triaxis models` or a TOML file [default: what lies beside the weights tells]
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Weights: a .safetensors file or its index, a run's folder or a checkpoint in it, or hf://OWNER/NAME
    #[arg(
        long,
        alias = "checkpoint",
        value_name = "PATH",
        help_heading = "Model"
    )]
    weights: Option<PathBuf>,
    /// Take weights that hold numbers which are not finite, such as those of a run that diverged
    #[arg(long = "allow-nonfinite", help_heading = "Model")]
    allow_non_finite: bool,
    #[command(flatten)]
    pictures: Pictures,
}

/// A network with its numbers.
pub(super) struct Loaded {
    pub(super) spec: Spec,
    /// Under the network's names.
    pub(super) weights: Vec<NamedTensor>,
    /// What the outputs are called; empty where nothing tells.
    pub(super) classes: Vec<String>,
    /// How the network wants its pictures.
    pub(super) preprocess: Preprocess,
}

impl Trained {
    /// The files that the network may be read from.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        sources(self.model.as_deref(), self.weights.as_deref())
    }

    /// The options that say how pictures are prepared, and whether each is given.
    pub(super) fn of_pictures(&self) -> [(&'static str, bool); 5] {
        self.pictures.given()
    }

    /// The network alone: weights are read where they are given, for what they tell of it.
    pub(super) fn spec(&self) -> Result<Spec> {
        match self.weights {
            Some(_) => Ok(self.load()?.spec),
            None => Ok(self.spec_of(&Weights::default())?.0),
        }
    }

    /// The same of other weights, which tell their network themselves.
    pub(super) fn of(&self, weights: &Path) -> Self {
        Self {
            model: None,
            weights: Some(weights.to_owned()),
            ..self.clone()
        }
    }

    /// Network and weights.
    pub(super) fn load(&self) -> Result<Loaded> {
        let Some(path) = &self.weights else {
            let help = "Give a .safetensors file or a folder of `triaxis train`";
            return Err(Error::config("--weights", "it is not given", help));
        };
        let options = LoadOptions {
            allow_non_finite: self.allow_non_finite,
        };
        let weights = Weights::load_with(path, &options)?;
        let (mut spec, preprocess) = self.spec_of(&weights)?;
        if let Some(classes) = weights.num_classes(&spec)? {
            spec.num_classes = classes;
            spec.check()?;
        }
        let fitted = weights.fit(&spec, &FitOptions::default())?;
        fitted.notes.iter().for_each(|note| tell(note));
        Ok(Loaded {
            spec,
            weights: fitted.tensors,
            classes: weights.classes,
            preprocess,
        })
    }

    fn spec_of(&self, weights: &Weights) -> Result<(Spec, Preprocess)> {
        let mut spec = weights.spec(self.model.as_deref())?;
        let preprocess = self.pictures.preprocess(&spec, weights)?;
        spec.resolution = preprocess.size;
        spec.check()?;
        Ok((spec, preprocess))
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
