//! `engine::ops::sgd`: one step as a case, then traces of several.

use triaxis::engine::ops::{Sgd, sgd};

use super::gradient_norm::{MANY, SMALL, parameters};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let plain = Sgd {
        momentum: 0.0,
        nesterov: false,
        ..Sgd::default()
    };
    let decayed = Sgd {
        weight_decay: 0.125,
        ..Sgd::default()
    };
    vec![
        case("without momentum", SMALL, plain),
        case("with all", SMALL, decayed),
    ]
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    vec![case("4.4 million", MANY, Sgd::default())]
}

fn case(name: &str, shapes: [[usize; 4]; 2], options: Sgd) -> Case {
    Case {
        name: format!("sgd {name}"),
        inputs: vec![
            Input::random(shapes[0]).constant(),
            Input::random(shapes[1]).constant(),
            Input::of([1, 1, 1, 1], vec![0.25]).constant(),
        ],
        apply: Box::new(move |g, v| {
            let (made, grads) = parameters(g, &v[..2])?;
            sgd(g, &grads, v[2], options)?;
            Ok(made[0])
        }),
        reference: Box::new(move |v| {
            // The momentum begins as 0: a first step is the gradient, and once more of it with Nesterov's look-ahead.
            let ahead = if options.nesterov {
                options.momentum
            } else {
                0.0
            };
            let slope = |dx: &f64| dx + f64::from(options.weight_decay) * 0.5;
            v[0].iter()
                .map(|dx| 0.5 - v[2][0] * (1.0 + f64::from(ahead)) * slope(dx))
                .collect()
        }),
        differences: Differences::None,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::GradientNorm;
    use triaxis::engine::{Arena, Graph, Mode, ParameterOptions, Plan};

    use super::*;
    use crate::golden_recipe::{numbers, recipe};
    use crate::gpu;
    use crate::ops::gradient_norm::given;
    use crate::optimizer::follow;

    #[test]
    fn sgd_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn sgd_follows_a_plain_trace_and_skips_a_flawed_step() {
        for (momentum, nesterov, weight_decay, max_norm) in [
            (0.9, true, 0.02, None),
            (0.9, false, 0.0, Some(1.5)),
            (0.0, false, 0.3, Some(1.5)),
        ] {
            let options = Sgd {
                momentum,
                nesterov,
                weight_decay,
                norm: GradientNorm {
                    max_norm,
                    ..GradientNorm::default()
                },
            };
            let (m, decay) = (f64::from(momentum), f64::from(weight_decay));
            follow(
                |g, grads, rate| sgd(g, grads, rate, options),
                max_norm.map(f64::from),
                [0.0; 2],
                |number, step| {
                    let decay = if step.decays { decay } else { 0.0 };
                    let slope = step.gradient + decay * number.x;
                    number.first = m * number.first + slope;
                    let ahead = slope + m * number.first;
                    number.x -= step.rate * if nesterov { ahead } else { number.first };
                },
            );
        }
    }

    #[test]
    fn sgd_is_torchs() {
        let recipe = recipe();
        for (trace, nesterov, weight_decay) in [
            ("sgd_nesterov_wd2e-2", true, 2e-2),
            ("sgd_plain_wd0", false, 0.0),
        ] {
            let options = Sgd {
                momentum: 0.9,
                nesterov,
                weight_decay,
                norm: GradientNorm::default(),
            };
            let mut g = Graph::new(Mode::Train);
            let decays = ParameterOptions {
                decay: true,
                ..ParameterOptions::default()
            };
            let p = g.parameter("p", [1, 1, 1, 4], decays).unwrap();
            let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
            let grads = given(&mut g, &[p], &[dx]).unwrap();
            sgd(&mut g, &grads, rate, options).unwrap();
            let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
            plan.initialise(0).unwrap();
            plan.write(p, &[1.0, -2.0, 0.5, 3.0]).unwrap();
            for step in recipe[trace].as_array().unwrap() {
                plan.write(dx, &numbers(&step["grad"])).unwrap();
                plan.write(rate, &numbers(&step["lr"])).unwrap();
                plan.run().unwrap();
                let momentum = plan.export(&Arena::OfParameters("momentum")).unwrap();
                let got = [plan.read(p).unwrap(), momentum[0].2.clone()].concat();
                let expected = [numbers(&step["param"]), numbers(&step["buf"])].concat();
                for (got, expected) in got.iter().zip(&expected) {
                    assert!(
                        (got - expected).abs() < 2e-6,
                        "{trace}: {got}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn sgd_refuses_options_and_rates_that_make_no_sense() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 2]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        let fast = Sgd {
            momentum: 1.0,
            ..Sgd::default()
        };
        assert_eq!(
            sgd(&mut g, &grads, rate, fast).unwrap_err().to_string(),
            "sgd: momentum is 1, expected a number of 0 or more and less than 1"
        );
        let error = sgd(&mut g, &grads, rate, Sgd::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("sgd expects a rate of one number and a gradient norm of four"),
            "{error}"
        );
    }

    #[test]
    fn a_parameter_that_the_loss_does_not_reach_is_named() {
        let mut g = Graph::new(Mode::Train);
        let (dx, rate) = (g.input("dx", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        g.parameter("head.weight", [1, 1, 4, 4], ParameterOptions::default())
            .unwrap();
        let error = sgd(&mut g, &grads, rate, Sgd::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the loss does not depend on the parameter head.weight: remove or freeze it"
        );
    }
}
