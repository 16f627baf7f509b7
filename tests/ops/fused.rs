//! `engine::ops::conv2d_fused`: every epilogue and prologue, on every kind of convolution.

use triaxis::engine::Shape;
use triaxis::engine::ops::{
    Activation, Conv2d, FusedConv2d, FusedInputs, Padding, conv2d_fused, conv2d_fused_mean, gate,
    scale,
};

use super::activation;
use super::conv2d::{reference as convolve, window};
use crate::{Case, Differences, Input};

/// What is fused.
#[derive(Clone, Copy, Debug, Default)]
struct Extras {
    activation: Activation,
    after: Activation,
    residual: bool,
    gate: bool,
}

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    use Activation::{HardSwish, Identity, Relu, Sigmoid, Silu};
    let conv = |padding, stride, groups| Conv2d {
        stride,
        padding: Padding::Symmetric(padding),
        groups,
    };
    let bias = |activation| Extras {
        activation,
        ..Extras::default()
    };
    let residual = |activation, after| Extras {
        activation,
        after,
        residual: true,
        gate: false,
    };
    let gate = |activation| Extras {
        gate: true,
        ..bias(activation)
    };
    let both = Extras {
        gate: true,
        ..residual(Identity, Identity)
    };
    let point = conv(0, 1, 1);
    [
        ("bias", [2, 5, 5, 6], [1, 1, 6, 4], point, bias(Identity)),
        // What sigmoid makes of the padding must not be stored.
        ("linear", [3, 1, 1, 10], [1, 1, 10, 6], point, bias(Sigmoid)),
        (
            "stem",
            [2, 6, 7, 3],
            [3, 3, 3, 9],
            conv(1, 2, 1),
            bias(Silu),
        ),
        (
            "narrow groups",
            [2, 5, 5, 6],
            [3, 3, 2, 6],
            conv(1, 1, 3),
            bias(Relu),
        ),
        (
            "residual",
            [2, 5, 5, 6],
            [1, 1, 6, 5],
            point,
            residual(Identity, Relu),
        ),
        (
            "shortcut of an active branch",
            [1, 5, 7, 3],
            [3, 3, 3, 3],
            conv(1, 1, 1),
            residual(Silu, Identity),
        ),
        (
            "two activations",
            [1, 4, 5, 3],
            [3, 3, 3, 6],
            conv(1, 1, 1),
            residual(HardSwish, Sigmoid),
        ),
        // Images end within a thread's pixels.
        ("gate", [3, 5, 7, 6], [1, 1, 6, 4], point, gate(Silu)),
        (
            "gate of one pixel",
            [5, 1, 1, 6],
            [1, 1, 6, 12],
            point,
            gate(Identity),
        ),
        (
            "gate and residual",
            [3, 3, 5, 20],
            [1, 1, 20, 9],
            point,
            both,
        ),
        (
            "gate of a strided 3×3",
            [2, 5, 6, 5],
            [3, 3, 5, 6],
            conv(1, 2, 1),
            gate(Relu),
        ),
        (
            "gate of groups",
            [2, 5, 5, 24],
            [3, 3, 8, 36],
            conv(1, 1, 3),
            gate(Identity),
        ),
        (
            "gate of narrow groups",
            [2, 3, 5, 15],
            [3, 3, 3, 10],
            conv(1, 1, 5),
            gate(Relu),
        ),
        ("tiles", [3, 7, 9, 70], [1, 1, 70, 76], point, both),
        (
            "tiles with activations",
            [2, 7, 9, 70],
            [1, 1, 70, 66],
            point,
            residual(Silu, Sigmoid),
        ),
        (
            "wide groups",
            [1, 9, 9, 64],
            [3, 3, 32, 64],
            conv(1, 1, 2),
            gate(Silu),
        ),
        (
            "depthwise",
            [2, 5, 7, 6],
            [3, 3, 1, 6],
            conv(1, 2, 6),
            bias(Silu),
        ),
        (
            "depthwise 5×5",
            [1, 7, 9, 3],
            [5, 5, 1, 3],
            conv(2, 1, 3),
            bias(Sigmoid),
        ),
        (
            "depthwise with residual",
            [3, 5, 6, 10],
            [3, 3, 1, 10],
            conv(1, 1, 10),
            residual(Identity, Relu),
        ),
    ]
    .map(|(name, x, w, conv, extras)| case(name, x, w, conv, extras))
    .into_iter()
    .chain([
        with_mean([2, 5, 7, 6], 3, conv(1, 2, 6), Silu),
        // One thread makes all of an image's strips, and padding that is not zero would show.
        with_mean([3, 2, 3, 10], 5, conv(2, 1, 10), Sigmoid),
        // Sums of several stages.
        with_mean([2, 40, 131, 3], 3, conv(1, 1, 3), Relu),
        with_mean([1, 90, 91, 2], 3, conv(1, 1, 2), HardSwish),
    ])
    .collect()
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, [cin, cout]: [usize; 2], kernel, groups, extras| {
        let conv = Conv2d {
            stride: 1,
            padding: Padding::Symmetric(kernel / 2),
            groups,
        };
        let weight = [kernel, kernel, cin / groups, cout];
        case(name, [n, side, side, cin], weight, conv, extras)
    };
    let silu = Extras {
        activation: Activation::Silu,
        ..Extras::default()
    };
    let projection = Extras {
        residual: true,
        gate: true,
        ..Extras::default()
    };
    let relu = Extras {
        after: Activation::Relu,
        residual: true,
        ..Extras::default()
    };
    vec![
        layer("point_24to144_56", 56, [24, 144], 1, 1, silu),
        layer("point_144to24_56", 56, [144, 24], 1, 1, projection),
        layer("point_672to112_14", 14, [672, 112], 1, 1, projection),
        layer("point_64to256_56", 56, [64, 256], 1, 1, relu),
        layer("depth5x5_240_28", 28, [240, 240], 5, 240, silu),
    ]
}

