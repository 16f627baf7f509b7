//! Learning rate and averaging share as functions of the position in the data.
//!
//! Both depend on the recipe and the position alone, never on the steps that were really taken, so a resumed run and a
//! run that skipped a step meet the same numbers.

use std::f64::consts::PI;

use crate::recipe::{ModelEma, Recipe, Schedule};

/// A place in the training data. A step is an update here: of so many batches as the recipe accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: usize,
    /// The step within the epoch, from 0.
    pub step: usize,
    /// Steps an epoch.
    pub steps: usize,
}

impl Position {
    /// The start of an epoch.
    pub fn epoch(epoch: usize) -> Self {
        Self {
            epoch,
            step: 0,
            steps: 1,
        }
    }

    /// Epochs done, with the fraction of the present one.
    pub fn epochs(self) -> f64 {
        self.epoch as f64 + self.step as f64 / self.steps.max(1) as f64
    }
}

/// The learning rate at `position`.
///
/// The schedule is evaluated at the whole epoch, as pycls does, or at the step where `sched_on_updates` is set. Warm-up
/// multiplies the scheduled rate by `warmup_factor·(1-a) + a` with `a` the part of the warm-up that is done, as in pycls, or
/// runs straight from `warmup_lr`. Either way it ends at what the schedule has there, with no jump. Since a staircase would
/// drop on the way up, its warm-up runs straight from `warmup_factor` of the peak.
pub fn learning_rate(recipe: &Recipe, position: Position) -> f64 {
    let t = if recipe.sched_on_updates {
        position.epochs()
    } else {
        position.epoch as f64
    };
    if t >= recipe.warmup_epochs {
        return scheduled(recipe, t);
    }
    let done = t / recipe.warmup_epochs;
    let straight = |start: f64| start + (warmed_up(recipe) - start) * done;
    match (recipe.warmup_lr, &recipe.sched) {
        (Some(start), _) => straight(start),
        (None, Schedule::Step(_)) => straight(recipe.warmup_factor * recipe.peak_lr()),
        (None, _) => scheduled(recipe, t) * (recipe.warmup_factor * (1.0 - done) + done),
    }
}

/// The rate that warm-up ends at, where the schedule goes on.
pub(crate) fn warmed_up(recipe: &Recipe) -> f64 {
    scheduled(recipe, recipe.warmup_epochs)
}

/// The rate without warm-up, `t` epochs in.
fn scheduled(recipe: &Recipe, t: f64) -> f64 {
    let total = recipe.epochs as f64;
    let (peak, least) = (recipe.peak_lr(), recipe.min_lr);
    match &recipe.sched {
        Schedule::Cosine => least + (peak - least) * 0.5 * (1.0 + (PI * t / total).cos()),
        Schedule::Exp(exp) => (peak * exp.beta.powf(t / total)).max(least),
        Schedule::Step(step) => {
            (peak * step.decay_rate.powf((t / step.decay_epochs).floor())).max(least)
        }
        Schedule::Constant => peak,
    }
}

