//! Options of going on from trained weights.

use clap::Args;

use super::set;
use crate::recipe::Recipe;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Fine-tuning")]
pub(super) struct FinetuneOptions {
    /// Weights to begin from: a .safetensors file, a run's folder or hf://OWNER/NAME [default: random ones]
    #[arg(long, value_name = "PATH")]
    initial_checkpoint: Option<String>,
    /// Parameters that stay as they are, by the beginnings of their names (blocks.0, *.bn1), or body: all but the classifier
    #[arg(long, value_name = "NAME", num_args = 1..)]
    freeze: Option<Vec<String>>,
    /// What the learning rate is multiplied by from each layer to the one before it
    #[arg(long, value_name = "FACTOR")]
    layer_decay: Option<f64>,
}

impl FinetuneOptions {
    pub(super) fn apply(self, recipe: &mut Recipe) {
        recipe.initial_checkpoint = self.initial_checkpoint.or(recipe.initial_checkpoint.take());
        set(&mut recipe.freeze, self.freeze);
        set(&mut recipe.layer_decay, self.layer_decay);
    }
}
