//! `engine::ops::excite`.

use triaxis::engine::ops::{Activation, ExciteInputs, excite};

use super::activation;
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let case = |[n, c, s]: [usize; 3], kind, differences| {
        let name = format!("{n} images of {c} channels through {s}, {kind:?}");
        case(&name, [n, c, s], kind, differences)
    };
    vec![
        case([1, 1, 1], Activation::Silu, Differences::All),
        case([3, 6, 2], Activation::Relu, Differences::All),
        case([2, 7, 5], Activation::Silu, Differences::All),
        case([5, 12, 4], Activation::Sigmoid, Differences::All),
        case([2, 45, 11], Activation::HardSwish, Differences::Some(8)),
        // More squeezed channels than a workgroup makes at once, and more channels than it has threads.
        case([2, 270, 261], Activation::Silu, Differences::Some(4)),
        case([67, 33, 9], Activation::Silu, Differences::Some(8)),
    ]
}

/// Layers of EfficientNet-B0 and RegNetZ-4GF at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let case = |name, [c, s]: [usize; 2]| {
        let silu = Activation::Silu;
        case(name, [n, c, s], silu, Differences::Some(1))
    };
    vec![
        case("96through4", [96, 4]),
        case("672through28", [672, 28]),
        case("1152through48", [1152, 48]),
    ]
}

fn case(name: &str, [n, c, s]: [usize; 3], kind: Activation, differences: Differences) -> Case {
    Case {
        name: format!("excite {name}"),
        inputs: vec![
            Input::random([n, 1, 1, c]),
            Input::random([1, 1, c, s]),
            Input::random([1, 1, 1, s]),
            Input::random([1, 1, s, c]),
            Input::random([1, 1, 1, c]),
        ],
        apply: Box::new(move |g, v| {
            let inputs = ExciteInputs {
                x: v[0],
                squeeze: v[1],
                squeeze_bias: v[2],
                excite: v[3],
                excite_bias: v[4],
            };
            excite(g, inputs, kind)
        }),
        reference: Box::new(move |v| {
            let layer = |x: &[f64], w: &[f64], b: &[f64], kind| -> Vec<f64> {
                let (rows, columns) = (w.len() / b.len(), b.len());
                let sum = |i: usize| -> f64 {
                    let (image, column) = (i / columns, i % columns);
                    let products = (0..rows).map(|r| x[image * rows + r] * w[r * columns + column]);
                    b[column] + products.sum::<f64>()
                };
                (0..n * columns)
                    .map(|i| activation::reference(kind, sum(i)))
                    .collect()
            };
            let squeezed = layer(&v[0], &v[1], &v[2], kind);
            layer(&squeezed, &v[3], &v[4], Activation::Sigmoid)
        }),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{Activation, ExciteInputs, excite};
    use triaxis::engine::{Graph, Mode};

    #[test]
    fn excite_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn excite_refuses_layers_that_do_not_fit() {
        let mut g = Graph::new(Mode::Evaluate);
        let inputs = ExciteInputs {
            x: g.input("x", [2, 1, 1, 6]),
            squeeze: g.input("squeeze", [1, 1, 6, 3]),
            squeeze_bias: g.input("squeeze_bias", [1, 1, 1, 3]),
            excite: g.input("excite", [1, 1, 3, 5]),
            excite_bias: g.input("excite_bias", [1, 1, 1, 6]),
        };
        let error = excite(&mut g, inputs, Activation::Silu).unwrap_err();
        assert_eq!(
            error.to_string(),
            "excite expects one pixel an image, then 1×1×6×3, 1×1×1×3, 1×1×3×6 and 1×1×1×6, got 2×1×1×6 1×1×6×3 1×1×1×3 \
             1×1×3×5 1×1×1×6"
        );
    }
}
