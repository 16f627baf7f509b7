//! Options of the averages of the weights.

use clap::Args;

use super::{belongs, set};
use crate::error::Result;
use crate::recipe::{DecayEma, ModelEma, Recipe};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Average")]
pub(super) struct AverageOptions {
    /// Moving average of the weights: off, pycls or decay
    #[arg(long)]
    model_ema: Option<String>,
    /// Share of the old average that a step keeps; means --model-ema decay
    #[arg(long, value_name = "DECAY")]
    model_ema_decay: Option<f64>,
    /// Keep less in the first steps of --model-ema decay: (1 + n) / (10 + n) after n of them
    #[arg(long)]
    model_ema_warmup: bool,
    /// Share of the new weights in --model-ema pycls, for one image in one epoch
    #[arg(long, value_name = "ALPHA")]
    model_ema_alpha: Option<f64>,
    /// Steps between two updates of --model-ema pycls
    #[arg(long, value_name = "STEPS")]
    model_ema_period: Option<usize>,
    /// First epoch, from 0, whose weights enter a mean (stochastic weight averaging), beside --model-ema [default: no mean]
    #[arg(long, value_name = "EPOCH")]
    swa_start: Option<usize>,
    /// Training images that batch norm is measured on after each epoch, for the weights and their averages; 0 is never
    #[arg(long, value_name = "IMAGES")]
    precise_bn: Option<usize>,
}

impl AverageOptions {
    pub(super) fn apply(self, recipe: &mut Recipe) -> Result<()> {
        if let Some(name) = self.model_ema {
            let chosen: ModelEma = name.parse()?;
            if std::mem::discriminant(&chosen) != std::mem::discriminant(&recipe.model_ema) {
                recipe.model_ema = chosen;
            }
        }
        if let Some(decay) = self.model_ema_decay {
            let warmup = match &recipe.model_ema {
                ModelEma::Decay(ema) => ema.warmup,
                _ => false,
            };
            recipe.model_ema = ModelEma::Decay(DecayEma { decay, warmup });
        }
        recipe.swa_start = self.swa_start.or(recipe.swa_start);
        set(&mut recipe.precise_bn, self.precise_bn);
        if self.model_ema_warmup {
            let ModelEma::Decay(ema) = &mut recipe.model_ema else {
                return Err(belongs("--model-ema-warmup", "--model-ema decay"));
            };
            ema.warmup = true;
        }
        if let Some(alpha) = self.model_ema_alpha {
            let ModelEma::Pycls(ema) = &mut recipe.model_ema else {
                return Err(belongs("--model-ema-alpha", "--model-ema pycls"));
            };
            ema.alpha = alpha;
        }
        if let Some(period) = self.model_ema_period {
            let ModelEma::Pycls(ema) = &mut recipe.model_ema else {
                return Err(belongs("--model-ema-period", "--model-ema pycls"));
            };
            ema.period = period;
        }
        Ok(())
    }
}
