//! Options of the optimizer.

use clap::Args;

use super::{belongs, set};
use crate::error::Result;
use crate::recipe::{Optimizer, Recipe};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Optimizer")]
pub(super) struct OptimizerOptions {
    /// Optimizer: sgd, rmsproptf or adamw
    #[arg(long)]
    opt: Option<String>,
    /// Momentum of SGD or RMSProp, first beta of AdamW
    #[arg(long)]
    momentum: Option<f64>,
    /// Whether SGD looks ahead along its momentum
    #[arg(long, value_name = "BOOL")]
    nesterov: Option<bool>,
    /// Added to the root of AdamW, or under that of RMSProp
    #[arg(long, value_name = "EPS")]
    opt_eps: Option<f64>,
    /// Shares of its averages that AdamW keeps each step
    #[arg(long, value_name = "BETA", num_args = 2)]
    opt_betas: Option<Vec<f64>>,
    /// Share of the squared-gradient average that RMSProp keeps each step
    #[arg(long, value_name = "ALPHA")]
    opt_alpha: Option<f64>,
    /// Weight decay [default: 1e-5 for EfficientNets, 2e-5 for others]
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Whether batch norm decays, too
    #[arg(long, value_name = "BOOL")]
    decay_norm: Option<bool>,
    /// Whether biases decay, too
    #[arg(long, value_name = "BOOL")]
    decay_bias: Option<bool>,
    /// How large gradients may be, as --clip-mode counts
    #[arg(long, value_name = "LIMIT")]
    clip_grad: Option<f64>,
    /// What --clip-grad limits: norm (of the whole gradient), value (each number) or agc (share of the weights' norm)
    #[arg(long, value_name = "MODE")]
    clip_mode: Option<String>,
    /// Batches whose gradients make one update; batch norm counts each batch by itself
    #[arg(long, value_name = "BATCHES")]
    grad_accum_steps: Option<usize>,
    /// Begin the last batch norm of each residual branch with scales of 0, as timm's ResNets do
    #[arg(long)]
    zero_init_last: bool,
    /// Compute each block's activations once more on the way back instead of keeping them: less memory, more time
    #[arg(long)]
    grad_checkpointing: bool,
}

impl OptimizerOptions {
    pub(super) fn apply(self, recipe: &mut Recipe) -> Result<()> {
        if let Some(name) = self.opt {
            let chosen: Optimizer = name.parse()?;
            // An optimizer that the recipe has already keeps its numbers.
            if std::mem::discriminant(&chosen) != std::mem::discriminant(&recipe.opt) {
                recipe.opt = chosen;
            }
        }
        recipe.weight_decay = self.weight_decay.or(recipe.weight_decay);
        recipe.clip_grad = self.clip_grad.or(recipe.clip_grad);
        set(&mut recipe.grad_accum_steps, self.grad_accum_steps);
        recipe.zero_init_last |= self.zero_init_last;
        recipe.grad_checkpointing |= self.grad_checkpointing;
        if let Some(mode) = self.clip_mode {
            recipe.clip_mode = mode.parse()?;
        }
        set(&mut recipe.decay_norm, self.decay_norm);
        set(&mut recipe.decay_bias, self.decay_bias);
        if let Some(momentum) = self.momentum {
            match &mut recipe.opt {
                Optimizer::Sgd(sgd) => sgd.momentum = momentum,
                Optimizer::RmspropTf(rmsprop) => rmsprop.momentum = momentum,
                Optimizer::AdamW(adamw) => adamw.betas[0] = momentum,
            }
        }
        let opt = &mut recipe.opt;
        if let Some(nesterov) = self.nesterov {
            let Optimizer::Sgd(sgd) = opt else {
                return Err(belongs("--nesterov", "--opt sgd"));
            };
            sgd.nesterov = nesterov;
        }
        if let Some(eps) = self.opt_eps {
            match opt {
                Optimizer::RmspropTf(rmsprop) => rmsprop.eps = eps,
                Optimizer::AdamW(adamw) => adamw.eps = eps,
                Optimizer::Sgd(_) => {
                    return Err(belongs("--opt-eps", "--opt rmsproptf or --opt adamw"));
                }
            }
        }
        if let Some(betas) = self.opt_betas {
            let Optimizer::AdamW(adamw) = opt else {
                return Err(belongs("--opt-betas", "--opt adamw"));
            };
            adamw.betas = [betas[0], betas[1]];
        }
        if let Some(alpha) = self.opt_alpha {
            let Optimizer::RmspropTf(rmsprop) = opt else {
                return Err(belongs("--opt-alpha", "--opt rmsproptf"));
            };
            rmsprop.alpha = alpha;
        }
        Ok(())
    }
}
