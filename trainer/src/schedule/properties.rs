//! What holds of every schedule and every way to warm up.

use super::*;
use crate::recipe::{Exp, Step};

/// Steps of an epoch: all lengths of warm-up here are whole numbers of steps.
const STEPS: usize = 40;
const PEAK: f64 = 0.8;

/// The place so many steps after the start.
fn place(step: usize) -> Position {
    Position {
        epoch: step / STEPS,
        step: step % STEPS,
        steps: STEPS,
    }
}

/// One rate after the other: at the first so many steps.
fn rates(recipe: &Recipe, count: usize) -> Vec<f64> {
    (0..count)
        .map(|step| learning_rate(recipe, place(step)))
        .collect()
}

/// Every schedule, each with several lengths of training, lengths and ways of warm-up, by epoch and by step: 480 recipes.
fn recipes() -> Vec<Recipe> {
    let step = |decay_epochs, decay_rate| {
        Schedule::Step(Step {
            decay_epochs,
            decay_rate,
        })
    };
    let schedules = [
        Schedule::Cosine,
        Schedule::Exp(Exp { beta: 0.02 }),
        step(2.4, 0.97),
        // One of its drops is where the longest warm-up ends.
        step(5.0, 0.5),
        Schedule::Constant,
    ];
    let ways = [
        (0.0, None),
        (0.1, None),
        (0.5, None),
        (0.1, Some(0.1 * PEAK)),
        (0.1, Some(0.0)),
        (0.1, Some(1e-6)),
    ];
    let mut recipes = Vec::new();
    for sched in &schedules {
        for (warmup_factor, warmup_lr) in ways {
            for warmup_epochs in [0.25, 1.0, 2.5, 5.0] {
                for (epochs, min_lr) in [(40, 0.0), (350, 0.01)] {
                    for sched_on_updates in [false, true] {
                        recipes.push(Recipe {
                            lr: PEAK,
                            lr_base_size: None,
                            epochs,
                            min_lr,
                            warmup_epochs,
                            warmup_factor,
                            warmup_lr,
                            sched_on_updates,
                            sched: sched.clone(),
                            ..Recipe::default()
                        });
                    }
                }
            }
        }
    }
    recipes
}

fn words(recipe: &Recipe) -> String {
    format!(
        "{:?}, {} epochs, {} of warm-up from {} or {:?}, by step {}",
        recipe.sched,
        recipe.epochs,
        recipe.warmup_epochs,
        recipe.warmup_factor,
        recipe.warmup_lr,
        recipe.sched_on_updates
    )
}

/// Steps until warm-up is over: where the schedule is evaluated once an epoch, until the next epoch begins.
fn warming(recipe: &Recipe) -> usize {
    let epochs = match recipe.sched_on_updates {
        true => recipe.warmup_epochs,
        false => recipe.warmup_epochs.ceil(),
    };
    (epochs * STEPS as f64) as usize
}

#[test]
fn every_warm_up_begins_where_it_is_told_and_never_falls() {
    for recipe in recipes() {
        recipe.validate().unwrap();
        let rates = rates(&recipe, warming(&recipe));
        let start = recipe.warmup_lr.unwrap_or(recipe.warmup_factor * PEAK);
        assert!((rates[0] - start).abs() < 1e-12, "{}", words(&recipe));
        for (step, pair) in rates.windows(2).enumerate() {
            assert!(
                pair[1] >= pair[0],
                "{}: {} after step {step}, then {}",
                words(&recipe),
                pair[0],
                pair[1]
            );
        }
    }
}

#[test]
fn no_warm_up_ends_with_a_jump() {
    for recipe in recipes() {
        let end = warming(&recipe);
        let rates = rates(&recipe, end + 1);
        // What one step adds on the way from nothing to the peak, or one epoch.
        let steps = match recipe.sched_on_updates {
            true => 1.0,
            false => STEPS as f64,
        };
        let increment = PEAK * steps / (recipe.warmup_epochs * STEPS as f64);
        let jump = (rates[end] - rates[end - 1]).abs();
        assert!(
            jump <= increment * (1.0 + 1e-9),
            "{}: {} is followed by {}",
            words(&recipe),
            rates[end - 1],
            rates[end]
        );
    }
}

