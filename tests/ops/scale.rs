//! `engine::ops::scale`.

use triaxis::engine::ops::scale;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![Case {
        name: "scale by -1.5".into(),
        inputs: vec![Input::random([2, 5, 7, 6])],
        apply: Box::new(|g, v| scale(g, v[0], -1.5)),
        reference: Box::new(|v| v[0].iter().map(|x| -1.5 * x).collect()),
        differences: Differences::All,
    }]
}

#[cfg(test)]
mod tests {
    #[test]
    fn scale_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }
}
