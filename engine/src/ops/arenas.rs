//! What the operators on whole arenas share: parameters, gradients and what goes with them, as a few long vectors.

use std::fmt::Display;
use std::ops::Range;

use super::node_path;
use crate::{Binding, Error, Graph, Limits, Result, Shape, Slot};

/// `numbers` of an arena cut into windows that a binding may cover and that take no longer than a submit should; all
/// but the last are a multiple of `block`, itself a multiple of 64 numbers.
pub(super) fn windows(limits: &Limits, numbers: &Range<usize>, block: usize) -> Vec<Range<usize>> {
    let most = (limits.binding / 4).min(limits.work) as usize;
    let length = (most / block * block).max(block);
    numbers
        .clone()
        .step_by(length)
        .map(|begin| begin..(begin + length).min(numbers.end))
        .collect()
}

/// A window of an arena as a binding.
pub(super) fn window(slot: Slot, numbers: &Range<usize>) -> Binding {
    Binding {
        slot,
        bytes: Some(numbers.start as u64 * 4..numbers.end as u64 * 4),
        touched: None,
    }
}

/// A part of the parameters that is updated alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub numbers: Range<usize>,
    pub decay: f32,
    /// What the learning rate is multiplied by.
    pub rate: f32,
}

/// The parts of the parameters that are updated, in order.
pub(super) fn groups(g: &Graph, decay: f32) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (numbers, decays, rate) in g.update_groups() {
        let decay = if decays { decay } else { 0.0 };
        match groups.last_mut() {
            Some(last) if last.decay == decay && last.rate == rate => {
                last.numbers.end = numbers.end;
            }
            _ => groups.push(Group {
                numbers,
                decay,
                rate,
            }),
        }
    }
    groups
}

/// What an update reads beside arenas: the learning rate and the gradients' norm.
pub(super) fn expect_scalars(rate: Shape, norm: Shape) -> Result<(), String> {
    if rate == Shape::scalar() && norm == Shape::vector(4) {
        Ok(())
    } else {
        Err("a rate of one number and a gradient norm of four".into())
    }
}

/// Refuses an option out of its range: the node, the option, its value and what was expected.
pub(super) fn expect(
    g: &Graph,
    node: &str,
    option: &str,
    value: impl Into<f64> + Copy + Display,
    allowed: Allowed,
) -> Result<()> {
    let number = value.into();
    let (fits, words) = match allowed {
        Allowed::Positive => (number > 0.0, "more than 0"),
        Allowed::NotNegative => (number >= 0.0, "0 or more"),
        Allowed::OneOrMore => (number >= 1.0, "1 or more"),
        Allowed::Between => (number > 0.0 && number < 1.0, "more than 0 and less than 1"),
        Allowed::Fraction => ((0.0..1.0).contains(&number), "0 or more and less than 1"),
    };
    if fits && number.is_finite() {
        return Ok(());
    }
    Err(Error::Graph(format!(
        "{}: {option} is {value}, expected a number of {words}",
        node_path(g, node)
    )))
}

/// The range of an option.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed {
    Positive,
    NotNegative,
    OneOrMore,
    /// 0 and 1 are not.
    Between,
    /// 0 is, 1 is not.
    Fraction,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_an_arena_in_blocks_and_end_with_it() {
        let limits = Limits {
            binding: 1000,
            ..Limits::default()
        };
        assert_eq!(windows(&limits, &(64..448), 64), [64..256, 256..448]);
        assert_eq!(
            windows(&limits, &(0..320), 128),
            [0..128, 128..256, 256..320]
        );
        assert!(windows(&limits, &(64..64), 64).is_empty());
    }
}