fn case(name: &str, x: [usize; 4], w: [usize; 4], conv: Conv2d, extras: Extras) -> Case {
    let Extras {
        activation,
        after,
        residual,
        gate,
    } = extras;
    let y = output(x, w, conv);
    let mut inputs = vec![
        Input::random(x).constant(),
        Input::random(w).constant(),
        Input::random(Shape::vector(w[3])).constant(),
    ];
    if residual {
        inputs.push(Input::random(y).constant());
    }
    if gate {
        inputs.push(Input::random([x[0], 1, 1, x[3]]).constant());
    }
    let last = inputs.len() - 1;
    let fused = FusedConv2d {
        conv,
        activation,
        after,
    };
    Case {
        name: format!("fused {name}"),
        inputs,
        apply: Box::new(move |g, v| {
            let inputs = FusedInputs {
                x: v[0],
                weight: v[1],
                bias: v[2],
                residual: residual.then(|| v[3]),
                gate: gate.then(|| v[last]),
            };
            conv2d_fused(g, inputs, fused)
        }),
        reference: Box::new(move |v| {
            let factor = |i: usize| match gate {
                true => v[last][i / (x[1] * x[2] * x[3]) * x[3] + i % x[3]],
                false => 1.0,
            };
            let gated: Vec<f64> = (0..v[0].len()).map(|i| v[0][i] * factor(i)).collect();
            let sums = convolve(&gated, x, &v[1], w, conv);
            let finish = |(i, sum): (usize, &f64)| {
                let branch = activation::reference(activation, sum + v[2][i % w[3]]);
                match residual {
                    true => activation::reference(after, branch + v[3][i]),
                    false => branch,
                }
            };
            sums.iter().enumerate().map(finish).collect()
        }),
        differences: Differences::None,
    }
}

/// A depthwise convolution that makes the mean over each image, too.
fn with_mean(x: [usize; 4], kernel: usize, conv: Conv2d, activation: Activation) -> Case {
    let plain = case(
        "",
        x,
        [kernel, kernel, 1, x[3]],
        conv,
        Extras {
            activation,
            ..Extras::default()
        },
    );
    let [_, oh, ow, c] = output(x, [kernel, kernel, 1, x[3]], conv);
    Case {
        name: format!("fused depthwise {kernel}×{kernel} of {x:?} with its mean"),
        apply: Box::new(move |g, v| {
            let inputs = FusedInputs {
                x: v[0],
                weight: v[1],
                bias: v[2],
                residual: None,
                gate: None,
            };
            let fused = FusedConv2d {
                conv,
                activation,
                ..FusedConv2d::default()
            };
            let [y, mean] = conv2d_fused_mean(g, inputs, fused)?;
            let mean = scale(g, mean, (oh * ow) as f32 / 2.0)?;
            gate(g, y, mean)
        }),
        reference: Box::new(move |v| {
            super::times_half_of_its_sum(&(plain.reference)(v), [oh * ow, c])
        }),
        inputs: plain.inputs,
        differences: Differences::None,
    }
}

fn output([n, h, w, _]: [usize; 4], [k, _, _, cout]: [usize; 4], conv: Conv2d) -> [usize; 4] {
    [n, window(h, k, conv).0, window(w, k, conv).0, cout]
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, Value};

    use super::*;

    #[test]
    fn fused_matches_reference() {
        crate::check_all(&cases());
    }

    fn refusal(
        groups: usize,
        after: Activation,
        add: impl Fn(&mut Graph, &mut FusedInputs),
    ) -> String {
        let mut g = Graph::new(Mode::Evaluate);
        let value = |g: &mut Graph, shape: [usize; 4]| -> Value { g.input("", shape) };
        let mut inputs = FusedInputs {
            x: value(&mut g, [2, 4, 4, 8]),
            weight: value(&mut g, [1, 1, 8 / groups, 8]),
            bias: value(&mut g, [1, 1, 1, 8]),
            residual: None,
            gate: None,
        };
        add(&mut g, &mut inputs);
        let conv = Conv2d {
            groups,
            ..Conv2d::default()
        };
        let fused = FusedConv2d {
            conv,
            after,
            ..FusedConv2d::default()
        };
        conv2d_fused(&mut g, inputs, fused).unwrap_err().to_string()
    }

    #[test]
    fn fused_refuses_what_its_kernels_cannot_do() {
        let none = Activation::Identity;
        let error = refusal(1, none, |g, i| i.residual = Some(g.input("", [2, 4, 3, 8])));
        assert!(
            error.contains("conv2d_fused expects a residual of 2×4×4×8"),
            "{error}"
        );
        let error = refusal(1, none, |g, i| i.gate = Some(g.input("", [1, 1, 1, 8])));
        assert!(error.contains("a gate of 2×1×1×8"), "{error}");
        let error = refusal(8, none, |g, i| i.gate = Some(g.input("", [2, 1, 1, 8])));
        assert!(error.contains("takes no gate"), "{error}");
        let error = refusal(1, Activation::Relu, |_, _| {});
        assert!(error.contains("no residual to activate after"), "{error}");
    }
}
