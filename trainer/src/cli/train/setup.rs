//! What a run is made of, before any step and again after a device is lost.

use std::path::Path;

use triaxis_engine::Gpu;
use triaxis_models::{Model, Spec};

use crate::data::Split;
use crate::error::{Error, Result};
use crate::output::write_in_output;
use crate::recipe::Recipe;
use crate::report::Report;
use crate::trainer::{OnNan, Trainer};
use crate::weights::{FitOptions, Weights};

/// Network, data and recipe of a run.
pub(super) struct Setup {
    pub(super) spec: Spec,
    pub(super) data: Split,
    pub(super) recipe: Recipe,
    /// What is done about numbers that are not finite.
    pub(super) on_nan: OnNan,
}

impl Setup {
    /// A trainer before its first step, with weights as the recipe's seed gives them.
    pub(super) fn trainer(&self, gpu: &Gpu) -> Result<Trainer> {
        let mut trainer = Trainer::new(gpu, self.spec.clone(), &self.data, &self.recipe)?;
        trainer.on_nan(self.on_nan);
        Ok(trainer)
    }

    /// Puts the weights that training begins from into a trainer, where the recipe names some. What was done to fit
    /// them, in words.
    pub(super) fn begin(&self, trainer: &mut Trainer) -> Result<Vec<String>> {
        let Some(path) = &self.recipe.initial_checkpoint else {
            return Ok(Vec::new());
        };
        let options = FitOptions {
            new_head: true,
            ..FitOptions::default()
        };
        let fitted = Weights::load(Path::new(path))?.fit(&self.spec, &options)?;
        trainer.begin_from(&fitted)?;
        Ok(fitted.notes)
    }

    /// Writes the network as it is trained, so that the run can be repeated whatever becomes of the file it was read from.
    pub(super) fn save_network(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# The network as it is trained. `triaxis train --model` takes it back.\n{}",
            self.spec.to_toml()
        );
        write_in_output(path, text.as_bytes()).map_err(|source| {
            Error::disk("write the network", path, Some(text.len() as u64), source)
        })
    }

    /// The report of the run before its first epoch; `source` is the data in words.
    pub(super) fn report(&self, trainer: &Trainer, gpu: &Gpu, source: &str) -> Report {
        let cost = trainer.complexity();
        Report {
            model: self.spec.name().to_owned(),
            resolution: self.spec.resolution,
            num_classes: self.spec.num_classes,
            flops: cost.flops,
            params: cost.params,
            acts: cost.acts,
            data: source.to_owned(),
            train_images: self.data.train.len() as u64,
            eval_images: self.data.validation.len() as u64,
            adapter: format!("{} ({})", gpu.info().name, gpu.info().driver),
            recipe_hash: self.recipe.settings(),
            recipe: self.recipe.clone(),
            ..Report::default()
        }
    }
}
