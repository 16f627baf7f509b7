//! Bounds of configurations, so that numbers from a file never overflow, divide by zero or fill the memory.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// Why a configuration is refused, in words.
pub(crate) type Checked = Result<(), String>;

/// Blocks of one stage.
pub(crate) const DEPTH: RangeInclusive<usize> = 1..=1_000;
/// Channels.
pub(crate) const WIDTH: RangeInclusive<usize> = 1..=65_536;
/// Channels, or 0 for a layer that is left out.
pub(crate) const OPTIONAL_WIDTH: RangeInclusive<usize> = 0..=65_536;
/// Pixels from one output to the next.
pub(crate) const STRIDE: RangeInclusive<usize> = 1..=16;
/// Pixels of an image's side.
pub(crate) const RESOLUTION: RangeInclusive<usize> = 1..=16_384;
/// Stages.
pub(crate) const STAGES: RangeInclusive<usize> = 1..=64;
/// A part of something.
pub(crate) const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// A probability of dropping: 1 would leave nothing.
pub(crate) const RATE: RangeInclusive<f64> = 0.0..=0.99;
/// A width as a multiple of another.
pub(crate) const MULTIPLE: RangeInclusive<f64> = 0.01..=64.0;

/// Refuses what lies outside of `range` (NaN does).
pub(crate) fn within<T: PartialOrd + Display>(
    what: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    Err(format!("{what} is {value}, expected {low} to {high}"))
}

/// Refuses an even side: a kernel has a middle.
pub(crate) fn kernel(what: &str, side: usize) -> Checked {
    within(what, side, &(1..=31))?;
    match side % 2 {
        1 => Ok(()),
        _ => Err(format!("{what} is {side}, expected an odd number")),
    }
}

/// Refuses groups that do not divide the channels.
pub(crate) fn groups(what: &str, width: usize, group_width: usize) -> Checked {
    within(&format!("{what}.group_width"), group_width, &WIDTH)?;
    if width.is_multiple_of(group_width) {
        return Ok(());
    }
    Err(format!(
        "{what}.group_width is {group_width}, which does not divide the {width} channels that are convolved in groups"
    ))
}
