//! `engine::ops::loss_scale`: one step as a case, then a trace, and steps whose loss is scaled.

use triaxis::engine::ops::{LossScale, Scale, loss_scale};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let states = [
        ("flawed", 0.0, [1999.0, 3.0], [0.5, 0.0, 4.0]),
        ("good", 1.0, [1998.0, 3.0], [1.0, 1999.0, 3.0]),
        (
            "of a sum that goes on",
            -1.0,
            [1999.0, 3.0],
            [1.0, 1999.0, 3.0],
        ),
        ("enough good ones", 1.0, [1999.0, 3.0], [2.0, 0.0, 3.0]),
    ];
    let case = |(name, go, [good, missed], [times, good_after, missed_after]): (
        &str,
        f64,
        [f64; 2],
        [f64; 3],
    )| {
        let norm = Input::of([1, 1, 1, 4], vec![1.0, 0.0, 1.0, go]);
        let scale = Input::of([1, 1, 1, 1], vec![1024.0]);
        let steps = Input::of([1, 1, 1, 4], vec![good, missed, 0.0, 0.0]);
        // The scale, then the counts: two cases.
        [0, 1].map(|which| Case {
            name: format!("loss_scale after a step: {name}, {which}"),
            inputs: [&norm, &scale, &steps].map(|x| x.clone().constant()).into(),
            apply: Box::new(move |g, v| {
                let scale = Scale {
                    value: v[1],
                    steps: v[2],
                    options: LossScale::default(),
                };
                loss_scale(g, scale, v[0])?;
                Ok(v[1 + which])
            }),
            reference: Box::new(move |v| match which {
                0 => vec![times * v[1][0]],
                _ => vec![good_after, missed_after, 0.0, 0.0],
            }),
            differences: Differences::None,
        })
    };
    states.into_iter().flat_map(case).collect()
}

