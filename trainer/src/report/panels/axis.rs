//! An axis: which range it covers, where its ticks lie.

use super::super::numbers::{decimals, label, ticks, trimmed};
use super::{CHARACTER, LINE};

/// How an axis runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal ratios are equally far apart.
    #[default]
    Logarithmic,
    /// Equal differences are.
    Linear,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
            Self::Linear => value,
        }
    }
}

/// What an axis covers; logarithms to base 10 on a logarithmic one.
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    /// Covers all values with some room at both ends.
    pub(super) fn over(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite() && (*value > 0.0 || scale == Scale::Linear))
            .map(|value| scale.place(value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self {
                scale,
                low: 0.0,
                high: 1.0,
            };
        }
        let least = match scale {
            Scale::Logarithmic => 0.05,
            Scale::Linear => (0.02 * high.abs()).max(1e-9),
        };
        let room = (0.06 * (high - low)).max(least);
        Self {
            scale,
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
        let Axis { scale, low, high } = *self.axis;
        let share = (scale.place(value) - low) / (high - low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The places of round numbers on the axis, and the numbers. On a logarithmic one 1, 2 and 5 times the powers of ten,
    /// the powers alone where those would be too many, and evenly spaced numbers where they would be one or two.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let Axis { scale, low, high } = *self.axis;
        if scale == Scale::Linear {
            return self.even(low, high);
        }
        let steps = match high - low {
            decades if decades > 3.2 => [1.0].as_slice(),
            _ => [1.0, 2.0, 5.0].as_slice(),
        };
        let (first, last) = (low.floor() as i32, high.ceil() as i32);
        let round: Vec<(f64, String)> = (first..=last)
            .flat_map(|power| steps.iter().map(move |step| (power, *step)))
            .map(|(power, step)| (step * 10f64.powi(power), power))
            .filter(|(value, _)| (low..=high).contains(&value.log10()))
            .map(|(value, power)| (self.at(value), trimmed(value, (-power).max(0) as usize)))
            .collect();
        match round.len() {
            0..=2 => self.even(10f64.powf(low), 10f64.powf(high)),
            _ => round,
        }
    }

    /// Evenly spaced numbers within the axis.
    fn even(&self, low: f64, high: f64) -> Vec<(f64, String)> {
        let ticks = ticks(low, high, 4, false);
        let digits = decimals(ticks[1] - ticks[0]);
        let mut last = f64::INFINITY;
        ticks
            .into_iter()
            .filter(|tick| (low..=high).contains(tick))
            .map(|tick| (self.at(tick), label(tick, digits)))
            // Evenly spaced numbers crowd at the upper end of a logarithmic axis.
            .filter(|(at, text)| {
                let needed = match self.to < self.from {
                    true => LINE,
                    false => 8.0 + CHARACTER * text.len() as f64,
                };
                let apart = (at - last).abs() >= needed;
                if apart {
                    last = *at;
                }
                apart
            })
            .collect()
    }
}
