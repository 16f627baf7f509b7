//! Whether an adapter's matrix units are used: where it lists them and they multiply rightly.

use std::fmt;
use std::str::FromStr;

use super::{Gpu, GpuOptions};
use crate::ops::{Conv2d, conv2d};
use crate::{Error, Graph, Limits, Mode, Plan, Result, Shape, Variant, VariantTable, gradients};

/// Whether kernels use an adapter's matrix units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatrixUnits {
    /// Where a GPU lists them and a product of every kind comes out right: software drivers only imitate them.
    #[default]
    Auto,
    /// On any adapter that lists them; it is an error where they cannot be used.
    On,
    /// Never.
    Off,
}

impl FromStr for MatrixUnits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(format!("{text} is none of auto, on and off")),
        }
    }
}

impl fmt::Display for MatrixUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl MatrixUnits {
    /// What the options or the environment say.
    pub(super) fn of(options: &GpuOptions) -> Result<Self> {
        const NAME: &str = "TRIAXIS_MATRIX_UNITS";
        match (options.matrix_units, std::env::var(NAME)) {
            (Some(wanted), _) => Ok(wanted),
            (None, Ok(text)) if !text.is_empty() => {
                (text.parse()).map_err(|problem| Error::NoAdapter(format!("{NAME}: {problem}")))
            }
            _ => Ok(Self::Auto),
        }
    }
}

/// Pixels, input and output channels of the layer that is tried: several tiles and depths of each, none of them full.
const LAYER: [usize; 3] = [150, 40, 72];

/// Times that it is tried: a race gives wrong sums only now and then.
const RUNS: usize = 4;