/// One thread, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    cases().into_iter().take(1).collect()
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{AdamW, GradientNorm, RmsProp, Sgd, adamw, rmsprop, sgd};
    use triaxis::engine::{Gradients, Graph, Mode, Plan, Result, Value};

    use super::*;
    use crate::gpu;
    use crate::ops::gradient_norm::parameters;

    #[test]
    fn loss_scale_matches_reference() {
        crate::check_all(&cases());
    }

    type Optimizer = fn(&mut Graph, &Gradients, Value) -> Result<Value>;

    /// A parameter's numbers and the norm after steps with these gradients times `scale`; `None` for an unscaled loss.
    fn trained(
        optimizer: Optimizer,
        slopes: &[[f32; 3]],
        options: Option<LossScale>,
    ) -> (Vec<f32>, Vec<f32>, Vec<[f32; 3]>) {
        let mut g = Graph::new(Mode::Train);
        let dx = g.input("dx", [1, 1, 1, 3]);
        let rate = g.input("rate", [1, 1, 1, 1]);
        let (made, mut grads) = parameters(&mut g, &[dx]).unwrap();
        let scale = options.map(|options| Scale::new(&mut g, options));
        if let Some(scale) = scale {
            grads = grads.scaled_by(scale.value);
        }
        let norm = optimizer(&mut g, &grads, rate).unwrap();
        if let Some(scale) = scale {
            loss_scale(&mut g, scale, norm).unwrap();
        }
        let mut plan = Plan::compile(gpu(), &g, &[norm]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(rate, &[0.25]).unwrap();
        let mut scales = Vec::new();
        for slope in slopes {
            let factor = scale.map_or(1.0, |scale| plan.read(scale.value).unwrap()[0]);
            plan.write(dx, &slope.map(|x| x * factor)).unwrap();
            plan.run().unwrap();
            if let Some(scale) = scale {
                let steps = plan.read(scale.steps).unwrap();
                scales.push([plan.read(scale.value).unwrap()[0], steps[0], steps[1]]);
            }
        }
        (
            plan.read(made[0]).unwrap(),
            plan.read(norm).unwrap(),
            scales,
        )
    }

    const SLOPES: [[f32; 3]; 4] = [
        [0.5, -2.0, 0.25],
        [3.0, 4.0, 0.0],
        [f32::INFINITY, 1.0, 1.0],
        [-1.0, 0.5, 2.0],
    ];

    #[test]
    fn a_scaled_loss_makes_the_steps_of_an_unscaled_one_bit_by_bit() {
        let optimizers: [Optimizer; 3] = [
            |g, grads, rate| {
                let max_norm = Some(1.5);
                sgd(
                    g,
                    grads,
                    rate,
                    Sgd {
                        norm: GradientNorm {
                            max_norm,
                            ..GradientNorm::default()
                        },
                        ..Sgd::default()
                    },
                )
            },
            |g, grads, rate| rmsprop(g, grads, rate, RmsProp::default()),
            |g, grads, rate| adamw(g, grads, rate, AdamW::default()),
        ];
        for optimizer in optimizers {
            let (plain, norm, _) = trained(optimizer, &SLOPES, None);
            let (scaled, unscaled, _) = trained(optimizer, &SLOPES, Some(LossScale::default()));
            assert_eq!(plain, scaled);
            assert_eq!(norm[0], unscaled[0]);
            assert_eq!(norm[2], unscaled[2] * 32_768.0);
        }
    }

    #[test]
    fn the_scale_doubles_after_good_steps_and_halves_after_a_flawed_one() {
        let options = LossScale {
            first: 64.0,
            interval: 2,
            ..LossScale::default()
        };
        let slopes = [
            SLOPES[0], SLOPES[1], SLOPES[3], SLOPES[2], SLOPES[2], SLOPES[0],
        ];
        let plain = |g: &mut Graph, grads: &Gradients, rate| sgd(g, grads, rate, Sgd::default());
        let (_, _, scales) = trained(plain, &slopes, Some(options));
        let expected = [
            [64.0, 1.0, 0.0],
            [128.0, 0.0, 0.0],
            [128.0, 1.0, 0.0],
            [64.0, 0.0, 1.0],
            [32.0, 0.0, 2.0],
            [32.0, 1.0, 2.0],
        ];
        assert_eq!(scales, expected);
    }

    /// PyTorch's defaults. An overflow halves the scale and counts from nothing.
    #[test]
    fn the_scale_doubles_after_exactly_2000_good_steps_in_a_row() {
        let mut g = Graph::new(Mode::Train);
        let dx = g.input("dx", [1, 1, 1, 3]);
        let rate = g.input("rate", [1, 1, 1, 1]);
        let (_, grads) = parameters(&mut g, &[dx]).unwrap();
        let scale = Scale::new(&mut g, LossScale::default());
        let grads = grads.scaled_by(scale.value);
        let norm = sgd(&mut g, &grads, rate, Sgd::default()).unwrap();
        loss_scale(&mut g, scale, norm).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        for (slope, steps, expected) in [
            (1.0, 1999, [65_536.0, 1999.0, 0.0]),
            (1.0, 1, [131_072.0, 0.0, 0.0]),
            (1.0, 200, [131_072.0, 200.0, 0.0]),
            (f32::INFINITY, 1, [65_536.0, 0.0, 1.0]),
            (1.0, 1999, [65_536.0, 1999.0, 1.0]),
            (1.0, 1, [131_072.0, 0.0, 1.0]),
        ] {
            plan.write(dx, &[slope; 3]).unwrap();
            for _ in 0..steps {
                plan.run().unwrap();
            }
            let counts = plan.read(scale.steps).unwrap();
            let got = [plan.read(scale.value).unwrap()[0], counts[0], counts[1]];
            assert_eq!(got, expected, "after {steps} steps of {slope}");
        }
    }

    #[test]
    fn loss_scale_refuses_what_cannot_be() {
        let mut g = Graph::new(Mode::Train);
        let norm = g.input("norm", [1, 1, 1, 4]);
        let good = LossScale::default();
        for (options, words) in [
            // Without end a scale of 0, which makes every gradient NaN.
            (
                LossScale {
                    backoff: 0.0,
                    ..good
                },
                "backoff is 0, expected a number of more than 0 and less than 1",
            ),
            (
                LossScale {
                    backoff: 1.0,
                    ..good
                },
                "backoff is 1, expected a number of more than 0 and less than 1",
            ),
            (
                LossScale {
                    growth: 0.5,
                    ..good
                },
                "growth is 0.5, expected a number of 1 or more",
            ),
            (
                LossScale {
                    interval: 0,
                    ..good
                },
                "interval is 0, expected a number of 1 or more",
            ),
            (
                LossScale { first: 0.0, ..good },
                "first is 0, expected a number of more than 0",
            ),
        ] {
            let scale = Scale::new(&mut g, options);
            let error = loss_scale(&mut g, scale, norm).unwrap_err().to_string();
            assert_eq!(error, format!("loss_scale: {words}"));
        }
        let scale = Scale::new(&mut g, good);
        let error = loss_scale(&mut g, scale, scale.value).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("loss_scale expects a gradient norm"),
            "{error}"
        );
    }
}
