//! `engine::ops::column_sum`.

use triaxis::engine::ops::column_sum;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    [
        ("one number", [1, 1, 1, 1]),
        ("one pixel", [1, 1, 1, 10]),
        ("odd sides", [3, 5, 7, 6]),
        ("many tiles", [3, 37, 41, 20]),
    ]
    .into_iter()
    .map(|(name, shape)| case(name, shape))
    .collect()
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![
        case("144_56", [n, 56, 56, 144]),
        case("672_14", [n, 14, 14, 672]),
        case("1000_1", [n, 1, 1, 1000]),
    ]
}

/// Sums the channels of random numbers of this shape.
pub fn case(name: &str, shape: [usize; 4]) -> Case {
    Case {
        name: format!("column_sum {name}"),
        inputs: vec![Input::random(shape)],
        apply: Box::new(|g, v| column_sum(g, v[0])),
        reference: Box::new(move |v| reference(&v[0], shape[3])),
        differences: Differences::None,
    }
}

/// The sum of each of `c` channels.
pub fn reference(x: &[f64], c: usize) -> Vec<f64> {
    let mut y = vec![0.0; c];
    for pixel in x.chunks_exact(c) {
        y.iter_mut().zip(pixel).for_each(|(y, x)| *y += x);
    }
    y
}

#[cfg(test)]
mod tests {
    #[test]
    fn column_sum_matches_reference() {
        crate::check_all(&super::cases());
    }
}