/// The share of the new weights in their moving average at `position`, or `None` where the average is not updated there.
///
/// pycls updates at every `period`-th step of an epoch and copies (a share of 1) while warm-up lasts.
pub fn ema_alpha(recipe: &Recipe, position: Position) -> Option<f64> {
    match &recipe.model_ema {
        ModelEma::Off => None,
        ModelEma::Decay(ema) => {
            let steps = (position.epoch * position.steps + position.step) as f64;
            let kept = match ema.warmup {
                true => ema.decay.min((1.0 + steps) / (10.0 + steps)),
                false => ema.decay,
            };
            Some(1.0 - kept)
        }
        ModelEma::Pycls(ema) => {
            if !position.step.is_multiple_of(ema.period) {
                return None;
            }
            if (position.epoch as f64) < recipe.warmup_epochs {
                return Some(1.0);
            }
            let adjusted = ema.alpha
                * (recipe.images_an_update() as f64 / recipe.epochs as f64 * ema.period as f64);
            Some(adjusted.min(1.0))
        }
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::recipe::{DecayEma, Exp, PyclsEma, Step};

    fn golden() -> Value {
        serde_json::from_str(include_str!("../../tests/golden/recipe.json")).unwrap()
    }

    fn plain() -> Recipe {
        Recipe {
            lr: 1.0,
            lr_base_size: None,
            warmup_epochs: 0.0,
            ..Recipe::default()
        }
    }

    fn assert_near(name: &str, epoch: usize, got: f64, expected: f64) {
        assert!(
            (got - expected).abs() <= 1e-13 * (1.0 + expected.abs()),
            "{name}, epoch {epoch}: got {got}, expected {expected}"
        );
    }

    #[test]
    fn learning_rates_are_those_of_pycls() {
        let golden = golden();
        let exp = |lr: f64, epochs: usize, warmup_epochs: f64| Recipe {
            lr,
            epochs,
            warmup_epochs,
            sched: Schedule::Exp(Exp { beta: 0.02 }),
            ..plain()
        };
        let cosine = |lr: f64, warmup_epochs: f64| Recipe {
            lr,
            epochs: 100,
            warmup_epochs,
            sched: Schedule::Cosine,
            ..plain()
        };
        let cases = [
            ("lr_exp_2.0_0.02_T100_w5", exp(2.0, 100, 5.0), 100, 0),
            (
                "lr_exp_2.0_0.02_T200_w5_first10_last3",
                exp(2.0, 200, 5.0),
                10,
                3,
            ),
            ("lr_exp_2.0_0.02_T10_w1", exp(2.0, 10, 1.0), 10, 0),
            ("lr_cos_0.4_0_T100_w0_first5_last3", cosine(0.4, 0.0), 5, 3),
            ("lr_cos_0.8_0_T100_w5_first8", cosine(0.8, 5.0), 8, 0),
        ];
        for (name, recipe, first, last) in cases {
            let rates = golden[name].as_array().unwrap();
            assert_eq!(rates.len(), first + last, "{name}");
            let epochs = (0..first).chain(recipe.epochs - last..recipe.epochs);
            for (epoch, expected) in epochs.zip(rates) {
                assert_near(
                    name,
                    epoch,
                    learning_rate(&recipe, Position::epoch(epoch)),
                    expected.as_f64().unwrap(),
                );
            }
        }
    }

    #[test]
    fn averaging_shares_are_those_of_pycls() {
        for row in golden()["ema_alpha_effective"].as_array().unwrap() {
            let number = |key: &str| row[key].as_u64().unwrap() as usize;
            let recipe = Recipe {
                batch_size: number("batch"),
                epochs: number("max_epoch"),
                model_ema: ModelEma::Pycls(PyclsEma {
                    alpha: row["EMA_ALPHA"].as_f64().unwrap(),
                    period: number("period"),
                }),
                ..plain()
            };
            let got = ema_alpha(
                &recipe,
                Position {
                    epoch: 7,
                    step: 32,
                    steps: 100,
                },
            )
            .unwrap();
            assert_near("ema_alpha", 7, got, row["effective"].as_f64().unwrap());
        }
    }

    #[test]
    fn the_average_copies_in_warm_up_and_waits_between_periods() {
        let recipe = Recipe {
            warmup_epochs: 5.0,
            ..plain()
        };
        let at = |epoch, step| {
            ema_alpha(
                &recipe,
                Position {
                    epoch,
                    step,
                    steps: 100,
                },
            )
        };
        assert_eq!(at(4, 64), Some(1.0));
        assert_eq!(at(5, 63), None);
        assert!(at(5, 64).is_some_and(|share| share < 0.01));
        let recipe = Recipe {
            model_ema: ModelEma::Decay(DecayEma {
                decay: 0.75,
                warmup: false,
            }),
            ..plain()
        };
        assert_eq!(
            ema_alpha(
                &recipe,
                Position {
                    epoch: 0,
                    step: 3,
                    steps: 9
                }
            ),
            Some(0.25)
        );
        assert_eq!(
            ema_alpha(
                &Recipe {
                    model_ema: ModelEma::Off,
                    ..plain()
                },
                Position::epoch(9)
            ),
            None
        );
    }

    #[test]
    fn an_average_that_warms_up_keeps_little_at_first() {
        let recipe = Recipe {
            model_ema: ModelEma::Decay(DecayEma {
                decay: 0.99,
                warmup: true,
            }),
            ..plain()
        };
        let kept = |epoch, step| {
            let steps = 10;
            1.0 - ema_alpha(&recipe, Position { epoch, step, steps }).unwrap()
        };
        assert!((kept(0, 0) - 0.1).abs() < 1e-12);
        assert!((kept(1, 7) - 18.0 / 27.0).abs() < 1e-12);
        assert_eq!(kept(500, 0), 1.0 - (1.0 - 0.99));
    }

    #[test]
    fn the_rate_follows_batch_size_step_and_floor() {
        let scaled = Recipe {
            lr: 2.0,
            lr_base_size: Some(1024),
            batch_size: 128,
            sched: Schedule::Constant,
            ..plain()
        };
        assert_eq!(learning_rate(&scaled, Position::epoch(3)), 0.25);

        let by_step = Recipe {
            sched_on_updates: true,
            epochs: 2,
            sched: Schedule::Cosine,
            ..plain()
        };
        let middle = learning_rate(
            &by_step,
            Position {
                epoch: 1,
                step: 0,
                steps: 10,
            },
        );
        assert_near("cosine", 1, middle, 0.5);
        let later = learning_rate(
            &by_step,
            Position {
                epoch: 1,
                step: 5,
                steps: 10,
            },
        );
        assert!(later < middle);
        let by_epoch = Recipe {
            sched_on_updates: false,
            ..by_step
        };
        assert_eq!(
            learning_rate(
                &by_epoch,
                Position {
                    epoch: 1,
                    step: 5,
                    steps: 10
                }
            ),
            middle
        );

        let steps = Recipe {
            min_lr: 0.05,
            sched: Schedule::Step(Step {
                decay_epochs: 2.0,
                decay_rate: 0.1,
            }),
            ..plain()
        };
        let rates: Vec<f64> = (0..5)
            .map(|epoch| learning_rate(&steps, Position::epoch(epoch)))
            .collect();
        assert_eq!(rates, [1.0, 1.0, 0.1, 0.1, 0.05]);
    }

    #[test]
    fn warm_up_may_run_straight_from_its_own_rate_to_where_the_schedule_goes_on() {
        let recipe = Recipe {
            warmup_epochs: 4.0,
            warmup_lr: Some(0.2),
            sched: Schedule::Cosine,
            ..plain()
        };
        let end = 0.5 * (1.0 + (PI * 0.04).cos());
        for (epoch, expected) in [(0, 0.2), (2, 0.5 * (0.2 + end)), (4, end)] {
            let got = learning_rate(&recipe, Position::epoch(epoch));
            assert_near("warm-up", epoch, got, expected);
        }
    }
}
