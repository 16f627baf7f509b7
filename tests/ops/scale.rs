//! `engine::ops::scale`.

use triaxis::engine::ops::scale;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![case("by -1.5", [2, 5, 7, 6], Differences::All)]
}

/// A layer of ResNet-50 at its real size, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![case("256_56", [n, 56, 56, 256], Differences::Some(1))]
}

fn case(name: &str, shape: [usize; 4], differences: Differences) -> Case {
    Case {
        name: format!("scale {name}"),
        inputs: vec![Input::random(shape)],
        apply: Box::new(|g, v| scale(g, v[0], -1.5)),
        reference: Box::new(|v| v[0].iter().map(|x| -1.5 * x).collect()),
        differences,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn scale_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }
}
