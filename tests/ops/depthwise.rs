//! `engine::ops::depthwise`.

use triaxis::engine::ops::{Depthwise, Padding, depthwise};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    use Padding::{Same, Symmetric};
    let case = |image: [usize; 4], kernel: usize, stride: usize, padding, differences| {
        let options = Depthwise { stride, padding };
        let name = format!("{kernel}×{kernel} of {image:?}, {options:?}");
        case(&name, image, kernel, options, differences)
    };
    let all = Differences::All;
    vec![
        case([1, 1, 1, 1], 1, 1, Symmetric(0), all),
        case([3, 1, 1, 6], 3, 1, Symmetric(1), all),
        case([2, 5, 7, 6], 3, 1, Symmetric(1), all),
        case([1, 5, 7, 3], 3, 1, Symmetric(0), all),
        case([2, 5, 7, 10], 3, 2, Symmetric(1), all),
        case([1, 6, 8, 3], 3, 2, Same, all),
        case([1, 5, 7, 3], 3, 2, Same, all),
        case([1, 8, 11, 1], 3, 3, Symmetric(1), all),
        case([1, 7, 9, 3], 5, 1, Symmetric(2), all),
        case([3, 6, 5, 3], 5, 2, Same, all),
        case([1, 7, 10, 1], 5, 3, Same, all),
        case([1, 9, 13, 3], 7, 2, Symmetric(3), all),
        case([1, 3, 2, 6], 7, 1, Symmetric(3), all),
        case([1, 3, 2, 6], 7, 4, Same, all),
        // Windows that leave pixels out, an even side, padding wider than the kernel.
        case([1, 7, 9, 3], 2, 3, Symmetric(0), all),
        case([1, 6, 9, 3], 4, 2, Same, all),
        case([1, 3, 4, 2], 2, 4, Symmetric(3), all),
        // A row of several segments, sums of several stages.
        case([2, 33, 131, 20], 5, 1, Same, Differences::Some(8)),
        case([3, 40, 67, 3], 3, 2, Symmetric(1), Differences::Some(8)),
    ]
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, channels, kernel, stride| {
        let options = Depthwise {
            stride,
            padding: Padding::Symmetric(kernel / 2),
        };
        let image = [n, side, side, channels];
        case(name, image, kernel, options, Differences::Some(1))
    };
    vec![
        layer("depth3x3_32_112", 112, 32, 3, 1),
        layer("depth3x3s2_96_112", 112, 96, 3, 2),
        layer("depth3x3_96_56", 56, 96, 3, 1),
        layer("depth5x5_240_28", 28, 240, 5, 1),
        layer("depth5x5_672_14", 14, 672, 5, 1),
    ]
}

fn case(
    name: &str,
    image: [usize; 4],
    kernel: usize,
    options: Depthwise,
    differences: Differences,
) -> Case {
    Case {
        name: format!("depthwise {name}"),
        inputs: vec![
            Input::random(image),
            Input::random([kernel, kernel, 1, image[3]]),
        ],
        apply: Box::new(move |g, v| depthwise(g, v[0], v[1], options)),
        reference: Box::new(move |v| reference(&v[0], &v[1], image, kernel, options)),
        differences,
    }
}

/// One multiplication at a time.
pub fn reference(
    x: &[f64],
    w: &[f64],
    [n, h, width, c]: [usize; 4],
    kernel: usize,
    options: Depthwise,
) -> Vec<f64> {
    let (top, oh) = super::window(h, kernel, options.stride, options.padding);
    let (left, ow) = super::window(width, kernel, options.stride, options.padding);
    let mut y = vec![0.0; n * oh * ow * c];
    for (at, y) in y.iter_mut().enumerate() {
        let (image, oy) = (at / c / ow / oh, at / c / ow % oh);
        let (ox, channel) = (at / c % ow, at % c);
        for ky in 0..kernel {
            for kx in 0..kernel {
                let iy = (oy * options.stride + ky).wrapping_sub(top);
                let ix = (ox * options.stride + kx).wrapping_sub(left);
                if iy < h && ix < width {
                    *y += x[((image * h + iy) * width + ix) * c + channel]
                        * w[(ky * kernel + kx) * c + channel];
                }
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{Depthwise, Padding, depthwise};
    use triaxis::engine::{Graph, Mode};

    #[test]
    fn depthwise_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn depthwise_counts_a_multiply_add_a_tap() {
        let mut g = Graph::new(Mode::Evaluate);
        let (x, w) = (g.input("x", [1, 6, 8, 10]), g.input("w", [5, 5, 1, 10]));
        let options = Depthwise {
            stride: 2,
            padding: Padding::Same,
        };
        depthwise(&mut g, x, w, options).unwrap();
        let complexity = g.complexity();
        assert_eq!(
            (complexity.flops, complexity.acts),
            (25 * 3 * 4 * 10, 3 * 4 * 10)
        );
    }

    fn refusal(weight: [usize; 4], options: Depthwise) -> String {
        let mut g = Graph::new(Mode::Evaluate);
        let (x, w) = (g.input("x", [1, 4, 4, 3]), g.input("w", weight));
        depthwise(&mut g, x, w, options).unwrap_err().to_string()
    }

    #[test]
    fn depthwise_refuses_weights_that_do_not_fit() {
        assert_eq!(
            refusal([3, 3, 1, 4], Depthwise::default()),
            "depthwise expects a weight [k, k, 1, 3], one kernel a channel, got 1×4×4×3 3×3×1×4"
        );
        assert_eq!(
            refusal([9, 9, 1, 3], Depthwise::default()),
            "depthwise expects a kernel of at most 7×7 and a stride of at most 7 (here 1), got 1×4×4×3 9×9×1×3"
        );
        assert!(refusal([5, 5, 1, 3], Depthwise::default()).contains("a 5×5 window fits on"));
        let options = Depthwise {
            stride: 0,
            ..Depthwise::default()
        };
        assert!(refusal([3, 3, 1, 3], options).contains("a stride of 1 to 1024"));
    }
}
