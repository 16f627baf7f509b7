//! `engine::ops::mean`.

use triaxis::engine::ops::{mean, scale};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let case = |shape: [usize; 4], differences| {
        let count: usize = shape.iter().product();
        let random = crate::random(1, count);
        Case {
            name: format!("mean of {shape:?}"),
            // Times their count, and far from zero: no number and no gradient is too small to be missed.
            inputs: vec![Input::of(shape, random.iter().map(|x| x + 1.0).collect())],
            apply: Box::new(move |g, v| {
                let mean = mean(g, v[0])?;
                scale(g, mean, count as f32)
            }),
            reference: Box::new(|v| vec![v[0].iter().sum()]),
            differences,
        }
    };
    vec![
        case([1, 1, 1, 1], Differences::All),
        case([20, 1, 1, 1], Differences::All),
        case([2, 5, 7, 6], Differences::All),
        // Split among so many threads that their sums are added up in several stages.
        case([3, 64, 131, 10], Differences::Some(8)),
        case([1, 300, 301, 1], Differences::Some(2)),
    ]
}

/// The losses of a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![Case {
        name: "mean losses".into(),
        inputs: vec![Input::random([n, 1, 1, 1])],
        apply: Box::new(|g, v| mean(g, v[0])),
        reference: Box::new(move |v| vec![v[0].iter().sum::<f64>() / n as f64]),
        differences: Differences::Some(1),
    }]
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, ops};

    #[test]
    fn mean_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn mean_refuses_a_tensor_without_numbers() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [0, 2, 2, 3]);
        assert_eq!(
            ops::mean(&mut g, x).unwrap_err().to_string(),
            "mean expects tensors whose sides are 1 or more (here 0×2×2×3), got 0×2×2×3"
        );
    }
}
