//! `engine::ops::expand_depthwise`.

use triaxis::engine::Shape;
use triaxis::engine::ops::{
    Activation, Conv2d, Depthwise, ExpandDepthwise, ExpandInputs, Padding, expand_depthwise,
    expand_depthwise_mean, gate, scale,
};

use super::{activation, conv2d, depthwise};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    use Activation::{HardSwish, Identity, Relu, Sigmoid, Silu};
    use Padding::{Same, Symmetric};
    // What is between: not zero where x is, so that padding would show.
    let sizes = |image, channels, kernel, stride, padding| Sizes {
        image,
        channels,
        kernel,
        stride,
        padding,
    };
    vec![
        plain(sizes([1, 1, 1, 1], 1, 1, 1, Symmetric(0)), Identity, Relu),
        plain(sizes([2, 5, 7, 3], 6, 3, 1, Symmetric(1)), Silu, Silu),
        plain(
            sizes([2, 5, 7, 6], 10, 3, 2, Symmetric(1)),
            Sigmoid,
            Sigmoid,
        ),
        plain(sizes([1, 6, 8, 5], 3, 3, 2, Same), HardSwish, Identity),
        // Several tiles in each direction, several pieces of a pixel's channels, uneven rests of all.
        plain(sizes([1, 11, 19, 5], 38, 3, 1, Symmetric(1)), Silu, Relu),
        plain(sizes([2, 17, 21, 7], 33, 5, 2, Symmetric(2)), Silu, Relu),
        plain(sizes([1, 9, 10, 2], 20, 5, 1, Same), Relu, Silu),
        plain(sizes([1, 9, 9, 2], 6, 7, 1, Symmetric(3)), Sigmoid, Silu),
        plain(sizes([1, 7, 13, 2], 6, 2, 2, Symmetric(0)), Sigmoid, Silu),
        plain(sizes([1, 3, 2, 6], 5, 5, 1, Symmetric(4)), Sigmoid, Silu),
        with_mean(sizes([3, 2, 3, 3], 6, 3, 1, Symmetric(1)), Silu, Sigmoid),
        with_mean(sizes([2, 19, 23, 5], 38, 3, 2, Symmetric(1)), Silu, Silu),
        with_mean(sizes([2, 13, 10, 5], 33, 5, 1, Symmetric(2)), Silu, Relu),
        // Sums of several stages.
        with_mean(sizes([1, 50, 51, 2], 3, 3, 1, Symmetric(1)), Relu, Relu),
    ]
}

/// Layers of EfficientNet-B0 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |side, cin, channels, kernel, stride| {
        let sizes = Sizes {
            image: [n, side, side, cin],
            channels,
            kernel,
            stride,
            padding: Padding::Symmetric(kernel / 2),
        };
        plain(sizes, Activation::Silu, Activation::Silu)
    };
    vec![
        layer(112, 16, 96, 3, 2),
        layer(56, 24, 144, 3, 1),
        layer(56, 24, 144, 5, 2),
        layer(28, 40, 240, 3, 2),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    image: [usize; 4],
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
}

impl Sizes {
    fn inputs(&self) -> Vec<Input> {
        let Self {
            image,
            channels,
            kernel,
            ..
        } = *self;
        let shapes = [
            Shape(image),
            Shape([1, 1, image[3], channels]),
            Shape::vector(channels),
            Shape([kernel, kernel, 1, channels]),
            Shape::vector(channels),
        ];
        shapes.map(|shape| Input::random(shape).constant()).into()
    }

    fn options(&self, first: Activation, second: Activation) -> ExpandDepthwise {
        ExpandDepthwise {
            expand_activation: first,
            depthwise: self.depthwise(),
            activation: second,
        }
    }

    fn depthwise(&self) -> Depthwise {
        Depthwise {
            stride: self.stride,
            padding: self.padding,
        }
    }

    /// One convolution, then the other.
    fn reference(&self, v: &[Vec<f64>], [first, second]: [Activation; 2]) -> Vec<f64> {
        let [n, h, w, cin] = self.image;
        let c = self.channels;
        let finish = |sums: Vec<f64>, bias: &[f64], kind| -> Vec<f64> {
            let each = sums.iter().enumerate();
            each.map(|(i, sum)| activation::reference(kind, sum + bias[i % c]))
                .collect()
        };
        let point = [1, 1, cin, c];
        let wide = conv2d::reference(&v[0], self.image, &v[1], point, Conv2d::default());
        let wide = finish(wide, &v[2], first);
        let sums = depthwise::reference(&wide, &v[3], [n, h, w, c], self.kernel, self.depthwise());
        finish(sums, &v[4], second)
    }
}

