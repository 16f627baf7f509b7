//! What an update makes of the gradients: what is clipped, the optimizer.

use triaxis_engine::ops::{self, Clip, GradientNorm, clip};
use triaxis_engine::{Gradients, Graph, Result, Value};

use crate::recipe::{ClipMode, Optimizer, PAPER_DECAY, Recipe};
use crate::trainer::tune::Tuning;

/// Clips what is clipped number by number or layer by layer; gives what is left to clip by the whole norm.
pub(super) fn clipped(
    g: &mut Graph,
    recipe: &Recipe,
    grads: &Gradients,
    tuning: &Tuning,
) -> Result<GradientNorm> {
    let Some(limit) = recipe.clip_grad.map(|limit| limit as f32) else {
        return Ok(GradientNorm::default());
    };
    match recipe.clip_mode {
        ClipMode::Norm => {
            return Ok(GradientNorm {
                max_norm: Some(limit),
                ..GradientNorm::default()
            });
        }
        ClipMode::Value => clip(g, grads, Clip::Value { limit }, |_| true)?,
        ClipMode::Agc => {
            let adaptive = Clip::Adaptive {
                share: limit,
                eps: 1e-3,
            };
            clip(g, grads, adaptive, |name| !tuning.is_head(name))?;
        }
    }
    Ok(GradientNorm::default())
}

/// What decays decays by this.
pub(in crate::trainer) fn weight_decay(recipe: &Recipe) -> f64 {
    recipe.weight_decay.unwrap_or(PAPER_DECAY)
}

/// Draws the update by the recipe's optimizer; gives what it makes of the learning rate.
pub(super) fn optimizer(
    g: &mut Graph,
    recipe: &Recipe,
    grads: &Gradients,
    rate: Value,
    norm: GradientNorm,
) -> Result<Value> {
    let weight_decay = weight_decay(recipe) as f32;
    match &recipe.opt {
        Optimizer::Sgd(o) => {
            let momentum = o.momentum as f32;
            ops::sgd(
                g,
                grads,
                rate,
                ops::Sgd {
                    momentum,
                    nesterov: o.nesterov,
                    weight_decay,
                    norm,
                },
            )
        }
        Optimizer::RmspropTf(o) => {
            let (alpha, momentum) = (o.alpha as f32, o.momentum as f32);
            ops::rmsprop(
                g,
                grads,
                rate,
                ops::RmsProp {
                    alpha,
                    momentum,
                    eps: o.eps as f32,
                    weight_decay,
                    norm,
                },
            )
        }
        Optimizer::AdamW(o) => ops::adamw(
            g,
            grads,
            rate,
            ops::AdamW {
                betas: o.betas.map(|beta| beta as f32),
                eps: o.eps as f32,
                weight_decay,
                norm,
            },
        ),
    }
}
