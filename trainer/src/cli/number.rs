//! Numbers as people write them.

/// The units that may follow a number.
const UNITS: [(&[&str], f64); 9] = [
    (&[""], 1.0),
    (&["k", "K", "kB", "KB"], 1e3),
    (&["M", "MB"], 1e6),
    (&["G", "GB"], 1e9),
    (&["T", "TB"], 1e12),
    (&["KiB"], 1024.0),
    (&["MiB"], 1_048_576.0),
    (&["GiB"], 1_073_741_824.0),
    (&["TiB"], 1_099_511_627_776.0),
];

/// Reads a count of at least 1: `4000000000`, `4e9`, `4G`, `0.5M`, `8GiB`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let is_unit = |c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E');
    let (number, unit) = text.split_at(text.find(is_unit).unwrap_or(text.len()));
    let unit = UNITS.iter().find(|(names, _)| names.contains(&unit));
    let value = match (number.trim().parse::<f64>(), unit) {
        (Ok(number), Some((_, unit))) => (number * unit).round(),
        _ => f64::NAN,
    };
    match (1.0..1e19).contains(&value) {
        true => Ok(value as u64),
        false => Err("expected a number from 1 to 1e19, such as 4e9, 4G, 500M or 8GiB".into()),
    }
}

/// Reads whole numbers from `least` on.
pub(super) fn at_least(least: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text: &str| match text.parse::<usize>() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("expected a whole number from {least} on")),
    }
}

/// The units of a duration, in seconds.
const TIMES: [(&str, f64); 6] = [
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
];

/// Reads a duration above 0 in seconds: `200ms`, `1.5 s`, `30min`, `2h`. A number alone says no unit.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    let is_unit = |c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E');
    let (number, unit) = text.split_at(text.find(is_unit).unwrap_or(text.len()));
    let unit = TIMES.iter().find(|(name, _)| *name == unit);
    let value = match (number.trim().parse::<f64>(), unit) {
        (Ok(number), Some((_, unit))) => number * unit,
        _ => f64::NAN,
    };
    match (1e-6..1e9).contains(&value) {
        true => Ok(value),
        false => Err(
            "expected a time from 1us on with its unit, such as 200ms, 1.5s, 30min or 2h".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("200ms", 0.2),
            ("1.5 s", 1.5),
            ("30min", 1800.0),
            ("2h", 7200.0),
            ("1e3us", 1e-3),
        ] {
            assert!(
                (duration(text).unwrap() / expected - 1.0).abs() < 1e-12,
                "{text}"
            );
        }
        for text in [
            "", "200", "0s", "-1s", "nans", "infs", "5 years", "ms", "1e300h", "1é",
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.starts_with("expected a time"), "{text}");
        }
    }

    #[test]
    fn whole_numbers_begin_where_they_make_sense() {
        assert_eq!(at_least(2)("2"), Ok(2));
        for text in ["1", "-3", "2.5", "1e3", "two", "", "99999999999999999999"] {
            let error = at_least(2)(text).unwrap_err();
            assert_eq!(error, "expected a whole number from 2 on", "{text}");
        }
    }

    #[test]
    fn counts_are_read_with_and_without_units() {
        for (text, expected) in [
            ("4000000000", 4_000_000_000),
            ("4e9", 4_000_000_000),
            ("4G", 4_000_000_000),
            ("0.5M", 500_000),
            ("500 k", 500_000),
            ("8GiB", 8 << 30),
            ("1.5MB", 1_500_000),
            ("1", 1),
        ] {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_refused() {
        for text in [
            "", "G", "4X", "4e", "e9", "0", "-4G", "0.4", "nan", "inf", "1e300", "4GG", "4 5", "é",
        ] {
            let error = count(text).unwrap_err();
            assert!(error.starts_with("expected a number from 1"), "{text}");
        }
    }
}