fn inputs(v: &[triaxis::engine::Value]) -> ExpandInputs {
    ExpandInputs {
        x: v[0],
        expand: v[1],
        expand_bias: v[2],
        weight: v[3],
        bias: v[4],
    }
}

fn plain(sizes: Sizes, first: Activation, second: Activation) -> Case {
    let options = sizes.options(first, second);
    Case {
        name: format!("expand_depthwise {sizes:?}, {first:?}, {second:?}"),
        inputs: sizes.inputs(),
        apply: Box::new(move |g, v| expand_depthwise(g, inputs(v), options)),
        reference: Box::new(move |v| sizes.reference(v, [first, second])),
        differences: Differences::None,
    }
}

/// The output times the sum over its image, half of it: so both count, and no pixel is too small to be missed.
fn with_mean(sizes: Sizes, first: Activation, second: Activation) -> Case {
    let options = sizes.options(first, second);
    let side =
        |axis: usize| super::window(sizes.image[axis], sizes.kernel, sizes.stride, sizes.padding).1;
    let (pixels, c) = (side(1) * side(2), sizes.channels);
    Case {
        name: format!("expand_depthwise with its mean {sizes:?}, {first:?}, {second:?}"),
        inputs: sizes.inputs(),
        apply: Box::new(move |g, v| {
            let [y, mean] = expand_depthwise_mean(g, inputs(v), options)?;
            let sum = scale(g, mean, pixels as f32 / 2.0)?;
            gate(g, y, sum)
        }),
        reference: Box::new(move |v| {
            let y = sizes.reference(v, [first, second]);
            super::times_half_of_its_sum(&y, [pixels, c])
        }),
        differences: Differences::None,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode};

    use super::*;

    #[test]
    fn expand_depthwise_matches_reference() {
        crate::check_all(&cases());
    }

    fn refusal(expand: [usize; 4], weight: [usize; 4], stride: usize) -> String {
        let mut g = Graph::new(Mode::Evaluate);
        let c = expand[3];
        let shapes = [[1, 9, 9, 3], expand, [1, 1, 1, c], weight, [1, 1, 1, 8]];
        let v = shapes.map(|shape| g.input("", shape));
        let depthwise = Depthwise {
            stride,
            padding: Padding::Symmetric(weight[0] / 2),
        };
        let options = ExpandDepthwise {
            depthwise,
            ..ExpandDepthwise::default()
        };
        let error = expand_depthwise(&mut g, inputs(&v), options).unwrap_err();
        error.to_string()
    }

    #[test]
    fn expand_depthwise_refuses_what_does_not_fit() {
        let error = refusal([1, 1, 4, 8], [3, 3, 1, 8], 1);
        assert!(error.contains("a pointwise weight [1, 1, 3, c]"), "{error}");
        let error = refusal([1, 1, 3, 7], [3, 3, 1, 7], 1);
        assert!(error.contains("two biases of 1×1×1×7"), "{error}");
        let error = refusal([1, 1, 3, 8], [3, 3, 1, 7], 1);
        assert!(error.contains("a weight [k, k, 1, 8]"), "{error}");
        let error = refusal([1, 1, 3, 8], [7, 7, 1, 8], 7);
        assert!(
            error.contains("a smaller kernel or stride than 7×7 and 7"),
            "{error}"
        );
    }

    #[test]
    fn expand_depthwise_counts_both_convolutions() {
        let mut g = Graph::new(Mode::Evaluate);
        let sizes = Sizes {
            image: [1, 6, 8, 5],
            channels: 10,
            kernel: 5,
            stride: 2,
            padding: Padding::Same,
        };
        let v: Vec<_> = sizes
            .inputs()
            .iter()
            .map(|i| g.input("", i.shape))
            .collect();
        let options = sizes.options(Activation::Silu, Activation::Silu);
        expand_depthwise(&mut g, inputs(&v), options).unwrap();
        let cost = g.complexity();
        assert_eq!(cost.flops, 6 * 8 * 5 * 10 + 3 * 4 * 25 * 10);
        assert_eq!(cost.acts, 6 * 8 * 10 + 3 * 4 * 10);
    }
}
