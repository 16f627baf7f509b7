//! `engine::ops::batch_norm`, in training and with frozen statistics.

use triaxis::engine::ops::{Activation, BatchNorm, BatchNormInputs, batch_norm};

use super::activation;
use crate::{Case, Differences, Input, random};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::HardSwish,
        Activation::Relu6,
    ] {
        for frozen in [false, true] {
            let options = BatchNorm {
                activation,
                frozen,
                ..BatchNorm::default()
            };
            let name = format!(
                "{activation:?}{}",
                if frozen {
                    " with frozen statistics"
                } else {
                    ""
                }
            );
            cases.push(case(&name, [3, 5, 7, 6], options, Differences::All));
        }
    }
    let silu = BatchNorm {
        activation: Activation::Silu,
        eps: 1e-3,
        momentum: 0.01,
        ..BatchNorm::default()
    };
    let sizes = [
        ("two values a channel", [2, 1, 1, 3], Differences::All),
        ("one channel", [1, 5, 7, 1], Differences::All),
        ("many channels", [3, 3, 2, 20], Differences::All),
        ("past one stage", [3, 37, 41, 20], Differences::Some(5)),
        ("past two stages", [2, 100, 101, 3], Differences::Some(5)),
    ];
    cases.extend(sizes.map(|(name, shape, differences)| case(name, shape, silu, differences)));
    cases.extend(
        [("one stage", [3, 5, 7, 6]), ("two stages", [3, 37, 41, 6])].map(|(name, shape)| {
            let mut far = case(
                &format!("mean of 1,000 deviations, {name}"),
                shape,
                BatchNorm::default(),
                Differences::Some(8),
            );
            // Uniform numbers of deviation 1 around 1,000, as f32 holds them.
            let moved = |x: f64| f64::from((1000.0 + 12f64.sqrt() * x) as f32);
            let numbers = random(1, far.inputs[0].shape.count());
            far.inputs[0].numbers = Some(numbers.into_iter().map(moved).collect());
            far
        }),
    );
    cases
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, channels, activation| {
        let options = BatchNorm {
            activation,
            ..BatchNorm::default()
        };
        let shape = [n, side, side, channels];
        case(name, shape, options, Differences::Some(1))
    };
    vec![
        layer("silu_32_112", 112, 32, Activation::Silu),
        layer("silu_144_56", 56, 144, Activation::Silu),
        layer("identity_24_56", 56, 24, Activation::Identity),
        layer("relu_256_56", 56, 256, Activation::Relu),
        layer("silu_672_14", 14, 672, Activation::Silu),
        layer("silu_1280_7", 7, 1280, Activation::Silu),
    ]
}

fn case(name: &str, shape: [usize; 4], options: BatchNorm, differences: Differences) -> Case {
    let vector = [1, 1, 1, shape[3]];
    let moved = |seed, by: f64| {
        Input::of(
            vector,
            random(seed, shape[3]).iter().map(|x| x + by).collect(),
        )
    };
    Case {
        name: format!("batch_norm {name}"),
        inputs: vec![
            Input::random(shape),
            moved(2, 2.0),
            moved(3, 0.2),
            moved(4, 0.1).constant(),
            moved(5, 0.6).constant(),
        ],
        apply: Box::new(move |g, v| {
            let inputs = BatchNormInputs {
                gamma: v[1],
                beta: v[2],
                running_mean: v[3],
                running_var: v[4],
            };
            batch_norm(g, v[0], inputs, options)
        }),
        reference: Box::new(move |v| reference(v, options)),
        differences,
    }
}

/// From x, gamma, beta, running mean and variance, in the mode that the options say.
pub fn reference(v: &[Vec<f64>], options: BatchNorm) -> Vec<f64> {
    let (x, gamma, beta) = (&v[0], &v[1], &v[2]);
    let c = gamma.len();
    let (mean, var) = match options.frozen {
        true => (v[3].clone(), v[4].clone()),
        false => statistics(x, c),
    };
    (0..x.len())
        .map(|i| {
            let k = i % c;
            let xhat = (x[i] - mean[k]) / (var[k] + f64::from(options.eps)).sqrt();
            activation::reference(options.activation, xhat * gamma[k] + beta[k])
        })
        .collect()
}

