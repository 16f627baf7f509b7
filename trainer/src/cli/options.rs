//! The recipe's values as options, by timm's names.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::recipe::{ModelEma, Optimizer, Recipe, Schedule};

/// What an option leaves out keeps the value of `--recipe`, or else the default.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct RecipeOptions {
    /// Recipe file (TOML), such as the args.toml of another run
    #[arg(long, value_name = "FILE", help_heading = "Recipe")]
    recipe: Option<PathBuf>,
    /// Network: a name of `triaxis models` or a TOML file
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS", help_heading = "Model")]
    img_size: Option<usize>,
    /// Classes [default: those of the data]
    #[arg(long, help_heading = "Model")]
    num_classes: Option<usize>,
    /// Weights to begin from: a .safetensors file, a run's folder or hf://OWNER/NAME [default: random ones]
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    initial_checkpoint: Option<String>,
    /// Dropout before the classifier
    #[arg(long, value_name = "RATE", help_heading = "Model")]
    drop: Option<f64>,
    /// Probability of dropping the last residual branch; earlier ones rise to it
    #[arg(long, value_name = "RATE", help_heading = "Model")]
    drop_path: Option<f64>,
    /// Images a step
    #[arg(short, long, help_heading = "Data")]
    batch_size: Option<usize>,
    /// Threads that decode images; does not change the result
    #[arg(short = 'j', long, help_heading = "Data")]
    workers: Option<usize>,
    /// Optimizer: sgd, rmsproptf or adamw
    #[arg(long, help_heading = "Optimizer")]
    opt: Option<String>,
    /// Momentum of SGD or RMSProp
    #[arg(long, help_heading = "Optimizer")]
    momentum: Option<f64>,
    /// Weight decay
    #[arg(long, help_heading = "Optimizer")]
    weight_decay: Option<f64>,
    /// Largest norm of the whole gradient
    #[arg(long, value_name = "NORM", help_heading = "Optimizer")]
    clip_grad: Option<f64>,
    /// Learning rate at its peak, for --lr-base-size images a step
    #[arg(long, help_heading = "Schedule")]
    lr: Option<f64>,
    /// Batch size that --lr is meant for; 0 to take --lr as it is
    #[arg(long, value_name = "IMAGES", help_heading = "Schedule")]
    lr_base_size: Option<usize>,
    /// Schedule: cosine, exp, step or constant
    #[arg(long, help_heading = "Schedule")]
    sched: Option<String>,
    /// Evaluate the schedule every step instead of every epoch
    #[arg(long, help_heading = "Schedule")]
    sched_on_updates: bool,
    /// Epochs
    #[arg(long, help_heading = "Schedule")]
    epochs: Option<usize>,
    /// Epochs of warm-up [default: 5, or a quarter of the epochs where that is less]
    #[arg(long, help_heading = "Schedule")]
    warmup_epochs: Option<f64>,
    /// Learning rate that the schedule does not go below
    #[arg(long, help_heading = "Schedule")]
    min_lr: Option<f64>,
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
    /// Pixels by which images are shifted at most
    #[arg(long, value_name = "PIXELS", help_heading = "Augmentation")]
    crop_padding: Option<usize>,
    /// Running average of the weights: off, pycls or decay
    #[arg(long, help_heading = "Average")]
    model_ema: Option<String>,
    /// Share of the old average that a step keeps; means --model-ema decay
    #[arg(long, value_name = "DECAY", help_heading = "Average")]
    model_ema_decay: Option<f64>,
    /// Key of everything random
    #[arg(long, help_heading = "Run")]
    seed: Option<u64>,
}

impl RecipeOptions {
    /// The recipe in force; not yet validated.
    pub(super) fn recipe(&self) -> Result<Recipe> {
        let mut recipe = self
            .recipe
            .as_deref()
            .map_or_else(|| Ok(Recipe::default()), Recipe::load)?;
        let given = self.clone();
        set(&mut recipe.model, given.model);
        set(&mut recipe.drop, given.drop);
        set(&mut recipe.drop_path, given.drop_path);
        set(&mut recipe.batch_size, given.batch_size);
        set(&mut recipe.workers, given.workers);
        set(&mut recipe.weight_decay, given.weight_decay);
        set(&mut recipe.lr, given.lr);
        set(&mut recipe.epochs, given.epochs);
        if given.recipe.is_none() {
            // The default is made for 100 epochs; a short run would be all warm-up.
            recipe.warmup_epochs = recipe.warmup_epochs.min(recipe.epochs as f64 / 4.0);
        }
        set(&mut recipe.warmup_epochs, given.warmup_epochs);
        set(&mut recipe.min_lr, given.min_lr);
        set(&mut recipe.smoothing, given.smoothing);
        set(&mut recipe.mixup, given.mixup);
        set(&mut recipe.mixup_off_epoch, given.mixup_off_epoch);
        set(&mut recipe.hflip, given.hflip);
        set(&mut recipe.crop_padding, given.crop_padding);
        set(&mut recipe.seed, given.seed);
        recipe.img_size = given.img_size.or(recipe.img_size);
        recipe.num_classes = given.num_classes.or(recipe.num_classes);
        recipe.initial_checkpoint = given.initial_checkpoint.or(recipe.initial_checkpoint);
        recipe.clip_grad = given.clip_grad.or(recipe.clip_grad);
        recipe.sched_on_updates |= given.sched_on_updates;
        if let Some(images) = given.lr_base_size {
            recipe.lr_base_size = (images > 0).then_some(images);
        }
        set(
            &mut recipe.opt,
            given
                .opt
                .map(|name| name.parse::<Optimizer>())
                .transpose()?,
        );
        set(
            &mut recipe.sched,
            given
                .sched
                .map(|name| name.parse::<Schedule>())
                .transpose()?,
        );
        set(
            &mut recipe.model_ema,
            given
                .model_ema
                .map(|name| name.parse::<ModelEma>())
                .transpose()?,
        );
        if let Some(momentum) = given.momentum {
            match &mut recipe.opt {
                Optimizer::Sgd(sgd) => sgd.momentum = momentum,
                Optimizer::RmspropTf(rmsprop) => rmsprop.momentum = momentum,
                Optimizer::AdamW(adamw) => adamw.betas[0] = momentum,
            }
        }
        if let Some(decay) = given.model_ema_decay {
            recipe.model_ema = ModelEma::Decay(crate::recipe::DecayEma { decay });
        }
        Ok(recipe)
    }
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}