#[test]
fn after_warm_up_the_schedule_is_as_it_is_without() {
    for recipe in recipes() {
        let without = Recipe {
            warmup_epochs: 0.0,
            ..recipe.clone()
        };
        let end = warming(&recipe);
        for step in [end, end + 1, end + STEPS, 30 * STEPS + 7] {
            let [got, expected] = [&recipe, &without].map(|r| learning_rate(r, place(step)));
            assert_eq!(got, expected, "{}, step {step}", words(&recipe));
        }
    }
}

#[test]
fn pyclss_warm_up_multiplies_the_schedule_by_a_line_from_a_tenth_to_one() {
    for sched in [
        Schedule::Cosine,
        Schedule::Exp(Exp { beta: 0.02 }),
        Schedule::Constant,
    ] {
        let recipe = Recipe {
            lr: 2.0,
            lr_base_size: None,
            sched_on_updates: true,
            sched,
            ..Recipe::default()
        };
        assert_eq!((recipe.warmup_epochs, recipe.warmup_factor), (5.0, 0.1));
        let without = Recipe {
            warmup_epochs: 0.0,
            ..recipe.clone()
        };
        for step in 0..5 * STEPS {
            let [got, scheduled] = [&recipe, &without].map(|r| learning_rate(r, place(step)));
            let factor = 0.1 + 0.9 * step as f64 / (5 * STEPS) as f64;
            let apart = (got / scheduled - factor).abs();
            assert!(apart < 1e-12, "{:?}, step {step}: {apart}", recipe.sched);
        }
    }
}

/// `2.0 × 0.02^(t/T)`, as the scaling paper has it.
fn exponential(epochs: usize) -> Recipe {
    Recipe {
        lr: 2.0,
        lr_base_size: None,
        epochs,
        warmup_epochs: 0.0,
        sched_on_updates: true,
        sched: Schedule::Exp(Exp { beta: 0.02 }),
        ..Recipe::default()
    }
}

#[test]
fn the_exponential_schedule_runs_from_2_to_four_hundredths() {
    for epochs in [1, 10, 100, 200, 400] {
        let at = |epoch| learning_rate(&exponential(epochs), Position::epoch(epoch));
        assert_eq!(at(0), 2.0);
        assert!((at(epochs) - 0.04).abs() < 1e-15, "{}", at(epochs));
    }
    let middle = learning_rate(&exponential(100), Position::epoch(50));
    assert!((middle - 0.282_842_712_474_619).abs() < 1e-12, "{middle}");
}

#[test]
fn the_exponential_schedule_is_a_power_of_one_factor_at_every_step() {
    for epochs in [10, 100, 400] {
        let recipe = exponential(epochs);
        let gamma = 0.02_f64.powf(1.0 / epochs as f64);
        for step in 0..epochs * STEPS {
            let t = step as f64 / STEPS as f64;
            let (got, expected) = (learning_rate(&recipe, place(step)), 2.0 * gamma.powf(t));
            assert!(
                (got / expected - 1.0).abs() < 1e-12,
                "{epochs} epochs, step {step}: {got}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_schedule_is_evaluated_at_every_step_or_once_an_epoch_as_it_is_told() {
    let by_step = exponential(10);
    let by_epoch = Recipe {
        sched_on_updates: false,
        ..by_step.clone()
    };
    let (by_step, by_epoch) = (rates(&by_step, 3 * STEPS), rates(&by_epoch, 3 * STEPS));
    assert!(by_step.windows(2).all(|pair| pair[1] < pair[0]));
    for (step, rate) in by_epoch.iter().enumerate() {
        assert_eq!(*rate, by_step[step - step % STEPS], "step {step}");
    }
}
