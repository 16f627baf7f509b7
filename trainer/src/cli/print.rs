//! Standard output, which may be a pipe that nobody reads any more.

use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::{Destination, Error, Result};

/// Prints `text` and ends its last line. A reader that left (`triaxis models | head`) is no failure.
pub(super) fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::unwritten(
            Destination::Other,
            "write",
            Path::new("standard output"),
            None,
            error,
        )),
        _ => Ok(()),
    }
}

/// Prints one JSON document.
pub(super) fn json(document: &impl Serialize) -> Result<()> {
    text(
        &serde_json::to_string_pretty(document)
            .expect("reports have names as keys and numbers as values"),
    )
}

/// Rows under a heading as columns: the first to the left, all others to the right.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let width = |i: usize| {
        let cells = rows.iter().map(|row| row[i].chars().count());
        cells.max().unwrap_or(0).max(heading[i].chars().count())
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let cell = |(i, cell): (usize, &str)| match i {
            0 => format!("{cell:<width$}", width = widths[i]),
            _ => format!("  {cell:>width$}", width = widths[i]),
        };
        let cells: String = cells.into_iter().enumerate().map(cell).collect();
        format!("{}\n", cells.trim_end())
    };
    let rows = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(heading)).chain(rows).collect()
}

/// A count with its thousands apart: `5,288,548`.
pub(super) fn count(n: u64) -> String {
    crate::table::thousands(n, ",")
}

/// So many of something: `1 trial`, `2 trials`.
pub(super) fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Bytes for people: `12.5 MiB`, `1.50 GiB`.
pub(super) fn bytes(n: u64) -> String {
    match n as f64 / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.1} MiB"),
        mib => format!("{:.2} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!(count(7), "7");
        assert_eq!(count(999), "999");
        assert_eq!(count(5_288_548), "5,288,548");
    }

    #[test]
    fn one_is_no_plural() {
        let counted = |n| counted(n, "batch", "batches");
        assert_eq!(
            [0, 1, 2].map(counted),
            ["0 batches", "1 batch", "2 batches"]
        );
    }

    #[test]
    fn tables_align_names_to_the_left_and_numbers_to_the_right() {
        let rows = [["a".into(), "10".into()], ["long name".into(), "7".into()]];
        assert_eq!(
            table(["layer", "flops"], &rows),
            "layer      flops\na             10\nlong name      7\n"
        );
    }

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        assert_eq!(bytes(1_572_864), "1.5 MiB");
        assert_eq!(bytes(3 << 29), "1.50 GiB");
    }
}
