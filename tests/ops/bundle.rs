//! `engine::ops::bundle`, which `conv2d` applies to the weights of narrow groups: pointwise groups, whose product is
//! the weight itself.

use triaxis::engine::ops::{Conv2d, conv2d};

use super::conv2d::reference;
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    // (groups, channels in and out of a group): two, four and an uneven number side by side.
    [
        (4, 2, 2),
        (8, 1, 3),
        (5, 2, 6),
        (3, 6, 1),
        (1, 3, 5),
        (9, 3, 4),
    ]
    .map(|group| case([1, 2, 3], group, Differences::All))
    .into()
}

/// The weights of groups of 2 and of 6 channels, for a batch of `n` images of one pixel.
pub fn timed(n: usize) -> Vec<Case> {
    [(112, 2, 2), (48, 6, 6)]
        .map(|group| case([n, 1, 1], group, Differences::Some(1)))
        .into()
}

fn case(
    [n, h, w]: [usize; 3],
    (groups, cin, cout): (usize, usize, usize),
    differences: Differences,
) -> Case {
    let (x, w) = ([n, h, w, groups * cin], [1, 1, cin, groups * cout]);
    let conv = Conv2d {
        groups,
        ..Conv2d::default()
    };
    Case {
        name: format!("bundle {groups} groups of {cin} to {cout}"),
        inputs: vec![Input::random(x), Input::random(w)],
        apply: Box::new(move |g, v| conv2d(g, v[0], v[1], conv)),
        reference: Box::new(move |v| reference(&v[0], x, &v[1], w, conv)),
        differences,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bundle_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }
}
