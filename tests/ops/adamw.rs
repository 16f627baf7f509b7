//! `engine::ops::adamw`: one step as a case, then traces of several.

use triaxis::engine::ops::{AdamW, adamw};

use super::gradient_norm::{MANY, SMALL, parameters};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![case("small", SMALL)]
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    vec![case("4.4 million", MANY)]
}

fn case(name: &str, shapes: [[usize; 4]; 2]) -> Case {
    Case {
        name: format!("adamw {name}"),
        inputs: vec![
            Input::random(shapes[0]).constant(),
            Input::random(shapes[1]).constant(),
            Input::of([1, 1, 1, 1], vec![0.25]).constant(),
        ],
        apply: Box::new(move |g, v| {
            let (made, grads) = parameters(g, &v[..2])?;
            let options = AdamW {
                eps: 0.125,
                ..AdamW::default()
            };
            adamw(g, &grads, v[2], options)?;
            Ok(made[0])
        }),
        // In the first step the corrected means are the gradient and its square.
        reference: Box::new(move |v| {
            v[0].iter()
                .map(|dx| 0.5 - v[2][0] * (0.01 * 0.5 + dx / (dx.abs() + 0.125)))
                .collect()
        }),
        differences: Differences::None,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::GradientNorm;
    use triaxis::engine::{Graph, Mode, Plan};

    use super::*;
    use crate::gpu;
    use crate::optimizer::follow;

    #[test]
    fn adamw_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn adamw_follows_a_plain_trace_and_skips_a_flawed_step() {
        for (weight_decay, max_norm) in [(0.0, None), (0.05, Some(1.5))] {
            let options = AdamW {
                weight_decay,
                norm: GradientNorm {
                    max_norm,
                    ..GradientNorm::default()
                },
                eps: 1e-3,
                ..AdamW::default()
            };
            follow(
                |g, grads, rate| adamw(g, grads, rate, options),
                max_norm.map(f64::from),
                [0.0; 2],
                |number, step| {
                    let decay = if step.decays {
                        f64::from(weight_decay)
                    } else {
                        0.0
                    };
                    number.x -= step.rate * decay * number.x;
                    number.first = 0.9 * number.first + 0.1 * step.gradient;
                    number.second = 0.999 * number.second + 0.001 * step.gradient.powi(2);
                    let mean = number.first / (1.0 - 0.9f64.powi(step.count));
                    let square = number.second / (1.0 - 0.999f64.powi(step.count));
                    number.x -= step.rate * mean / (square.sqrt() + f64::from(1e-3f32));
                },
            );
        }
    }

    #[test]
    fn corrections_for_the_beginning_stay_exact_for_thousands_of_steps() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        adamw(&mut g, &grads, rate, AdamW::default()).unwrap();
        let steps = g
            .values()
            .find(|&v| g.name(v) == "adamw.steps")
            .expect("the optimizer's state has this name");
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        for count in 1..=3000 {
            plan.run().unwrap();
            if [1, 10, 1000, 3000].contains(&count) {
                let got = plan.read(steps).unwrap();
                let expected = [0.9f32, 0.999].map(|beta| 1.0 - f64::from(beta).powi(count));
                assert_eq!(got[0], count as f32);
                for (got, expected) in got[1..].iter().zip(expected) {
                    let off = (f64::from(*got) / expected - 1.0).abs();
                    assert!(off < 1e-5, "{got}, expected {expected} after {count} steps");
                }
            }
        }
    }

    #[test]
    fn adamw_refuses_a_beta_of_one() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        let endless = AdamW {
            betas: [0.9, 1.0],
            ..AdamW::default()
        };
        assert_eq!(
            adamw(&mut g, &grads, rate, endless)
                .unwrap_err()
                .to_string(),
            "adamw: the second beta is 1, expected a number of 0 or more and less than 1"
        );
    }
}
