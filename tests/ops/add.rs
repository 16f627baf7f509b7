//! `engine::ops::add`.

use triaxis::engine::ops::add;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 4], differences| Case {
        name: format!("add {name}"),
        inputs: vec![Input::random(shape), Input::random(shape)],
        apply: Box::new(|g, v| add(g, v[0], v[1])),
        reference: Box::new(|v| v[0].iter().zip(&v[1]).map(|(a, b)| a + b).collect()),
        differences,
    };
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
