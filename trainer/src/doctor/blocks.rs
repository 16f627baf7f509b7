//! What kernels do only beside others: gradients that meet behind a residual sum, two convolutions in one.

use triaxis_engine::DType::F32;
use triaxis_engine::ops::{
    self, Activation, BatchNorm, BatchNormInputs, Conv2d, Depthwise, ExpandDepthwise, ExpandInputs,
    Padding,
};

use super::case::{Case, Input, TOLERANCE, random};
use super::reference;

/// All of them.
pub(super) fn blocks() -> Vec<Case> {
    vec![
        residual("residual sums through a ReLU", false),
        residual("residual sums beside frozen statistics", true),
        forgotten(),
        expansion("expansion and depthwise convolution", false),
        expansion("mean of a depthwise convolution", true),
    ]
}

/// `conv(conv(silu(norm(conv(s)))) + s)` of `s = relu(norm(x) + x)`: two gradients of `s` meet, go back through the ReLU and
/// end in the first batch norm.
fn residual(name: &'static str, frozen: bool) -> Case {
    const C: usize = 6;
    const SHAPE: [usize; 4] = [2, 3, 5, C];
    const WEIGHTS: [[usize; 4]; 3] = [[1, 1, C, C], [1, 1, C, C], [1, 1, C, 4]];
    let vector = [1, 1, 1, C];
    let running = |from: f64| {
        let numbers = (0..C).map(|i| from + i as f64 / 8.0);
        Input::given(vector, F32, numbers.collect())
    };
    let options = BatchNorm {
        frozen,
        ..BatchNorm::default()
    };
    Case {
        name,
        inputs: vec![
            Input::random(SHAPE),
            Input::random(WEIGHTS[0]),
            Input::random(WEIGHTS[1]),
            Input::random(WEIGHTS[2]),
            Input::random(vector),
            Input::random(vector),
            running(-0.25),
            running(0.5),
            running(-0.5),
            running(0.75),
        ],
        apply: Box::new(move |g, v| {
            let inputs = |mean| BatchNormInputs {
                gamma: v[4],
                beta: v[5],
                running_mean: v[mean],
                running_var: v[mean + 1],
            };
            let a = ops::batch_norm(g, v[0], inputs(6), options)?;
            let a = ops::add(g, a, v[0])?;
            let s = ops::activation(g, a, Activation::Relu)?;
            let b = ops::conv2d(g, s, v[1], Conv2d::default())?;
            let activated = BatchNorm {
                activation: Activation::Silu,
                ..options
            };
            let b = ops::batch_norm(g, b, inputs(8), activated)?;
            let b = ops::conv2d(g, b, v[2], Conv2d::default())?;
            let b = ops::add(g, b, s)?;
            ops::conv2d(g, b, v[3], Conv2d::default())
        }),
        reference: Box::new(move |v| {
            let norm = |x: &[f64], mean: usize| -> Vec<f64> {
                let [mean, variance] = match frozen {
                    true => [v[mean].clone(), v[mean + 1].clone()],
                    false => reference::statistics(x, C),
                };
                let normal = |(i, x): (usize, &f64)| {
                    let c = i % C;
                    let scale = v[4][c] / (variance[c] + f64::from(options.eps)).sqrt();
                    (x - mean[c]) * scale + v[5][c]
                };
                x.iter().enumerate().map(normal).collect()
            };
            let conv = |x: &[f64], i: usize| {
                reference::conv2d(x, SHAPE, &v[i], WEIGHTS[i - 1], Conv2d::default())
            };
            let sum = |a: Vec<f64>, b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
            let activate = |x: Vec<f64>, activation| -> Vec<f64> {
                x.iter()
                    .map(|&x| reference::activate(activation, x))
                    .collect()
            };
            let s = activate(sum(norm(&v[0], 6), &v[0]), Activation::Relu);
            let b = activate(norm(&conv(&s, 1), 8), Activation::Silu);
            let b: Vec<f64> = sum(conv(&b, 2), &s);
            conv(&b, 3)
        }),
        tolerance: TOLERANCE,
    }
}

