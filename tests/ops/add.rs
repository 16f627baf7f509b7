//! `engine::ops::add`.

use triaxis::engine::ops::add;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case("odd sides", [2, 5, 7, 6], Differences::All),
        case("one number", [1, 1, 1, 1], Differences::All),
        // 64 threads a workgroup: 65,536 of them take a second row.
        case(
            "past 65,535 workgroups",
            [1, 2048, 2049, 4],
            Differences::None,
        ),
    ]
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![
        case("24_56", [n, 56, 56, 24], Differences::Some(1)),
        case("256_56", [n, 56, 56, 256], Differences::Some(1)),
        case("112_14", [n, 14, 14, 112], Differences::Some(1)),
    ]
}

fn case(name: &str, shape: [usize; 4], differences: Differences) -> Case {
    Case {
        name: format!("add {name}"),
        inputs: vec![Input::random(shape), Input::random(shape)],
        apply: Box::new(|g, v| add(g, v[0], v[1])),
        reference: Box::new(|v| v[0].iter().zip(&v[1]).map(|(a, b)| a + b).collect()),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, ops};

    #[test]
    fn add_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn add_refuses_two_shapes() {
        let mut g = Graph::new(Mode::Train);
        let (a, b) = (g.input("a", [1, 2, 2, 3]), g.input("b", [1, 2, 2, 4]));
        let error = g.scope("block", |g| ops::add(g, a, b)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "block.add expects tensors of one shape, got 1×2×2×3 1×2×2×4"
        );
    }
}
