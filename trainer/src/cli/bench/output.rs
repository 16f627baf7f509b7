//! Rows for people and for programs.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::PathBuf;

use super::super::{print, target};
use super::table::table;
use super::{Tally, Written};
use crate::bench::{Bench, Case, Row, RowFile, trace};
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
    /// A file, and the rows that it is made of at the end.
    trace: Option<(PathBuf, Vec<Row>)>,
    /// That the adapter has no timestamp queries was said.
    told: bool,
}

impl Output {
    pub(super) fn open(written: &Written, trace: Option<PathBuf>) -> Result<Self> {
        let printed = match (written.json, stdout().is_terminal()) {
            (true, _) => Printed::Json(Vec::new()),
            (false, true) => Printed::Table(Vec::new()),
            (false, false) => Printed::Csv,
        };
        let file = written.csv.as_deref().map(RowFile::open).transpose()?;
        if matches!(printed, Printed::Csv) {
            print::text(&RowFile::<Row>::header())?;
        }
        Ok(Self {
            file,
            printed,
            tally: Tally::default(),
            trace: trace.map(|path| (path, Vec::new())),
            told: false,
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

    pub(super) fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        rows.iter().for_each(|row| self.tally.count(row));
        for row in rows.iter().filter(|row| !row.problem.is_empty()) {
            note(&format!("  not measured: {}", row.problem));
        }
        let by_the_wall = |row: &Row| !row.kernel.is_empty() && row.clock == "wall clock";
        if !self.told && rows.iter().any(by_the_wall) {
            note(
                "  this adapter has no timestamp queries: kernels by the clock on the wall, around a submit each",
            );
            self.told = true;
        }
        if let Some(file) = &mut self.file {
            file.append(&rows)?;
        }
        if let Some((_, traced)) = &mut self.trace {
            traced.extend(rows.iter().cloned());
        }
        match &mut self.printed {
            Printed::Csv => print::text(&RowFile::lines(&rows))?,
            Printed::Table(all) | Printed::Json(all) => all.extend(rows),
        }
        Ok(())
    }

    /// Prints and writes what is told at the end.
    ///
    /// # Errors
    ///
    /// Standard output's, that of a command that measured nothing, and the trace's.
    pub(super) fn finish(self) -> Result<()> {
        match self.printed {
            Printed::Csv => {}
            Printed::Json(rows) => print::json(&rows)?,
            Printed::Table(rows) => print::text(&table(&rows))?,
        }
        self.tally.outcome()?;
        match self.trace {
            Some((path, rows)) => target::write("--trace", "write the trace", &path, trace(&rows)),
            None => Ok(()),
        }
    }
}

/// Says what is measured next.
pub(super) fn begin(case: &Case) {
    let (name, side) = (&case.spec.name, case.spec.resolution);
    note(&format!("{name}, {side} pixels, batch {}", case.batch));
}

/// A line on standard error; nobody to tell if that is gone.
pub(super) fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
