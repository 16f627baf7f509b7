//! A trained network and pictures for it, as the commands that look into networks are given them.

use std::path::{Path, PathBuf};

use clap::Args;
use triaxis_models::Spec;

use super::evaluate::{Pictures, places, sources};
use super::pictures::tell;
use crate::checkpoint::NamedTensor;
use crate::data::Preprocess;
use crate::error::Result;
use crate::weights::{FitOptions, LoadOptions, Weights};

/// Which network, with which weights.
#[derive(Clone, Debug, Args)]
pub(super) struct Trained {
    /// Network: a name of `triaxis models`, a TOML file, or an ONNX file, which brings its weights [default: what lies beside the
    /// weights tells]
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Weights: a .safetensors file or its index, an ONNX file, a run's folder or a checkpoint in it, or hf://OWNER/NAME
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
        let (model, weights) = (self.model.as_deref(), self.weights.as_deref());
        match places(model, weights) {
            Ok(_) => Ok(self.load()?.spec),
            Err(_) => Ok(self.spec_of(model, &Weights::default())?.0),
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
        let (model, path) = places(self.model.as_deref(), self.weights.as_deref())?;
        let options = LoadOptions {
            allow_non_finite: self.allow_non_finite,
        };
        let weights = Weights::load_with(path, &options)?;
        let (mut spec, preprocess) = self.spec_of(model, &weights)?;
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

    fn spec_of(&self, model: Option<&str>, weights: &Weights) -> Result<(Spec, Preprocess)> {
        let mut spec = weights.spec(model)?;
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