/// `conv(relu(norm(conv(x)) + s))`: on GPUs the way back goes without what the first convolution wrote.
fn forgotten() -> Case {
    const CIN: usize = 3;
    const C: usize = 6;
    const X: [usize; 4] = [2, 3, 5, CIN];
    const S: [usize; 4] = [2, 3, 5, C];
    const WEIGHTS: [[usize; 4]; 2] = [[1, 1, CIN, C], [1, 1, C, 4]];
    let vector = [1, 1, 1, C];
    let options = BatchNorm::default();
    Case {
        name: "gradients without a convolution's output",
        inputs: vec![
            Input::random(X),
            Input::random(WEIGHTS[0]),
            Input::random(vector),
            Input::random(vector),
            Input::random(S),
            Input::random(WEIGHTS[1]),
            Input::given(vector, F32, vec![0.0; C]),
            Input::given(vector, F32, vec![1.0; C]),
        ],
        apply: Box::new(move |g, v| {
            let inputs = BatchNormInputs {
                gamma: v[2],
                beta: v[3],
                running_mean: v[6],
                running_var: v[7],
            };
            let a = ops::conv2d(g, v[0], v[1], Conv2d::default())?;
            let a = ops::batch_norm(g, a, inputs, options)?;
            let a = ops::add(g, a, v[4])?;
            let a = ops::activation(g, a, Activation::Relu)?;
            ops::conv2d(g, a, v[5], Conv2d::default())
        }),
        reference: Box::new(move |v| {
            let a = reference::conv2d(&v[0], X, &v[1], WEIGHTS[0], Conv2d::default());
            let [mean, variance] = reference::statistics(&a, C);
            let sum = |(i, x): (usize, &f64)| {
                let c = i % C;
                let scale = v[2][c] / (variance[c] + f64::from(options.eps)).sqrt();
                let sum = (x - mean[c]) * scale + v[3][c] + v[4][i];
                reference::activate(Activation::Relu, sum)
            };
            let a: Vec<f64> = a.iter().enumerate().map(sum).collect();
            reference::conv2d(&a, S, &v[5], WEIGHTS[1], Conv2d::default())
        }),
        tolerance: TOLERANCE,
    }
}

/// A pointwise convolution and a depthwise one that reads it, or the means of what that makes.
fn expansion(name: &'static str, mean: bool) -> Case {
    const X: [usize; 4] = [2, 9, 7, 5];
    const C: usize = 10;
    const WEIGHTS: [[usize; 4]; 2] = [[1, 1, 5, C], [3, 3, 1, C]];
    let given = |key, shape: [usize; 4]| {
        let count = shape.iter().product();
        Input::given(shape, F32, random(key, count))
    };
    let depthwise = Depthwise {
        stride: 2,
        padding: Padding::Symmetric(1),
    };
    let options = ExpandDepthwise {
        expand_activation: Activation::Silu,
        depthwise,
        activation: Activation::Relu,
    };
    Case {
        name,
        inputs: vec![
            given(1, X),
            given(2, WEIGHTS[0]),
            given(3, [1, 1, 1, C]),
            given(4, WEIGHTS[1]),
            given(5, [1, 1, 1, C]),
        ],
        apply: Box::new(move |g, v| {
            let inputs = ExpandInputs {
                x: v[0],
                expand: v[1],
                expand_bias: v[2],
                weight: v[3],
                bias: v[4],
            };
            match mean {
                true => Ok(ops::expand_depthwise_mean(g, inputs, options)?[1]),
                false => ops::expand_depthwise(g, inputs, options),
            }
        }),
        reference: Box::new(move |v| {
            let finished = |sums: Vec<f64>, bias: &[f64], activation| -> Vec<f64> {
                let finish =
                    |(i, x): (usize, &f64)| reference::activate(activation, x + bias[i % C]);
                sums.iter().enumerate().map(finish).collect()
            };
            let sums = reference::conv2d(&v[0], X, &v[1], WEIGHTS[0], Conv2d::default());
            let between = finished(sums, &v[2], options.expand_activation);
            let conv = Conv2d {
                stride: depthwise.stride,
                padding: depthwise.padding,
                groups: C,
            };
            let [n, h, w, _] = X;
            let sums = reference::conv2d(&between, [n, h, w, C], &v[3], WEIGHTS[1], conv);
            let y = finished(sums, &v[4], options.activation);
            if !mean {
                return y;
            }
            let of_image = y.len() / n;
            let means = y.chunks_exact(of_image).flat_map(|image| {
                let of = |c| image[c..].iter().step_by(C).sum::<f64>() * C as f64 / of_image as f64;
                (0..C).map(of).collect::<Vec<_>>()
            });
            means.collect()
        }),
        tolerance: TOLERANCE,
    }
}
