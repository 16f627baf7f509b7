//! Numbers as a reader wants them: round ticks, few digits.

/// Round numbers that cover a range from its lower end: 1, 2, 2.5 or 5 times a power of ten apart, whole where asked.
pub(super) fn ticks(low: f64, high: f64, about: usize, whole: bool) -> Vec<f64> {
    let rough = ((high - low) / about as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let factors = if whole {
        [1.0, 2.0, 5.0, 10.0].as_slice()
    } else {
        [1.0, 2.0, 2.5, 5.0, 10.0].as_slice()
    };
    let mut step = factors
        .iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    if whole {
        step = step.max(1.0);
    }
    let first = (low / step + 1e-9).floor();
    (0..)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|tick| *tick <= first * step + step || *tick <= high + step * 1e-6)
        .collect()
}

/// Digits behind the point that tell two ticks apart.
pub(super) fn decimals(step: f64) -> usize {
    (0..12)
        .find(|&digits| {
            let scaled = step * 10f64.powi(digits);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .unwrap_or(12) as usize
}

pub(super) fn label(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if digits > 4 {
        return power_of_ten(value);
    }
    match value.abs() {
        size if size >= 1e6 => format!("{}M", trimmed(value / 1e6, 3)),
        size if size >= 1e4 => format!("{}k", trimmed(value / 1e3, 2)),
        _ => format!("{value:.digits$}"),
    }
}

/// Four digits at most, as many as tell something.
pub(crate) fn significant(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e4 => label(value, 0),
        size if size >= 1e3 => format!("{value:.0}"),
        size if size >= 1e2 => format!("{value:.1}"),
        size if size >= 1e1 => format!("{value:.2}"),
        size if size >= 1e-1 => format!("{value:.3}"),
        size if size >= 1e-3 => trimmed(value, 5),
        _ => power_of_ten(value),
    }
}

fn power_of_ten(value: f64) -> String {
    let text = format!("{value:.1e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised: String = exponent
        .chars()
        .map(|digit| match digit.to_digit(10) {
            Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
            None => '⁻',
        })
        .collect();
    format!("{}·10{raised}", mantissa.trim_end_matches(".0"))
}

/// A number without the noughts at its end.
pub(crate) fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(ticks(0.0, 10.0, 5, false), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(1.0, 3.0, 8, true), [1.0, 2.0, 3.0]);
        assert_eq!(ticks(0.0, 2.303, 5, false), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(
            ticks(1.0, 100.0, 8, true),
            [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
        );
    }

    #[test]
    fn numbers_are_written_as_a_reader_wants_them() {
        assert_eq!(label(0.25, decimals(0.25)), "0.25");
        assert_eq!(label(20.0, decimals(20.0)), "20");
        assert_eq!(label(25_000.0, 0), "25k");
        assert_eq!(label(2_500_000.0, 0), "2.5M");
        assert_eq!(label(2e-6, decimals(1e-6)), "2·10⁻⁶");
        assert_eq!(significant(63.2449), "63.24");
        assert_eq!(significant(0.02), "0.02");
        assert_eq!(significant(812.34), "812.3");
    }
}
