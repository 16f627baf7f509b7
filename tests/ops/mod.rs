//! One file an operator: its cases and a plain reference. To add one, copy `add`.

use crate::Case;

pub mod activation;
pub mod add;
pub mod batch_norm;
pub mod bias;
pub mod column_sum;
pub mod drop_path;
pub mod dropout;
pub mod scale;
pub mod sum;

/// Every case of every operator.
pub fn all() -> Vec<Case> {
    let cases: &[fn() -> Vec<Case>] = &[
        activation::cases,
        add::cases,
        batch_norm::cases,
        bias::cases,
        column_sum::cases,
        drop_path::cases,
        dropout::cases,
        scale::cases,
        sum::cases,
    ];
    cases.iter().flat_map(|cases| cases()).collect()
}
