//! Which tensors there may be: kernels count numbers in 32 bits.

use crate::{Error, Result, Shape};

/// Refuses tensors that kernels cannot count the numbers of, or that have none, by what was expected.
pub(super) fn expect_sizes(shapes: &[Shape]) -> Result<(), String> {
    if let Some(empty) = shapes.iter().find(|s| s.0.contains(&0)) {
        return Err(format!("tensors whose sides are 1 or more (here {empty})"));
    }
    match shapes.iter().find(|s| !addressable(s)) {
        Some(large) => Err(format!(
            "tensors of less than 2^32 numbers (here {large}): use a smaller batch or resolution"
        )),
        None => Ok(()),
    }
}

/// The same of one tensor of that name.
pub(super) fn expect_size(name: &str, shape: Shape) -> Result<()> {
    let refuse = |expected| Error::Shape {
        node: name.into(),
        expected,
        got: vec![shape],
    };
    expect_sizes(&[shape]).map_err(refuse)
}

fn addressable(shape: &Shape) -> bool {
    let [n, h, w, c] = shape.0;
    let sides = [Some(n), Some(h), Some(w), c.checked_next_multiple_of(4)];
    sides
        .into_iter()
        .try_fold(1u32, |product, side| {
            product.checked_mul(u32::try_from(side?).ok()?)
        })
        .is_some()
}
