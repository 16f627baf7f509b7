//! Values that a recipe cannot have.

use super::{ModelEma, Optimizer, Recipe, Schedule};
use crate::error::{Error, Result};
use crate::schedule::warmed_up;

pub(super) fn validate(recipe: &Recipe) -> Result<()> {
    let r = recipe;
    if r.model.trim().is_empty() {
        return Err(refuse(
            "model",
            "\"\"",
            "names no model",
            "`triaxis models` lists them",
        ));
    }
    let tables = r.kernels.table().and_then(|_| r.kernels.edges());
    tables.map_err(|problem| {
        Error::config(
            "kernels",
            problem,
            "Take the lists of a file that `triaxis tune` wrote",
        )
    })?;
    if let Some(side) = r.img_size {
        whole("img_size", side, 1, 1 << 15)?;
    }
    if let Some(classes) = r.num_classes {
        whole("num_classes", classes, 2, 1 << 20)?;
    }
    whole("batch_size", r.batch_size, 1, 1 << 20)?;
    whole("grad_accum_steps", r.grad_accum_steps, 1, 1 << 16)?;
    whole("epochs", r.epochs, 1, 1_000_000)?;
    if r.seed > i64::MAX as u64 {
        return Err(refuse(
            "seed",
            r.seed,
            "is beyond 2^63 - 1, the largest number of TOML",
            "Give a smaller one",
        ));
    }
    whole("workers", r.workers, 1, 1024)?;
    whole("crop_padding", r.crop_padding, 0, 1 << 12)?;
    if let Some(base) = r.lr_base_size {
        whole("lr_base_size", base, 1, 1 << 20)?;
    }

    positive("lr", r.lr)?;
    within(
        "min_lr",
        r.min_lr,
        0.0,
        r.peak_lr(),
        "0 and the peak learning rate",
    )?;
    within(
        "warmup_epochs",
        r.warmup_epochs,
        0.0,
        r.epochs as f64,
        "0 and epochs",
    )?;
    within("warmup_factor", r.warmup_factor, 0.0, 1.0, "0 and 1")?;
    if let Some(rate) = r.warmup_lr {
        within(
            "warmup_lr",
            rate,
            0.0,
            r.peak_lr(),
            "0 and the peak learning rate",
        )?;
    }
    if let Some(decay) = r.weight_decay {
        within("weight_decay", decay, 0.0, 1e3, "0 and 1000")?;
    }
    share("smoothing", r.smoothing)?;
    within("mixup", r.mixup, 0.0, 1e3, "0 (off) and 1000")?;
    within("hflip", r.hflip, 0.0, 1.0, "0 and 1")?;
    within("crop_pct", r.crop_pct, 0.1, 1.0, "0.1 and 1")?;
    share("drop", r.drop)?;
    share("drop_path", r.drop_path)?;
    if let Some(limit) = r.clip_grad {
        positive("clip_grad", limit)?;
    }
    fraction("layer_decay", r.layer_decay)?;
    whole("precise_bn", r.precise_bn, 0, 1 << 30)?;
    whole("patience", r.patience, 0, 1_000_000)?;
    if r.freeze.iter().any(|pattern| pattern.trim().is_empty()) {
        return Err(refuse(
            "freeze",
            "\"\"",
            "names no parameter",
            "Give beginnings of parameters' names, or `body`",
        ));
    }

    match &r.opt {
        Optimizer::Sgd(sgd) => {
            share("opt.momentum", sgd.momentum)?;
            if sgd.nesterov && sgd.momentum == 0.0 {
                let problem = "Nesterov's form looks ahead along the momentum, which is 0";
                return Err(refuse(
                    "opt.nesterov",
                    "true",
                    problem,
                    "Set opt.nesterov = false or give a momentum",
                ));
            }
        }
        Optimizer::RmspropTf(rmsprop) => {
            share("opt.alpha", rmsprop.alpha)?;
            share("opt.momentum", rmsprop.momentum)?;
            positive("opt.eps", rmsprop.eps)?;
        }
        Optimizer::AdamW(adamw) => {
            share("opt.betas", adamw.betas[0])?;
            share("opt.betas", adamw.betas[1])?;
            positive("opt.eps", adamw.eps)?;
        }
    }
    match &r.sched {
        Schedule::Cosine | Schedule::Constant => {}
        Schedule::Exp(exp) => fraction("sched.beta", exp.beta)?,
        Schedule::Step(step) => {
            positive("sched.decay_epochs", step.decay_epochs)?;
            fraction("sched.decay_rate", step.decay_rate)?;
        }
    }
    if let Some(start) = r.warmup_lr {
        let end = warmed_up(r);
        let words = "0 and the rate that the schedule has when warm-up ends";
        within("warmup_lr", start, 0.0, end, words)?;
        if end <= 0.0 {
            return Err(refuse(
                "warmup_epochs",
                r.warmup_epochs,
                "ends where the schedule has come down to 0, and warm-up from 0 would stay there",
                "Give fewer epochs of warm-up, or a min_lr",
            ));
        }
    }
    match &r.model_ema {
        ModelEma::Off => {}
        ModelEma::Pycls(ema) => {
            fraction("model_ema.alpha", ema.alpha)?;
            whole("model_ema.period", ema.period, 1, 1_000_000)?;
        }
        ModelEma::Decay(ema) => share("model_ema.decay", ema.decay)?,
    }
    if let Some(start) = r.swa_start {
        whole("swa_start", start, 0, r.epochs - 1)?;
    }
    r.augment.validate()?;
    if r.crop_padding > 0 && r.augment.device == super::Place::Gpu {
        return Err(refuse(
            "crop_padding",
            r.crop_padding,
            "has no place beside augment.device = \"gpu\"",
            "Cut random parts by augment.scale, or give --augment cpu",
        ));
    }
    Ok(())
}

