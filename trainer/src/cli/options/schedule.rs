//! Options of the learning rate and the length of training.

use clap::Args;

use super::{belongs, set};
use crate::error::Result;
use crate::recipe::{Recipe, Schedule};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Schedule")]
pub(super) struct ScheduleOptions {
    /// Length as the scaling paper counts: 1x, 2x or 4x are 100, 200 or 400 epochs
    #[arg(long, value_name = "LENGTH", value_parser = length, conflicts_with = "epochs")]
    schedule: Option<usize>,
    /// Epochs
    #[arg(long)]
    epochs: Option<usize>,
    /// Learning rate at its peak, for --lr-base-size images an update
    #[arg(long)]
    lr: Option<f64>,
    /// Images an update that --lr is meant for; 0 to take --lr as it is
    #[arg(long, value_name = "IMAGES")]
    lr_base_size: Option<usize>,
    /// Learning rate that the schedule does not go below
    #[arg(long)]
    min_lr: Option<f64>,
    /// Schedule: cosine, exp, step or constant
    #[arg(long)]
    sched: Option<String>,
    /// Fraction of --lr that --sched exp ends at
    #[arg(long, value_name = "BETA")]
    sched_beta: Option<f64>,
    /// Epochs between two drops of --sched step
    #[arg(long, value_name = "EPOCHS")]
    decay_epochs: Option<f64>,
    /// What --sched step multiplies the rate by at each drop
    #[arg(long, value_name = "RATE")]
    decay_rate: Option<f64>,
    /// Evaluate the schedule every step instead of every epoch
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    sched_on_updates: Option<bool>,
    /// Stop after so many epochs without a better top-1 accuracy; 0 is never
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// Epochs of warm-up [default: 5, or a quarter of the epochs where that is less]
    #[arg(long)]
    warmup_epochs: Option<f64>,
    /// Learning rate at the start of warm-up; grows straight to the rate that the schedule has at its end
    #[arg(long, value_name = "LR", conflicts_with = "warmup_factor")]
    warmup_lr: Option<f64>,
    /// Fraction of the scheduled rate at the start of warm-up; grows straight to 1
    #[arg(long, value_name = "FACTOR")]
    warmup_factor: Option<f64>,
}

impl ScheduleOptions {
    /// `own` says whether the recipe is a file that the user wrote, whose warm-up stays as it is.
    pub(super) fn apply(self, recipe: &mut Recipe, own: bool) -> Result<()> {
        set(&mut recipe.epochs, self.epochs.or(self.schedule));
        if !own {
            // Built-in recipes are made for many epochs; a short run would be all warm-up.
            recipe.warmup_epochs = recipe.warmup_epochs.min(recipe.epochs as f64 / 4.0);
        }
        set(&mut recipe.warmup_epochs, self.warmup_epochs);
        set(&mut recipe.patience, self.patience);
        set(&mut recipe.lr, self.lr);
        set(&mut recipe.min_lr, self.min_lr);
        set(&mut recipe.sched_on_updates, self.sched_on_updates);
        if let Some(images) = self.lr_base_size {
            recipe.lr_base_size = (images > 0).then_some(images);
        }
        recipe.warmup_lr = self.warmup_lr.or(recipe.warmup_lr);
        if let Some(factor) = self.warmup_factor {
            (recipe.warmup_factor, recipe.warmup_lr) = (factor, None);
        }
        if let Some(name) = self.sched {
            let chosen: Schedule = name.parse()?;
            if std::mem::discriminant(&chosen) != std::mem::discriminant(&recipe.sched) {
                recipe.sched = chosen;
            }
        }
        if let Some(beta) = self.sched_beta {
            let Schedule::Exp(exp) = &mut recipe.sched else {
                return Err(belongs("--sched-beta", "--sched exp"));
            };
            exp.beta = beta;
        }
        for (option, given) in [
            ("--decay-epochs", self.decay_epochs),
            ("--decay-rate", self.decay_rate),
        ] {
            let Some(number) = given else { continue };
            let Schedule::Step(step) = &mut recipe.sched else {
                return Err(belongs(option, "--sched step"));
            };
            match option {
                "--decay-rate" => step.decay_rate = number,
                _ => step.decay_epochs = number,
            }
        }
        Ok(())
    }
}

/// `1x` is 100 epochs.
fn length(text: &str) -> Result<usize, String> {
    match text {
        "1x" => Ok(100),
        "2x" => Ok(200),
        "4x" => Ok(400),
        _ => Err("expected 1x, 2x or 4x; --epochs takes any number".into()),
    }
}
