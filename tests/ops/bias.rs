//! `engine::ops::bias`.

use triaxis::engine::ops::bias;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    [
        ("one number", [1, 1, 1, 1], Differences::All),
        ("odd sides", [3, 5, 7, 6], Differences::All),
        ("many tiles", [3, 37, 41, 20], Differences::Some(5)),
    ]
    .map(|(name, shape, differences)| case(name, shape, differences))
    .into()
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![
        case("6_1", [n, 1, 1, 6], Differences::Some(1)),
        case("672_1", [n, 1, 1, 672], Differences::Some(1)),
        case("1000_1", [n, 1, 1, 1000], Differences::Some(1)),
    ]
}

fn case(name: &str, shape: [usize; 4], differences: Differences) -> Case {
    Case {
        name: format!("bias {name}"),
        inputs: vec![Input::random(shape), Input::random([1, 1, 1, shape[3]])],
        apply: Box::new(|g, v| bias(g, v[0], v[1])),
        reference: Box::new(|v| {
            let channels = v[1].iter().cycle();
            v[0].iter().zip(channels).map(|(x, b)| x + b).collect()
        }),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, ops};

    #[test]
    fn bias_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn bias_refuses_another_number_of_channels() {
        let mut g = Graph::new(Mode::Train);
        let (x, b) = (g.input("x", [2, 3, 3, 8]), g.input("b", [1, 1, 1, 6]));
        let error = g.scope("head", |g| ops::bias(g, x, b)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "head.bias expects a bias of 1×1×1×8, one number a channel, got 2×3×3×8 1×1×1×6"
        );
    }

    #[test]
    fn bias_costs_one_multiply_add_an_output() {
        let mut g = Graph::new(Mode::Train);
        let (x, b) = (g.input("x", [2, 3, 3, 8]), g.input("b", [1, 1, 1, 8]));
        ops::bias(&mut g, x, b).unwrap();
        assert_eq!(g.complexity().flops, 2 * 3 * 3 * 8);
        assert_eq!(g.complexity().acts, 0);
    }
}