pub(super) fn refuse(
    name: &str,
    value: impl std::fmt::Display,
    problem: &str,
    help: &str,
) -> Error {
    Error::config(format!("{name} = {value}"), problem, help)
}

pub(super) fn whole(name: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refuse(
        name,
        value,
        &format!("must lie between {least} and {most}"),
        "Correct it in the recipe or on the command line",
    ))
}

pub(super) fn within(name: &str, value: f64, least: f64, most: f64, words: &str) -> Result<()> {
    // Not a number lies in no range.
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let problem = format!(
        "must lie between {words}{}",
        if words.contains("rate") {
            format!(" ({most})")
        } else {
            String::new()
        }
    );
    Err(refuse(
        name,
        value,
        &problem,
        "Correct it in the recipe or on the command line",
    ))
}

/// At least 0 and less than 1.
fn share(name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(refuse(
        name,
        value,
        "must be at least 0 and less than 1",
        "Correct it in the recipe or on the command line",
    ))
}

/// More than 0 and at most 1.
fn fraction(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(refuse(
        name,
        value,
        "must be more than 0 and at most 1",
        "Correct it in the recipe or on the command line",
    ))
}

fn positive(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(refuse(
        name,
        value,
        "must be a number above 0",
        "Correct it in the recipe or on the command line",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{AdamW, DecayEma, Exp, PyclsEma, RmspropTf, Sgd, Step};
    use super::*;

    #[test]
    fn the_default_recipe_is_valid() {
        Recipe::default().validate().unwrap();
    }

    #[test]
    fn impossible_values_are_named_and_exit_with_2() {
        type Spoil = fn(&mut Recipe);
        let sgd = |momentum| {
            Optimizer::Sgd(Sgd {
                momentum,
                nesterov: true,
            })
        };
        let step = |decay_epochs, decay_rate| {
            Schedule::Step(Step {
                decay_epochs,
                decay_rate,
            })
        };
        let one_by_one: [(&str, Spoil); 31] = [
            ("model", |r| r.model = " ".into()),
            ("img_size", |r| r.img_size = Some(0)),
            ("num_classes", |r| r.num_classes = Some(1)),
            ("batch_size", |r| r.batch_size = 0),
            ("epochs", |r| r.epochs = 0),
            ("seed", |r| r.seed = u64::MAX),
            ("workers", |r| r.workers = 0),
            ("crop_padding", |r| r.crop_padding = 1 << 20),
            ("lr_base_size", |r| r.lr_base_size = Some(0)),
            ("lr", |r| r.lr = f64::NAN),
            ("lr", |r| r.lr = -0.1),
            ("min_lr", |r| r.min_lr = 9.0),
            ("warmup_epochs", |r| r.warmup_epochs = 101.0),
            ("warmup_factor", |r| r.warmup_factor = 1.5),
            ("warmup_lr", |r| r.warmup_lr = Some(-1.0)),
            // Below the peak, 0.25, but the schedule has come down to 0.206 when warm-up ends.
            ("warmup_lr", |r| r.warmup_lr = Some(0.24)),
            ("warmup_epochs", |r| {
                (r.warmup_epochs, r.warmup_lr) = (100.0, Some(0.0));
                r.sched = Schedule::Cosine;
            }),
            ("weight_decay", |r| r.weight_decay = Some(f64::INFINITY)),
            ("smoothing", |r| r.smoothing = 1.0),
            ("mixup", |r| r.mixup = -0.2),
            ("hflip", |r| r.hflip = 2.0),
            ("crop_pct", |r| r.crop_pct = 0.0),
            ("drop", |r| r.drop = 1.0),
            ("drop_path", |r| r.drop_path = -0.1),
            ("clip_grad", |r| r.clip_grad = Some(0.0)),
            ("grad_accum_steps", |r| r.grad_accum_steps = 0),
            ("layer_decay", |r| r.layer_decay = 0.0),
            ("precise_bn", |r| r.precise_bn = usize::MAX),
            ("swa_start", |r| r.swa_start = Some(r.epochs)),
            ("patience", |r| r.patience = usize::MAX),
            ("freeze", |r| r.freeze = vec![" ".into()]),
        ];
        let rmsprop = RmspropTf {
            eps: 0.0,
            ..RmspropTf::default()
        };
        let adamw = AdamW {
            betas: [0.9, 1.0],
            eps: 1e-8,
        };
        let pycls = PyclsEma {
            alpha: 1e-5,
            period: 0,
        };
        let base = Recipe::default;
        let chosen = [
            (
                "opt.momentum",
                Recipe {
                    opt: sgd(1.0),
                    ..base()
                },
            ),
            (
                "opt.nesterov",
                Recipe {
                    opt: sgd(0.0),
                    ..base()
                },
            ),
            (
                "opt.eps",
                Recipe {
                    opt: Optimizer::RmspropTf(rmsprop),
                    ..base()
                },
            ),
            (
                "opt.betas",
                Recipe {
                    opt: Optimizer::AdamW(adamw),
                    ..base()
                },
            ),
            (
                "sched.beta",
                Recipe {
                    sched: Schedule::Exp(Exp { beta: 0.0 }),
                    ..base()
                },
            ),
            (
                "sched.decay_epochs",
                Recipe {
                    sched: step(0.0, 0.1),
                    ..base()
                },
            ),
            (
                "sched.decay_rate",
                Recipe {
                    sched: step(1.0, 1.1),
                    ..base()
                },
            ),
            (
                "model_ema.period",
                Recipe {
                    model_ema: ModelEma::Pycls(pycls),
                    ..base()
                },
            ),
            (
                "model_ema.decay",
                Recipe {
                    model_ema: ModelEma::Decay(DecayEma {
                        decay: 1.0,
                        warmup: false,
                    }),
                    ..base()
                },
            ),
        ];
        let spoilt = one_by_one.into_iter().map(|(name, spoil)| {
            let mut recipe = Recipe::default();
            spoil(&mut recipe);
            (name, recipe)
        });
        for (name, recipe) in spoilt.chain(chosen) {
            let error = recipe.validate().expect_err(name);
            assert_eq!(error.exit_code(), 2);
            assert!(
                error.to_string().starts_with(&format!("{name} = ")),
                "{error}"
            );
        }
    }
}
