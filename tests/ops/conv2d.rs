//! `engine::ops::conv2d`: dense, strided, padded, grouped at any width, pointwise.

use triaxis::engine::Shape;
use triaxis::engine::ops::{Conv2d, Padding, conv2d};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let symmetric = |padding| Conv2d {
        padding: Padding::Symmetric(padding),
        ..Conv2d::default()
    };
    let same = |stride| Conv2d {
        stride,
        padding: Padding::Same,
        groups: 1,
    };
    let grouped = |groups| Conv2d {
        groups,
        ..symmetric(1)
    };
    let strided = |stride, padding| Conv2d {
        stride,
        ..symmetric(padding)
    };
    [
        ("pointwise", [2, 5, 5, 6], [1, 1, 6, 4], symmetric(0)),
        (
            "pointwise of one channel",
            [1, 5, 7, 1],
            [1, 1, 1, 1],
            symmetric(0),
        ),
        (
            "pointwise at one pixel",
            [3, 1, 1, 10],
            [1, 1, 10, 6],
            symmetric(0),
        ),
        (
            "pointwise at one pixel of 7",
            [7, 1, 1, 10],
            [1, 1, 10, 33],
            symmetric(0),
        ),
        (
            "pointwise at 15 pixels",
            [1, 3, 5, 10],
            [1, 1, 10, 33],
            symmetric(0),
        ),
        (
            "pointwise 20 to 33",
            [1, 5, 7, 20],
            [1, 1, 20, 33],
            symmetric(0),
        ),
        (
            "dense 3×3 of pictures",
            [2, 6, 7, 3],
            [3, 3, 3, 9],
            symmetric(1),
        ),
        ("strided 3×3", [1, 8, 9, 3], [3, 3, 3, 5], strided(2, 1)),
        ("strided 7×7", [1, 9, 11, 3], [7, 7, 3, 6], strided(2, 3)),
        (
            "strided 7×7 to 38",
            [2, 6, 9, 3],
            [7, 7, 3, 38],
            strided(2, 3),
        ),
        (
            "strided pointwise",
            [2, 5, 7, 6],
            [1, 1, 6, 5],
            strided(2, 0),
        ),
        ("stride 3", [1, 7, 8, 5], [3, 3, 5, 4], strided(3, 1)),
        (
            "kernel larger than the image",
            [2, 2, 1, 3],
            [5, 5, 3, 4],
            symmetric(2),
        ),
        ("SAME, even side", [1, 6, 8, 3], [3, 3, 3, 4], same(2)),
        ("SAME, odd side", [1, 5, 7, 3], [3, 3, 3, 4], same(2)),
        ("SAME 5×5", [1, 6, 4, 2], [5, 5, 2, 3], same(2)),
        ("2 groups of 4", [2, 5, 5, 8], [3, 3, 4, 8], grouped(2)),
        (
            "2 groups of 4 to 12",
            [1, 5, 7, 8],
            [3, 3, 4, 24],
            grouped(2),
        ),
        (
            "3 groups of 8 to 12",
            [1, 5, 7, 24],
            [3, 3, 8, 36],
            grouped(3),
        ),
        (
            "5 groups of 16, strided",
            [1, 5, 6, 80],
            [3, 3, 16, 80],
            Conv2d {
                stride: 2,
                ..grouped(5)
            },
        ),
        ("3 groups of 8", [2, 17, 6, 24], [3, 3, 8, 24], grouped(3)),
        (
            "3 groups of 8, strided",
            [1, 18, 7, 24],
            [3, 3, 8, 24],
            Conv2d {
                stride: 2,
                ..grouped(3)
            },
        ),
        (
            "2 groups of 8, SAME",
            [2, 6, 9, 16],
            [3, 3, 8, 16],
            Conv2d {
                groups: 2,
                ..same(2)
            },
        ),
        (
            "5 groups of 2 to 1",
            [1, 5, 7, 10],
            [3, 3, 2, 5],
            grouped(5),
        ),
        ("3 groups of 2", [2, 5, 5, 6], [3, 3, 2, 6], grouped(3)),
        (
            "5 groups of 3 to 2",
            [1, 5, 7, 15],
            [3, 3, 3, 10],
            grouped(5),
        ),
        ("7 groups of 6", [1, 5, 4, 42], [3, 3, 6, 42], grouped(7)),
        (
            "6 groups of 1 to 2",
            [2, 5, 5, 6],
            [3, 3, 1, 12],
            grouped(6),
        ),
    ]
    .map(|(name, x, w, conv)| case(name, x, w, conv, Differences::All))
    .into_iter()
    .chain([
        // Wide enough for tiles, several of them and an uneven rest in every direction.
        case(
            "wide pointwise",
            [2, 7, 9, 70],
            [1, 1, 70, 76],
            symmetric(0),
            Differences::Some(30),
        ),
        case(
            "wide 3×3",
            [1, 9, 9, 68],
            [3, 3, 68, 20],
            symmetric(1),
            Differences::Some(20),
        ),
        case(
            "wide 3×3, strided",
            [1, 9, 9, 16],
            [3, 3, 16, 72],
            strided(2, 1),
            Differences::Some(20),
        ),
        // All phases of the input's gradient in one tile, which has room for a fifth.
        case(
            "wide 3×3, strided, of one tile",
            [1, 6, 9, 16],
            [3, 3, 16, 72],
            strided(2, 1),
            Differences::Some(20),
        ),
        case(
            "wide groups",
            [1, 9, 9, 64],
            [3, 3, 32, 64],
            grouped(2),
            Differences::Some(20),
        ),
        // First layers: several patches of a row, and rows that several threads share.
        case(
            "pictures, strided 7×7",
            [2, 19, 37, 3],
            [7, 7, 3, 12],
            strided(2, 3),
            Differences::Some(20),
        ),
        case(
            "pictures of two rows",
            [3, 2, 70, 3],
            [3, 3, 3, 9],
            symmetric(1),
            Differences::Some(20),
        ),
        case(
            "pictures of one channel, SAME",
            [1, 12, 18, 1],
            [5, 5, 1, 10],
            same(2),
            Differences::Some(20),
        ),
        case(
            "pictures of four channels, stride 4",
            [1, 13, 21, 4],
            [7, 7, 4, 9],
            strided(4, 2),
            Differences::Some(20),
        ),
        // One or two vec4s of channels of one side, and more pixels than a subgroup makes.
        case(
            "pointwise, many to 6",
            [3, 13, 11, 70],
            [1, 1, 70, 6],
            symmetric(0),
            Differences::Some(20),
        ),
        case(
            "pointwise, 3 to many",
            [3, 13, 11, 3],
            [1, 1, 3, 70],
            symmetric(0),
            Differences::Some(20),
        ),
        case(
            "3×3, strided, many to 7",
            [2, 19, 23, 18],
            [3, 3, 18, 7],
            strided(2, 1),
            Differences::Some(20),
        ),
        // More image rows than the weight's gradient has splits for.
        case(
            "many rows",
            [3, 40, 3, 4],
            [1, 1, 4, 4],
            symmetric(0),
            Differences::Some(16),
        ),
    ])
    .collect()
}

