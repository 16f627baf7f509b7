//! The operators that a network is made of, each at sizes that are small and odd.

use triaxis_engine::DType::F32;
use triaxis_engine::ops::{
    self, Activation, BatchNorm, BatchNormInputs, Conv2d, Divisor, Padding, Pool,
};

use super::case::{Case, Input, TOLERANCE, random};
use super::reference;

/// All of them.
pub(super) fn layers() -> Vec<Case> {
    convolutions()
        .into_iter()
        .chain(norms())
        .chain(activations())
        .chain(pools())
        .chain(sums())
        .collect()
}

fn convolutions() -> Vec<Case> {
    let conv = |stride, zeros, groups| Conv2d {
        stride,
        padding: Padding::Symmetric(zeros),
        groups,
    };
    let same = |stride, groups| Conv2d {
        stride,
        padding: Padding::Same,
        groups,
    };
    [
        (
            "pointwise convolution",
            [1, 5, 7, 18],
            [1, 1, 18, 30],
            conv(1, 0, 1),
        ),
        ("linear layer", [3, 1, 1, 10], [1, 1, 10, 6], conv(1, 0, 1)),
        (
            "dense 3×3 convolution of pictures",
            [2, 6, 7, 3],
            [3, 3, 3, 9],
            conv(2, 1, 1),
        ),
        (
            "dense 3×3 convolution",
            [1, 5, 7, 17],
            [3, 3, 17, 18],
            same(2, 1),
        ),
        (
            "grouped convolution, 16 channels a group",
            [1, 5, 6, 32],
            [3, 3, 16, 32],
            conv(1, 1, 2),
        ),
        (
            "grouped convolution, 2 channels a group",
            [2, 5, 5, 6],
            [3, 3, 2, 6],
            conv(1, 1, 3),
        ),
        (
            "depthwise 3×3 convolution",
            [2, 5, 7, 6],
            [3, 3, 1, 6],
            conv(1, 1, 6),
        ),
        (
            "depthwise 5×5 convolution, stride 2",
            [1, 6, 9, 6],
            [5, 5, 1, 6],
            same(2, 6),
        ),
    ]
    .map(|(name, x, w, conv)| Case {
        name,
        inputs: vec![Input::random(x), Input::random(w)],
        apply: Box::new(move |g, v| ops::conv2d(g, v[0], v[1], conv)),
        reference: Box::new(move |v| reference::conv2d(&v[0], x, &v[1], w, conv)),
        tolerance: TOLERANCE,
    })
    .into()
}

fn norms() -> Vec<Case> {
    const C: usize = 6;
    let shape = [3, 5, 7, C];
    let case = |name, x, frozen| {
        let options = BatchNorm {
            activation: Activation::Silu,
            frozen,
            ..BatchNorm::default()
        };
        let running = |from: f64| (0..C).map(|i| from + i as f64 / 8.0).collect();
        let vector = [1, 1, 1, C];
        Case {
            name,
            inputs: vec![
                x,
                Input::random(vector),
                Input::random(vector),
                Input::given(vector, F32, running(-0.25)),
                Input::given(vector, F32, running(0.5)),
            ],
            apply: Box::new(move |g, v| {
                let inputs = BatchNormInputs {
                    gamma: v[1],
                    beta: v[2],
                    running_mean: v[3],
                    running_var: v[4],
                };
                ops::batch_norm(g, v[0], inputs, options)
            }),
            reference: Box::new(move |v| {
                let [mean, variance] = match frozen {
                    true => [v[3].clone(), v[4].clone()],
                    false => reference::statistics(&v[0], C),
                };
                let normal = |(i, x): (usize, &f64)| {
                    let c = i % C;
                    let scale = v[1][c] / (variance[c] + f64::from(options.eps)).sqrt();
                    reference::activate(options.activation, (x - mean[c]) * scale + v[2][c])
                };
                v[0].iter().enumerate().map(normal).collect()
            }),
            tolerance: TOLERANCE,
        }
    };
    // Numbers whose mean is 1,000 deviations, as f32 holds them: sums of squares would lose their variance. So many pixels
    // that a GPU's tiles are merged in two stages.
    let many = [1, 129, 131, C];
    let far = random(7, many.iter().product()).into_iter();
    let far = far
        .map(|x| f64::from((1000.0 + 12f64.sqrt() * x) as f32))
        .collect();
    vec![
        case("batch norm", Input::random(shape), false),
        case(
            "batch norm with frozen statistics",
            Input::random(shape),
            true,
        ),
        case(
            "batch norm around 1,000 deviations",
            Input::given(many, F32, far),
            false,
        ),
    ]
}

