//! A logarithmic axis: which range it covers, where its ticks lie.

use super::super::numbers::trimmed;

/// What an axis covers, as logarithms to base 10.
pub(super) struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Covers all values with some room at both ends.
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| *value > 0.0 && value.is_finite())
            .map(f64::log10)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        let room = (0.05 * (high - low)).max(0.05);
        Self {
            low: low - room,
            high: high + room,
        }
    }

    /// The axis drawn between two places, pixels; upwards where `to` is the lesser.
    pub(super) fn on(&self, from: f64, to: f64) -> Span<'_> {
        Span {
            axis: self,
            from,
            to,
        }
    }
}

/// An axis at its place in a picture.
pub(super) struct Span<'a> {
    axis: &'a Axis,
    /// The place of its low end, pixels.
    pub(super) from: f64,
    /// The place of its high end, pixels.
    pub(super) to: f64,
}

impl Span<'_> {
    /// The place of a value, pixels; values off the axis lie at its ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let Axis { low, high } = *self.axis;
        let share = (value.max(f64::MIN_POSITIVE).log10() - low) / (high - low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The places of 1, 2 and 5 times the powers of ten that lie on the axis, or of the powers alone where those would
    /// be too many, with their numbers.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let Axis { low, high } = *self.axis;
        let steps = match high - low {
            decades if decades > 3.2 => [1.0].as_slice(),
            _ => [1.0, 2.0, 5.0].as_slice(),
        };
        let (first, last) = (low.floor() as i32, high.ceil() as i32);
        (first..=last)
            .flat_map(|power| steps.iter().map(move |step| (power, *step)))
            .map(|(power, step)| (step * 10f64.powi(power), power))
            .filter(|(value, _)| (low..=high).contains(&value.log10()))
            .map(|(value, power)| (self.at(value), trimmed(value, (-power).max(0) as usize)))
            .collect()
    }
}
