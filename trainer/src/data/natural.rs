//! The order in which people count: `class 9` before `class 10`.

use std::cmp::Ordering;

/// Compares names with the numbers in them as numbers; names that differ in zeros only, by their bytes.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    loop {
        let order = match (a, b) {
            ([x, ..], [y, ..]) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (m, n) = (number(&mut a), number(&mut b));
                m.len().cmp(&n.len()).then(m.cmp(n))
            }
            ([x, rest_a @ ..], [y, rest_b @ ..]) => {
                (a, b) = (rest_a, rest_b);
                x.cmp(y)
            }
            // One of them has ended, or both.
            _ => return a.len().cmp(&b.len()).then_with(|| one.cmp(other)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits in front, and gives them without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    let zeros = digits.iter().take_while(|&&c| c == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let sorted = [
            "",
            "1",
            "2",
            "9",
            "10",
            "99999999999999999999999",
            "a",
            "a 2",
            "a 2b",
            "a 10",
            "a2",
            "a10",
            "b",
            "ä1",
            "ä2",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a:?} and {b:?}");
            }
        }
        assert_eq!(compare("02", "1"), Ordering::Greater);
        // Only where nothing else differs do zeros in front count.
        assert_eq!(compare("01", "1"), Ordering::Less);
        assert_eq!(compare("a1b", "a01b"), Ordering::Greater);
        assert_eq!(compare("a01c", "a1b"), Ordering::Greater);
    }
}
