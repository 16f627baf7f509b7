//! One file an operator: its cases and a plain reference. To add one, copy `add`.

use crate::Case;

pub mod activation;
pub mod add;
pub mod scale;

/// Every case of every operator.
pub fn all() -> Vec<Case> {
    [activation::cases, add::cases, scale::cases]
        .iter()
        .flat_map(|cases| cases())
        .collect()
}