/// Layers of EfficientNet-B0, RegNetY-400MF, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
///
/// Names say kernel, channels and side of the input.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, [cin, cout]: [usize; 2], kernel, stride, groups| {
        let conv = Conv2d {
            stride,
            padding: Padding::Symmetric(kernel / 2),
            groups,
        };
        let weight = [kernel, kernel, cin / groups, cout];
        case(
            name,
            [n, side, side, cin],
            weight,
            conv,
            Differences::Some(1),
        )
    };
    vec![
        layer("stem3x3s2_3to32_224", 224, [3, 32], 3, 2, 1),
        layer("stem7x7s2_3to64_224", 224, [3, 64], 7, 2, 1),
        layer("point_16to96_112", 112, [16, 96], 1, 1, 1),
        layer("point_24to144_56", 56, [24, 144], 1, 1, 1),
        layer("point_144to24_56", 56, [144, 24], 1, 1, 1),
        layer("point_256to64_56", 56, [256, 64], 1, 1, 1),
        layer("point_240to80_28", 28, [240, 80], 1, 1, 1),
        layer("point_80to480_14", 14, [80, 480], 1, 1, 1),
        layer("point_1152to320_7", 7, [1152, 320], 1, 1, 1),
        layer("point_s2_256to512_56", 56, [256, 512], 1, 2, 1),
        layer("dense3x3_64_56", 56, [64, 64], 3, 1, 1),
        layer("dense3x3_256_14", 14, [256, 256], 3, 1, 1),
        layer("group3x3_gw4_96_56", 56, [96, 96], 3, 1, 24),
        layer("group3x3s2_gw8_48_112", 112, [48, 48], 3, 2, 6),
        layer("group3x3_gw8_104_28", 28, [104, 104], 3, 1, 13),
        layer("group3x3_gw8_208_14", 14, [208, 208], 3, 1, 26),
        layer("group3x3_gw16_224_28", 28, [224, 224], 3, 1, 14),
        layer("group3x3_gw16_448_14", 14, [448, 448], 3, 1, 28),
        layer("point_144to8_56", 56, [144, 8], 1, 1, 1),
        layer("squeeze_144to6_1", 1, [144, 6], 1, 1, 1),
        layer("linear_1280to1000_1", 1, [1280, 1000], 1, 1, 1),
    ]
}