fn activations() -> Vec<Case> {
    use Activation::{HardSwish, Relu, Relu6, Sigmoid, Silu};
    [
        ("ReLU", Relu),
        ("SiLU", Silu),
        ("sigmoid", Sigmoid),
        ("hard-swish", HardSwish),
        ("ReLU6", Relu6),
    ]
    .map(|(name, kind)| Case {
        name,
        inputs: vec![Input::random([2, 5, 7, 6])],
        // Ten times wider than the random numbers, to meet both ends of the functions.
        apply: Box::new(move |g, v| {
            let x = ops::scale(g, v[0], 10.0)?;
            ops::activation(g, x, kind)
        }),
        reference: Box::new(move |v| {
            v[0].iter()
                .map(|x| reference::activate(kind, 10.0 * x))
                .collect()
        }),
        tolerance: TOLERANCE,
    })
    .into()
}

fn pools() -> Vec<Case> {
    const SHAPE: [usize; 4] = [2, 5, 7, 6];
    let pool = Pool {
        kernel: 3,
        stride: 2,
        padding: Padding::Symmetric(1),
    };
    // The outputs of a 3×3 window of stride 2: what `merge` makes of each number under it, from `first` on.
    let under = move |x: &[f64], first: f64, merge: fn(f64, f64) -> f64| {
        let [n, h, w, c] = SHAPE;
        let side = |side| reference::window(side, 3, 2, pool.padding)[0];
        let mut y = vec![first; n * side(h) * side(w) * c];
        reference::windows([n, h, w], 3, 2, pool.padding, |to, from, _| {
            for i in 0..c {
                y[to * c + i] = merge(y[to * c + i], x[from * c + i]);
            }
        });
        y
    };
    let case = |name, apply, reference| Case {
        name,
        inputs: vec![Input::random(SHAPE)],
        apply,
        reference,
        tolerance: TOLERANCE,
    };
    vec![
        case(
            "max-pool",
            Box::new(move |g, v| ops::max_pool(g, v[0], pool)),
            Box::new(move |v| under(&v[0], f64::NEG_INFINITY, f64::max)),
        ),
        case(
            "average pool",
            Box::new(move |g, v| ops::avg_pool(g, v[0], pool, Divisor::Window)),
            Box::new(move |v| under(&v[0], 0.0, |sum, x| sum + x / 9.0)),
        ),
        case(
            "global average pool",
            Box::new(|g, v| ops::global_avg_pool(g, v[0])),
            Box::new(|v| {
                let [_, h, w, c] = SHAPE;
                let image = |x: &[f64]| reference::statistics(x, c)[0].clone();
                v[0].chunks_exact(h * w * c).flat_map(image).collect()
            }),
        ),
    ]
}

fn sums() -> Vec<Case> {
    let [x, s, b] = [[2, 5, 7, 6], [2, 1, 1, 6], [1, 1, 1, 6]];
    let gated = |i: usize| i / (5 * 7 * 6) * 6 + i % 6;
    vec![
        Case {
            name: "squeeze-and-excite gate",
            inputs: vec![Input::random(x), Input::random(s)],
            apply: Box::new(|g, v| ops::gate(g, v[0], v[1])),
            reference: Box::new(move |v| {
                v[0].iter()
                    .enumerate()
                    .map(|(i, x)| x * v[1][gated(i)])
                    .collect()
            }),
            tolerance: TOLERANCE,
        },
        Case {
            name: "bias",
            inputs: vec![Input::random(x), Input::random(b)],
            apply: Box::new(|g, v| ops::bias(g, v[0], v[1])),
            reference: Box::new(|v| {
                v[0].iter()
                    .enumerate()
                    .map(|(i, x)| x + v[1][i % 6])
                    .collect()
            }),
            tolerance: TOLERANCE,
        },
        Case {
            name: "residual sum",
            inputs: vec![Input::random(x), Input::random(x)],
            apply: Box::new(|g, v| ops::add(g, v[0], v[1])),
            reference: Box::new(|v| v[0].iter().zip(&v[1]).map(|(a, b)| a + b).collect()),
            tolerance: TOLERANCE,
        },
    ]
}
