//! The recipe's values as options, by timm's names.

mod augment;
mod average;
mod data;
mod finetune;
mod logs;
mod optimizer;
mod run;
mod schedule;

use std::path::Path;

use clap::Args;

use crate::error::{Error, Result};
use crate::recipe::{PRESETS, Recipe};
use augment::AugmentOptions;
use average::AverageOptions;
use data::DataRecipeOptions;
use finetune::FinetuneOptions;
use optimizer::OptimizerOptions;
use schedule::ScheduleOptions;

pub(super) use data::DataFlags;
pub(super) use logs::LogOptions;
pub(super) use run::{RunOptions, folder_name};

/// What an option leaves out keeps the value of `--recipe`, or else the default.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct RecipeOptions {
    /// Recipe: fast-scaling, efficientnet, tinynet, finetune, cifar, demo, or a TOML file such as the args.toml of another run
    #[arg(long, value_name = "NAME", help_heading = "Recipe")]
    recipe: Option<String>,
    /// Network: a name of `triaxis models` or a TOML file
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS", help_heading = "Model")]
    img_size: Option<usize>,
    /// Classes [default: those of the data]
    #[arg(long, help_heading = "Model")]
    num_classes: Option<usize>,
    /// Dropout before the classifier
    #[arg(long, value_name = "RATE", help_heading = "Model")]
    drop: Option<f64>,
    /// Probability of dropping the last residual branch; earlier ones rise to it
    #[arg(long, value_name = "RATE", help_heading = "Model")]
    drop_path: Option<f64>,
    /// Images a batch
    #[arg(short, long, help_heading = "Data")]
    batch_size: Option<usize>,
    /// Take the largest batch that fits into the device's memory, or --memory-limit, and more batches an update for as
    /// many images; batch norm counts each batch by itself
    #[arg(long, help_heading = "Data")]
    auto_batch: bool,
    /// Threads that decode images; does not change the result
    #[arg(short = 'j', long, help_heading = "Data")]
    workers: Option<usize>,
    /// Label smoothing
    #[arg(long, help_heading = "Augmentation")]
    smoothing: Option<f64>,
    /// Mixup's alpha; 0 is none
    #[arg(long, value_name = "ALPHA", help_heading = "Augmentation")]
    mixup: Option<f64>,
    /// Epoch from which mixup is off
    #[arg(long, value_name = "EPOCH", help_heading = "Augmentation")]
    mixup_off_epoch: Option<usize>,
    /// Probability of a left-right flip
    #[arg(long, value_name = "P", help_heading = "Augmentation")]
    hflip: Option<f64>,
    /// Share of a validation picture's shorter side that its middle, which is shown, covers
    #[arg(long, value_name = "SHARE", help_heading = "Augmentation")]
    crop_pct: Option<f64>,
    /// Pixels by which images are shifted at most
    #[arg(long, value_name = "PIXELS", help_heading = "Augmentation")]
    crop_padding: Option<usize>,
    #[command(flatten)]
    augment: AugmentOptions,
    /// Key of everything random
    #[arg(long, help_heading = "Run")]
    seed: Option<u64>,
    /// Mixed precision: activations as f16, sums and weights as f32
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Run"
    )]
    amp: Option<bool>,
    #[command(flatten)]
    optimizer: OptimizerOptions,
    #[command(flatten)]
    schedule: ScheduleOptions,
    #[command(flatten)]
    average: AverageOptions,
    #[command(flatten)]
    finetune: FinetuneOptions,
    #[command(flatten)]
    data: DataRecipeOptions,
}

impl RecipeOptions {
    /// Whether the recipe's batch is to be fitted to the device.
    pub(super) fn auto_batch(&self) -> bool {
        self.auto_batch
    }

    /// The files that recipe and network may be read from, whether or not they are there.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let named = [&self.recipe, &self.model];
        named.into_iter().flatten().map(Path::new)
    }

    /// The recipe in force; not yet validated.
    pub(super) fn recipe(&self) -> Result<Recipe> {
        let given = self.clone();
        let mut recipe = given
            .recipe
            .as_deref()
            .map_or_else(|| Ok(Recipe::default()), Recipe::find)?;
        let built_in = |name: &str| PRESETS.iter().any(|(known, _)| *known == name);
        let own = given.recipe.is_some_and(|name| !built_in(&name));
        given.schedule.apply(&mut recipe, own)?;
        given.optimizer.apply(&mut recipe)?;
        given.average.apply(&mut recipe)?;
        given.finetune.apply(&mut recipe);
        given.data.apply(&mut recipe);
        set(&mut recipe.model, given.model);
        set(&mut recipe.drop, given.drop);
        set(&mut recipe.drop_path, given.drop_path);
        set(&mut recipe.batch_size, given.batch_size);
        set(&mut recipe.workers, given.workers);
        set(&mut recipe.smoothing, given.smoothing);
        set(&mut recipe.mixup, given.mixup);
        set(&mut recipe.mixup_off_epoch, given.mixup_off_epoch);
        set(&mut recipe.hflip, given.hflip);
        set(&mut recipe.crop_pct, given.crop_pct);
        set(&mut recipe.crop_padding, given.crop_padding);
        given.augment.apply(&mut recipe.augment)?;
        set(&mut recipe.seed, given.seed);
        set(&mut recipe.amp, given.amp);
        recipe.img_size = given.img_size.or(recipe.img_size);
        recipe.num_classes = given.num_classes.or(recipe.num_classes);
        Ok(recipe)
    }
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

/// The error for an option that means nothing beside the recipe's other choices.
fn belongs(option: &str, choice: &str) -> Error {
    Error::config(
        option,
        format!("it belongs to {choice}, which this recipe does not have"),
        format!("Give {choice}, or leave {option} out"),
    )
}

#[cfg(test)]
mod tests;
