//! `engine::ops::keep`: running statistics of steps that were taken and of one that was not.

use triaxis::engine::ops::{GradientNorm, gradient_norm, keep};
use triaxis::engine::{Arena, Graph, Init, Result, Value};

use super::gradient_norm::{MANY, SMALL, parameters};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![case("of a step taken", SMALL)]
}

/// A running mean beside 4.4 million numbers.
pub fn timed(_: usize) -> Vec<Case> {
    vec![case("beside 4.4 million", MANY)]
}

fn case(name: &str, shapes: [[usize; 4]; 2]) -> Case {
    Case {
        name: format!("keep {name}"),
        inputs: shapes
            .iter()
            .map(|&s| Input::random(s).constant())
            .collect(),
        apply: Box::new(|g, v| {
            kept(g, v)?;
            Ok(g.arena(Arena::Buffers))
        }),
        // The running statistics' arena: 10 numbers of 64.
        reference: Box::new(|_| (0..64).map(|i| if i < 10 { 2.0 } else { 0.0 }).collect()),
        differences: Differences::None,
    }
}

/// Parameters with these gradients and a running mean of 2 that is kept.
fn kept(g: &mut Graph, grads: &[Value]) -> Result<Value> {
    let (_, gradients) = parameters(g, grads)?;
    let mean = g.buffer("running_mean", [1, 1, 1, 10], Init::Constant(2.0))?;
    g.pin_gradients(&gradients)?;
    let norm = gradient_norm(g, GradientNorm::default())?;
    keep(g, norm)?;
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{self, BatchNorm, BatchNormInputs};
    use triaxis::engine::{Mode, ParameterOptions, Plan, gradients};

    use super::*;
    use crate::gpu;

    #[test]
    fn keep_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn a_sum_is_kept_or_left_as_a_whole() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [4, 1, 1, 2]);
        let grads = ["gamma", "beta"].map(|name| g.input(name, [1, 1, 1, 2]));
        let part = g.input("part", [1, 1, 1, 4]);
        let (made, gradients) = parameters(&mut g, &grads).unwrap();
        let inputs = BatchNormInputs {
            gamma: made[0],
            beta: made[1],
            running_mean: g.buffer("mean", [1, 1, 1, 2], Init::Constant(0.0)).unwrap(),
            running_var: g.buffer("var", [1, 1, 1, 2], Init::Constant(1.0)).unwrap(),
        };
        ops::batch_norm(&mut g, x, inputs, BatchNorm::default()).unwrap();
        ops::accumulate(&mut g, &gradients, part).unwrap();
        let due = GradientNorm {
            due: Some(part),
            ..GradientNorm::default()
        };
        let norm = gradient_norm(&mut g, due).unwrap();
        keep(&mut g, norm).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(x, &[10.0; 8]).unwrap();
        // Two batches an update, each of which moves the mean by a tenth of its way to 10: the second update is flawed.
        let slopes = [1.0, 1.0, f32::NAN, 1.0, 1.0, 1.0];
        let expected = [1.0, 1.9, 2.71, 1.9, 2.71, 3.439];
        for (batch, (slope, expected)) in slopes.into_iter().zip(expected).enumerate() {
            for dx in grads {
                plan.write(dx, &[slope; 2]).unwrap();
            }
            let last = (batch % 2) as f32;
            plan.write(part, &[1.0 - last, 0.5, last, 0.0]).unwrap();
            plan.run().unwrap();
            let got = plan.read(inputs.running_mean).unwrap()[0];
            assert!(
                (got - expected).abs() < 1e-5,
                "{got} after batch {batch}, expected {expected}"
            );
        }
    }

    #[test]
    fn a_flawed_step_moves_no_running_statistics_and_a_good_one_does() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [4, 1, 1, 2]);
        let rate = g.input("rate", [1, 1, 1, 1]);
        let scale = ParameterOptions {
            init: Init::Constant(1.0),
            ..ParameterOptions::default()
        };
        let inputs = BatchNormInputs {
            gamma: g.parameter("gamma", [1, 1, 1, 2], scale).unwrap(),
            beta: g
                .parameter("beta", [1, 1, 1, 2], ParameterOptions::default())
                .unwrap(),
            running_mean: g.buffer("mean", [1, 1, 1, 2], Init::Constant(0.0)).unwrap(),
            running_var: g.buffer("var", [1, 1, 1, 2], Init::Constant(1.0)).unwrap(),
        };
        let y = ops::batch_norm(&mut g, x, inputs, BatchNorm::default()).unwrap();
        let dy = g.input("dy", [4, 1, 1, 2]);
        let grads = gradients(&mut g, y, dy).unwrap();
        let norm = ops::sgd(&mut g, &grads, rate, ops::Sgd::default()).unwrap();
        keep(&mut g, norm).unwrap();

        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        let mut step = |numbers: [f32; 8], slope: f32| {
            plan.write(x, &numbers).unwrap();
            plan.write(dy, &[slope; 8]).unwrap();
            plan.write(rate, &[0.5]).unwrap();
            plan.run().unwrap();
            [Arena::Buffers, Arena::Parameters].map(|arena| plan.export(&arena).unwrap())
        };
        // Means of 4 and 0 with unbiased variances of 16 / 3 and 0, a tenth of which is taken.
        let good = [2.0, 0.0, 6.0, 0.0, 2.0, 0.0, 6.0, 0.0f32];
        let first = step(good, 1.0);
        assert_eq!(first[0][0].2, [0.4, 0.0]);
        let variance = 0.9 + 0.1 * 16.0 / 3.0;
        assert!((first[0][1].2[0] - variance).abs() < 1e-6, "{first:?}");
        // Not finite forward, then only backward.
        let mut flawed = good;
        flawed[2] = f32::INFINITY;
        assert_eq!(step(flawed, 1.0), first);
        assert_eq!(step(good.map(|x| x + 1.0), f32::NAN), first);
        let after = step(good, 0.0);
        assert!((after[0][0].2[0] - 0.76).abs() < 1e-6, "{after:?}");
    }

    #[test]
    fn what_is_written_from_outside_is_kept() {
        let mut g = Graph::new(Mode::Train);
        let dx = g.input("dx", [1, 1, 1, 3]);
        let mean = kept(&mut g, &[dx]).unwrap();
        let [mut plan, other] = [0, 1].map(|_| Plan::compile(gpu(), &g, &[]).unwrap());
        plan.initialise(0).unwrap();
        other.initialise(0).unwrap();
        plan.write(dx, &[f32::NAN; 3]).unwrap();
        let after_a_flawed_step = |plan: &mut Plan| {
            plan.run().unwrap();
            plan.export(&Arena::Buffers).unwrap()[0].2[0]
        };
        assert_eq!(after_a_flawed_step(&mut plan), 2.0);
        other.write(mean, &[3.0; 10]).unwrap();
        plan.copy_arena(&Arena::Buffers, &other, &Arena::Buffers)
            .unwrap();
        assert_eq!(after_a_flawed_step(&mut plan), 3.0);
        plan.import(&Arena::Buffers, "running_mean", &[4.0; 10])
            .unwrap();
        assert_eq!(after_a_flawed_step(&mut plan), 4.0);
    }

    #[test]
    fn keep_refuses_a_norm_of_one_number_and_does_nothing_without_statistics() {
        let mut g = Graph::new(Mode::Train);
        let norm = g.input("norm", [1, 1, 1, 1]);
        keep(&mut g, norm).unwrap();
        g.buffer("mean", [1, 1, 1, 2], Init::Constant(0.0)).unwrap();
        let error = keep(&mut g, norm).unwrap_err().to_string();
        assert!(
            error.starts_with("keep expects a gradient norm of four"),
            "{error}"
        );
    }
}