/// Makes a pointwise convolution and its gradients by the adapter's matrix units, and compares them with the host's.
///
/// The numbers are small and whole, so that any order of sums gives the same.
///
/// # Errors
///
/// What the driver reported; [`Error::Device`] with the first wrong number.
pub(super) fn prove(gpu: &Gpu) -> Result<()> {
    let gpu = gpu.with_limits(Limits {
        variants: VariantTable::all(Variant::Cooperative),
        ..*gpu.limits()
    });
    let [pixels, cin, cout] = LAYER;
    let mut g = Graph::new(Mode::Train);
    let x = g.input("x", Shape([2, pixels / 10, 5, cin]));
    let weight = g.input("weight", Shape([1, 1, cin, cout]));
    let y = conv2d(&mut g, x, weight, Conv2d::default())?;
    let dy = g.input("dy", g.shape(y));
    let gradients = gradients(&mut g, y, dy)?;
    let dx = gradients.get(x).expect("an input has a gradient");
    let dw = gradients.get(weight).expect("an input has a gradient");
    g.store_halves(&[]);
    let numbers = |count: usize, step: usize| -> Vec<f32> {
        (0..count).map(|i| (i * step % 7) as f32 - 3.0).collect()
    };
    let of_x = numbers(pixels * cin, 5);
    let of_weight = numbers(cin * cout, 11);
    let of_dy = numbers(pixels * cout, 13);
    let mut expected = [
        ("output", y, vec![0.0; pixels * cout]),
        ("input's gradient", dx, vec![0.0; pixels * cin]),
        ("weight's gradient", dw, vec![0.0; cin * cout]),
    ];
    for pixel in 0..pixels {
        for i in 0..cin {
            for o in 0..cout {
                let (at_x, at_weight, at_y) = (pixel * cin + i, i * cout + o, pixel * cout + o);
                expected[0].2[at_y] += of_x[at_x] * of_weight[at_weight];
                expected[1].2[at_x] += of_dy[at_y] * of_weight[at_weight];
                expected[2].2[at_weight] += of_x[at_x] * of_dy[at_y];
            }
        }
    }
    let mut plan = Plan::compile(&gpu, &g, &[y, dx, dw])?;
    plan.write(x, &of_x)?;
    plan.write(weight, &of_weight)?;
    plan.write(dy, &of_dy)?;
    for _ in 0..RUNS {
        plan.run()?;
        for (what, value, numbers) in &expected {
            let made = plan.read(*value)?;
            let mut pairs = made.iter().zip(numbers).enumerate();
            if let Some((i, (got, expected))) = pairs.find(|(_, (got, expected))| got != expected) {
                return Err(gpu.device_error(format!(
                    "a product of matrices is wrong: number {i} of the {what} is {got}, expected {expected}; please \
                     report it with `triaxis doctor --json`"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Padding;

    /// Output and gradients of a convolution of small whole numbers that are stored as f16.
    fn made(gpu: &Gpu, x: [usize; 4], weight: [usize; 4], conv: Conv2d) -> [Vec<f32>; 3] {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", x);
        let weight = g.input("weight", weight);
        let y = conv2d(&mut g, x, weight, conv).unwrap();
        let dy = g.input("dy", g.shape(y));
        let gradients = gradients(&mut g, y, dy).unwrap();
        let kept = [y, gradients[x], gradients[weight]];
        g.store_halves(&[]);
        let mut plan = Plan::compile(gpu, &g, &kept).unwrap();
        for (value, step) in [(x, 5), (weight, 11), (dy, 13)] {
            let count = g.shape(value).count();
            let numbers: Vec<f32> = (0..count).map(|i| (i * step % 7) as f32 - 3.0).collect();
            plan.write(value, &numbers).unwrap();
        }
        plan.run().unwrap();
        kept.map(|value| plan.read(value).unwrap())
    }

    fn open(units: MatrixUnits) -> Result<Gpu> {
        Gpu::open(&GpuOptions {
            matrix_units: Some(units),
            ..GpuOptions::default()
        })
    }

    #[test]
    fn convolutions_by_matrix_units_equal_those_in_registers() {
        let without = open(MatrixUnits::Off).unwrap();
        if without.info().limits.matrices.is_none() {
            return;
        }
        let gpu = open(MatrixUnits::On).expect("matrices that are listed multiply rightly");
        let of = |variant| {
            gpu.with_limits(Limits {
                variants: VariantTable::all(variant),
                ..*gpu.limits()
            })
        };
        let (cooperative, blocked) = (of(Variant::Cooperative), of(Variant::Blocked));
        let grouped = |groups, stride| Conv2d {
            stride,
            padding: Padding::Symmetric(1),
            groups,
        };
        for (x, weight, conv) in [
            ([2, 6, 7, 3], [3, 3, 3, 9], grouped(1, 2)),
            ([1, 9, 9, 36], [3, 3, 36, 20], grouped(1, 1)),
            ([1, 9, 9, 96], [3, 3, 32, 96], grouped(3, 1)),
            ([1, 9, 9, 80], [3, 3, 16, 80], grouped(5, 2)),
            ([2, 5, 7, 24], [3, 3, 8, 36], grouped(3, 1)),
            ([1, 9, 9, 68], [3, 3, 4, 68], grouped(17, 1)),
            ([1, 5, 4, 42], [3, 3, 6, 42], grouped(7, 1)),
        ] {
            let [got, expected] = [&cooperative, &blocked].map(|gpu| made(gpu, x, weight, conv));
            assert!(got == expected, "{x:?} by {weight:?}");
        }
    }

    #[test]
    fn the_three_words_are_understood_and_no_other() {
        let words = ["auto", "on", "off"].map(|word| word.parse::<MatrixUnits>().unwrap());
        assert_eq!(
            words,
            [MatrixUnits::Auto, MatrixUnits::On, MatrixUnits::Off]
        );
        assert!("yes".parse::<MatrixUnits>().is_err());
    }

    #[test]
    fn matrix_units_are_used_where_they_are_listed_and_right_and_never_where_they_are_off() {
        let off = open(MatrixUnits::Off).unwrap();
        assert_eq!((off.limits().matrices, off.notice()), (None, None));
        let listed = off.info().limits.matrices;
        match open(MatrixUnits::On) {
            Ok(on) => assert!(listed.is_some() && on.limits().matrices == listed),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    listed.is_none() && error.contains("lists no matrices"),
                    "{error}"
                );
            }
        }
    }
}