fn case(name: &str, x: [usize; 4], w: [usize; 4], conv: Conv2d, differences: Differences) -> Case {
    Case {
        name: format!("conv2d {name}"),
        inputs: vec![Input::random(x), Input::random(w)],
        apply: Box::new(move |g, v| conv2d(g, v[0], v[1], conv)),
        reference: Box::new(move |v| reference(&v[0], x, &v[1], w, conv)),
        differences,
    }
}

/// The output's side and the zeros before the first pixel.
pub fn window(side: usize, kernel: usize, conv: Conv2d) -> (usize, usize) {
    match conv.padding {
        Padding::Symmetric(zeros) => ((side + 2 * zeros - kernel) / conv.stride + 1, zeros),
        Padding::Same => {
            let out = side.div_ceil(conv.stride);
            (
                out,
                ((out - 1) * conv.stride + kernel).saturating_sub(side) / 2,
            )
        }
    }
}

/// The definition, output by output.
pub fn reference(
    x: &[f64],
    [n, h, w, c]: [usize; 4],
    weight: &[f64],
    [k, _, cg, out]: [usize; 4],
    conv: Conv2d,
) -> Vec<f64> {
    let ((oh, before_y), (ow, before_x)) = (window(h, k, conv), window(w, k, conv));
    let mut y = vec![0.0; Shape([n, oh, ow, out]).count()];
    for (i, y) in y.iter_mut().enumerate() {
        let (co, ox, oy, image) = (i % out, i / out % ow, i / out / ow % oh, i / out / ow / oh);
        for ky in 0..k {
            for kx in 0..k {
                let iy = (oy * conv.stride + ky).wrapping_sub(before_y);
                let ix = (ox * conv.stride + kx).wrapping_sub(before_x);
                if iy >= h || ix >= w {
                    continue;
                }
                for ci in 0..cg {
                    let channel = co / (out / conv.groups) * cg + ci;
                    *y += x[((image * h + iy) * w + ix) * c + channel]
                        * weight[((ky * k + kx) * cg + ci) * out + co];
                }
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode};

    use super::*;

    #[test]
    fn conv2d_matches_reference_and_its_differences() {
        crate::check_all(&cases());
    }

    #[test]
    fn conv2d_refuses_channels_that_do_not_fit() {
        let mut g = Graph::new(Mode::Train);
        let (x, w) = (g.input("x", [1, 8, 8, 3]), g.input("w", [3, 3, 2, 4]));
        let error = g
            .scope("stem", |g| conv2d(g, x, w, Conv2d::default()))
            .unwrap_err();
        let expected = "stem.conv2d expects 2 input channels in 1 groups, a number of output channels that 1 divides, and \
                        a square kernel, got 1×8×8×3 3×3×2×4";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn conv2d_refuses_more_groups_than_can_be_counted() {
        let mut g = Graph::new(Mode::Train);
        let (x, w) = (g.input("x", [1, 8, 8, 4]), g.input("w", [3, 3, 4, 4]));
        let groups = usize::MAX;
        let conv = Conv2d {
            groups,
            ..Conv2d::default()
        };
        let error = conv2d(&mut g, x, w, conv).unwrap_err().to_string();
        let expected = format!("conv2d expects fewer input channels in {groups} groups");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn narrow_groups_cost_what_their_own_channels_cost() {
        let mut g = Graph::new(Mode::Train);
        let (x, w) = (g.input("x", [1, 5, 5, 6]), g.input("w", [3, 3, 2, 6]));
        conv2d(
            &mut g,
            x,
            w,
            Conv2d {
                groups: 3,
                padding: Padding::Symmetric(1),
                ..Conv2d::default()
            },
        )
        .unwrap();
        let complexity = g.complexity();
        assert_eq!(
            (complexity.flops, complexity.acts),
            (5 * 5 * 6 * 9 * 2, 5 * 5 * 6)
        );
    }
}
