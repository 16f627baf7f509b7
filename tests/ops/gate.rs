//! `engine::ops::gate`.

use triaxis::engine::ops::gate;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let case = |image, differences| case(&format!("of {image:?}"), image, differences);
    vec![
        case([1, 1, 1, 1], Differences::All),
        case([3, 1, 1, 6], Differences::All),
        case([2, 5, 7, 3], Differences::All),
        case([3, 7, 5, 20], Differences::All),
        // Split among so many threads that their sums are added up in several stages.
        case([3, 64, 131, 10], Differences::Some(8)),
        case([1, 300, 301, 1], Differences::Some(1)),
    ]
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![
        case("144_56", [n, 56, 56, 144], Differences::Some(1)),
        case("672_14", [n, 14, 14, 672], Differences::Some(1)),
        case("1152_7", [n, 7, 7, 1152], Differences::Some(1)),
    ]
}

fn case(name: &str, image: [usize; 4], differences: Differences) -> Case {
    let [n, h, w, c] = image;
    Case {
        name: format!("gate {name}"),
        inputs: vec![Input::random(image), Input::random([n, 1, 1, c])],
        apply: Box::new(|g, v| gate(g, v[0], v[1])),
        reference: Box::new(move |v| {
            let of = |i: usize| i / (h * w * c) * c + i % c;
            let gated = |(i, x): (usize, &f64)| x * v[1][of(i)];
            v[0].iter().enumerate().map(gated).collect()
        }),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, ops};

    #[test]
    fn gate_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn gate_refuses_numbers_of_other_images() {
        let mut g = Graph::new(Mode::Evaluate);
        let (x, s) = (g.input("x", [2, 5, 7, 6]), g.input("s", [1, 1, 1, 6]));
        assert_eq!(
            ops::gate(&mut g, x, s).unwrap_err().to_string(),
            "gate expects a number for each channel of each image, 2×1×1×6, got 2×5×7×6 1×1×1×6"
        );
    }
}
