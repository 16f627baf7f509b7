//! `engine::ops::rmsprop`: one step as a case, then traces of several.

use triaxis::engine::ops::{RmsProp, rmsprop};

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
        name: format!("rmsprop {name}"),
        inputs: vec![
            Input::random(shapes[0]).constant(),
            Input::random(shapes[1]).constant(),
            Input::of([1, 1, 1, 1], vec![0.25]).constant(),
        ],
        apply: Box::new(move |g, v| {
            let (made, grads) = parameters(g, &v[..2])?;
            rmsprop(g, &grads, v[2], RmsProp::default())?;
            Ok(made[0])
        }),
        // The mean square begins as 1.
        reference: Box::new(move |v| {
            v[0].iter()
                .map(|dx| 0.5 - v[2][0] * dx / (0.9 + 0.1 * dx * dx + 1e-3).sqrt())
                .collect()
        }),
        differences: Differences::None,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::GradientNorm;
    use triaxis::engine::{Arena, Graph, Mode, Plan};

    use super::*;
    use crate::gpu;
    use crate::optimizer::follow;

    #[test]
    fn rmsprop_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn rmsprop_follows_a_plain_trace_and_skips_a_flawed_step() {
        for (weight_decay, max_norm) in [(0.0, None), (0.02, Some(1.5))] {
            let options = RmsProp {
                weight_decay,
                norm: GradientNorm {
                    max_norm,
                    ..GradientNorm::default()
                },
                ..RmsProp::default()
            };
            follow(
                |g, grads, rate| rmsprop(g, grads, rate, options),
                max_norm.map(f64::from),
                [1.0, 0.0],
                |number, step| {
                    let decay = if step.decays {
                        f64::from(weight_decay)
                    } else {
                        0.0
                    };
                    let slope = step.gradient + decay * number.x;
                    number.first += 0.1 * (slope * slope - number.first);
                    number.second =
                        0.9 * number.second + step.rate * slope / (number.first + 1e-3).sqrt();
                    number.x -= number.second;
                },
            );
        }
    }

    #[test]
    fn the_mean_square_begins_as_one_everywhere_and_again_after_each_start() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 5, 7]), g.input("rate", [1, 1, 1, 1]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        rmsprop(&mut g, &grads, rate, RmsProp::default()).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        for _ in 0..2 {
            plan.initialise(0).unwrap();
            let square = plan.export(&Arena::OfParameters("mean_square")).unwrap();
            assert_eq!(square[0].2, [1.0; 35]);
            plan.run().unwrap();
            let square = plan.export(&Arena::OfParameters("mean_square")).unwrap();
            assert!((square[0].2[34] - 0.9).abs() < 1e-6, "{square:?}");
        }
    }

    #[test]
    fn rmsprop_refuses_an_epsilon_of_zero() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        let flat = RmsProp {
            eps: 0.0,
            ..RmsProp::default()
        };
        assert_eq!(
            rmsprop(&mut g, &grads, rate, flat).unwrap_err().to_string(),
            "rmsprop: eps is 0, expected a number of more than 0"
        );
    }
}
