//! Rows for people and for programs.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;

use super::super::print;
use super::Tally;
use crate::bench::{Bench, Case, Row, RowFile};
use crate::error::Result;

/// What standard output gets.
enum Printed {
    /// CSV, row by row.
    Csv,
    /// A table at the end.
    Table(Vec<Row>),
    /// A JSON document at the end.
    Json(Vec<Row>),
}

/// Where rows go.
pub(super) struct Output {
    file: Option<RowFile<Row>>,
    printed: Printed,
    tally: Tally,
}

impl Output {
    pub(super) fn open(csv: Option<&Path>, json: bool) -> Result<Self> {
        let printed = match (json, stdout().is_terminal()) {
            (true, _) => Printed::Json(Vec::new()),
            (false, true) => Printed::Table(Vec::new()),
            (false, false) => Printed::Csv,
        };
        let file = csv.map(RowFile::open).transpose()?;
        if matches!(printed, Printed::Csv) {
            print::text(&RowFile::<Row>::header())?;
        }
        Ok(Self {
            file,
            printed,
            tally: Tally::default(),
        })
    }

    /// Says where it is measured.
    pub(super) fn machine(&self, bench: &Bench) {
        let [copy, registers] = [bench.copy_rate, bench.peak.registers].map(|rate| 1e-9 * rate);
        let matrices = bench
            .peak
            .matrices
            .map(|rate| format!(", matrix units {:.0}", 1e-9 * rate));
        note(&format!(
            "{}; a copy moves {copy:.1} GB/s, registers multiply and add {registers:.0} G operations/s{}",
            bench.machine,
            matrices.unwrap_or_default()
        ));
    }

    /// Says what is measured next.
    pub(super) fn begin(&self, case: &Case) {
        let (name, side) = (&case.spec.name, case.spec.resolution);
        note(&format!("{name}, {side} pixels, batch {}", case.batch));
    }

    pub(super) fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        rows.iter().for_each(|row| self.tally.count(row));
        for row in rows.iter().filter(|row| !row.problem.is_empty()) {
            note(&format!("  not measured: {}", row.problem));
        }
        if let Some(file) = &mut self.file {
            file.append(&rows)?;
        }
        match &mut self.printed {
            Printed::Csv => print::text(&RowFile::lines(&rows))?,
            Printed::Table(all) | Printed::Json(all) => all.extend(rows),
        }
        Ok(())
    }

    /// Prints what is printed at the end.
    ///
    /// # Errors
    ///
    /// Standard output's, and that of a command that measured nothing.
    pub(super) fn finish(self) -> Result<()> {
        match self.printed {
            Printed::Csv => {}
            Printed::Json(rows) => print::json(&rows)?,
            Printed::Table(rows) => print::text(&table(&rows))?,
        }
        self.tally.outcome()
    }
}

/// A line on standard error; nobody to tell if that is gone.
fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// What a person compares; the CSV holds the rest.
fn table(rows: &[Row]) -> String {
    let heading = [
        "",
        "median ms",
        "p95 ms",
        "images/s",
        "CPU s",
        "first s",
        "memory",
        "moved MB",
        "of a copy",
    ];
    let number = |x: Option<f64>, digits: usize| match x {
        Some(x) => format!("{x:.digits$}"),
        None => "-".to_owned(),
    };
    let line = |row: &Row| {
        let name = match row.kernel.is_empty() {
            true => row.case.clone(),
            false => format!("  {}", row.kernel),
        };
        let seconds = |ms: Option<f64>| number(ms.map(|ms| ms / 1e3), 2);
        let moved = row.moved_bytes.map(|bytes| bytes as f64 / 1e6);
        [
            name,
            number(row.median_ms, 2),
            number(row.p95_ms, 2),
            number(row.images_per_s, 1),
            seconds(row.cpu_median_ms),
            seconds(row.first_ms),
            row.memory_bytes.map_or("-".to_owned(), print::bytes),
            number(moved, 1),
            number(row.copy_share, 3),
        ]
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    let mut text = print::table(heading, &lines);
    for row in rows.iter().filter(|row| !row.problem.is_empty()) {
        text += &format!("{}: {}\n", row.case, row.problem);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_said_below_the_table() {
        let measured = Row {
            case: "tiny_r16_b1_f32".into(),
            median_ms: Some(1.234),
            memory_bytes: Some(3 << 20),
            ..Row::default()
        };
        let refused = Row {
            case: "large_r16_b64_f32".into(),
            problem: "out of GPU memory".into(),
            ..Row::default()
        };
        let text = table(&[measured, refused]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("tiny_r16_b1_f32"), "{text}");
        assert!(lines[1].contains("1.23") && lines[1].contains("3.0 MiB"));
        assert_eq!(lines[3], "large_r16_b64_f32: out of GPU memory");
    }
}