/// Mean and biased variance of each of `c` channels.
fn statistics(x: &[f64], c: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (x.len() / c) as f64;
    let (mut mean, mut var) = (vec![0.0; c], vec![0.0; c]);
    for (i, x) in x.iter().enumerate() {
        mean[i % c] += x / n;
    }
    for (i, x) in x.iter().enumerate() {
        var[i % c] += (x - mean[i % c]).powi(2) / n;
    }
    (mean, var)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden_recipe::{numbers, recipe};
    use crate::gpu;
    use triaxis::engine::{Graph, Init, Mode, ParameterOptions, Plan, Result, Value};

    #[test]
    fn batch_norm_matches_reference_and_its_differences() {
        crate::check_all(&cases());
    }

    /// x, its normalisation, and the running statistics, which begin at 0 and 1.
    fn drawn(g: &mut Graph, shape: [usize; 4], c: usize) -> Result<[Value; 4]> {
        let x = g.input("x", shape);
        let vector = [1, 1, 1, c];
        let one = ParameterOptions {
            init: Init::Constant(1.0),
            ..ParameterOptions::default()
        };
        g.scope("stem.bn", |g| {
            let inputs = BatchNormInputs {
                gamma: g.parameter("weight", vector, one)?,
                beta: g.parameter("bias", vector, ParameterOptions::default())?,
                running_mean: g.buffer("running_mean", vector, Init::Constant(0.0))?,
                running_var: g.buffer("running_var", vector, Init::Constant(1.0))?,
            };
            let y = batch_norm(g, x, inputs, BatchNorm::default())?;
            Ok([x, y, inputs.running_mean, inputs.running_var])
        })
    }

    fn assert_close(got: &[f32], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (f64::from(*got) - expected).abs() < crate::TOLERANCE,
                "{got} instead of {expected}"
            );
        }
    }

    #[test]
    fn running_statistics_move_by_a_tenth_a_step_towards_the_unbiased_variance() {
        let shape = [2, 3, 5, 6];
        let mut g = Graph::new(Mode::Train);
        let [x, y, mean, var] = drawn(&mut g, shape, 6).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
        plan.initialise(0).unwrap();
        let (mut means, mut vars) = (vec![0.0; 6], vec![1.0; 6]);
        for step in 0..3 {
            let numbers: Vec<f64> = random(step, 180).iter().map(|x| 3.0 * x + 0.7).collect();
            plan.write(x, &numbers.iter().map(|&x| x as f32).collect::<Vec<_>>())
                .unwrap();
            plan.run().unwrap();
            let (m, v) = statistics(&numbers, 6);
            for c in 0..6 {
                means[c] = 0.9 * means[c] + 0.1 * m[c];
                vars[c] = 0.9 * vars[c] + 0.1 * v[c] * 30.0 / 29.0;
            }
            assert_close(&plan.read(mean).unwrap(), &means);
            assert_close(&plan.read(var).unwrap(), &vars);
        }
    }

    #[test]
    fn evaluation_uses_the_running_statistics_and_leaves_them() {
        let shape = [1, 1, 1, 6];
        let mut g = Graph::new(Mode::Evaluate);
        let [x, y, mean, var] = drawn(&mut g, shape, 6).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
        plan.initialise(0).unwrap();
        let (means, vars) = ([0.25; 6], [4.0; 6]);
        plan.write(mean, &means).unwrap();
        plan.write(var, &vars).unwrap();
        plan.write(x, &[0.25, 2.25, -1.75, 4.25, 0.75, 1.25])
            .unwrap();
        plan.run().unwrap();
        let by = 1.0 / (4.0f64 + 1e-5).sqrt();
        let expected = [0.0, 2.0, -2.0, 4.0, 0.5, 1.0].map(|d| d * by);
        assert_close(&plan.read(y).unwrap(), &expected);
        assert_eq!(plan.read(mean).unwrap(), means);
        assert_eq!(plan.read(var).unwrap(), vars);
    }

    #[test]
    fn running_statistics_are_torchs_and_measuring_leaves_the_batchs_own() {
        let golden = &recipe()["batchnorm_train"];
        let [x, mean, var] = ["x", "running_mean", "running_var"].map(|key| numbers(&golden[key]));
        // Channels last: 2 images of 2 channels of 2×2 pixels.
        let at = |i: usize| x[(i / 8) * 8 + i % 2 * 4 + i / 2 % 4];
        let images: Vec<f32> = (0..16).map(at).collect();
        let torch = [mean.clone(), var.clone()];
        let own = [
            mean.iter().map(|m| m / 0.1).collect(),
            var.iter().map(|v| (v - 0.9) / 0.1).collect(),
        ];
        for (mode, expected) in [(Mode::Train, torch), (Mode::Measure, own)] {
            let mut g = Graph::new(mode);
            let [x, y, mean, var] = drawn(&mut g, [2, 2, 2, 2], 2).unwrap();
            let mut plan = Plan::compile(gpu(), &g, &[y]).unwrap();
            plan.initialise(0).unwrap();
            plan.write(x, &images).unwrap();
            plan.run().unwrap();
            for (value, expected) in [mean, var].into_iter().zip(expected) {
                let got = plan.read(value).unwrap();
                for (got, expected) in got.iter().zip(expected) {
                    assert!((got - expected).abs() < 1e-5, "{mode:?}: {got}, {expected}");
                }
            }
        }
    }

    #[test]
    fn batch_norm_refuses_to_train_on_one_value_a_channel() {
        let error = drawn(&mut Graph::new(Mode::Train), [1, 1, 1, 8], 8).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stem.bn.batch_norm_statistics expects more than one value a channel in training \
             (a larger batch or resolution), got 1×1×1×8"
        );
        drawn(&mut Graph::new(Mode::Evaluate), [1, 1, 1, 8], 8).unwrap();
    }

    #[test]
    fn batch_norm_refuses_vectors_of_another_length() {
        for (mode, node) in [
            (Mode::Train, "stem.bn.batch_norm_coefficients"),
            (Mode::Evaluate, "stem.bn.batch_norm_apply"),
        ] {
            let error = drawn(&mut Graph::new(mode), [2, 3, 3, 8], 6).unwrap_err();
            let expected = format!(
                "{node} expects a gamma, beta, running mean and variance of 1×1×1×8, one number a channel"
            );
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
