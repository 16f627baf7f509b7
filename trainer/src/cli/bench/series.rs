//! Case after case, and half the batch of those that do not fit.

use std::path::PathBuf;

use triaxis_engine::Gpu;

use super::super::device::Device;
use super::super::halving::{Misfit, notice};
use super::Written;
use super::output::{Output, begin, note};
use crate::bench::{Bench, Case, Row};
use crate::error::Result;

/// What is measured, and where.
pub(super) struct Series<'a> {
    pub(super) device: &'a Device,
    pub(super) cases: &'a [Case],
    /// What is done about a batch that does not fit.
    pub(super) misfit: Misfit,
    /// Where the kernels are written as a trace.
    pub(super) trace: Option<PathBuf>,
}

impl Series<'_> {
    /// Measures each case on a device of its own, so that its first run compiles its kernels.
    pub(super) fn measure(
        self,
        written: &Written,
        measure: impl Fn(&Gpu, &Bench, &Case) -> Result<Vec<Row>>,
    ) -> Result<()> {
        let mut output = Output::open(written, self.trace)?;
        let bench = Bench::new(&self.device.open()?)?;
        output.machine(&bench);
        let rows = |case: &Case| {
            begin(case);
            measure(&self.device.open()?, &bench, case)
        };
        let mut halves: Vec<Case> = Vec::new();
        for case in self.cases {
            let known = |half: &Case| {
                let mut all = self.cases.iter().chain(&halves);
                all.any(|one| one.spec == half.spec && one.batch == half.batch)
            };
            match found(case, self.misfit, known, rows)? {
                Found::Whole(rows) => output.push(rows)?,
                Found::Half(half, rows, why) => {
                    note(&format!("  {}", notice(case.batch, half.batch, &why)));
                    output.push(rows)?;
                    halves.push(half);
                }
                Found::Known(half, why) => note(&format!(
                    "  batch size {}: {why}; {} is measured by itself",
                    case.batch, half.batch
                )),
            }
        }
        output.finish()
    }
}

/// What comes of a case.
#[derive(Debug)]
enum Found {
    /// Its rows, or the one that says why there are none.
    Whole(Vec<Row>),
    /// Those of half its batch, or half of that, and why there are none of itself.
    Half(Case, Vec<Row>, String),
    /// The smaller batch that would be measured has rows of its own.
    Known(Case, String),
}

/// Measures a case, or the largest half of its batch that fits, unless that one is `known`.
fn found(
    case: &Case,
    misfit: Misfit,
    known: impl Fn(&Case) -> bool,
    rows: impl Fn(&Case) -> Result<Vec<Row>>,
) -> Result<Found> {
    let whole = rows(case)?;
    let Some(why) = problem(&whole).filter(|_| misfit == Misfit::Halve) else {
        return Ok(Found::Whole(whole));
    };
    let mut half = case.clone();
    while half.batch > 1 {
        half.batch /= 2;
        if known(&half) {
            return Ok(Found::Known(half, why));
        }
        let of_half = rows(&half)?;
        if problem(&of_half).is_none() {
            return Ok(Found::Half(half, of_half, why));
        }
    }
    Ok(Found::Whole(whole))
}

/// Why nothing was measured.
fn problem(rows: &[Row]) -> Option<String> {
    let problem = &rows.first()?.problem;
    (!problem.is_empty()).then(|| problem.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use triaxis_models::Spec;

    use super::*;

    /// What comes of this batch where `most` fit and these are known, and the batches that were measured for it.
    fn of(batch: usize, most: usize, known: &[usize], misfit: Misfit) -> (Found, Vec<usize>) {
        let case = Case {
            spec: Spec::find("resnet18").unwrap(),
            batch,
        };
        let measured = RefCell::new(Vec::new());
        let rows = |case: &Case| {
            measured.borrow_mut().push(case.batch);
            let fits = case.batch <= most;
            let problem = format!("{} are too many", case.batch);
            Ok(vec![Row {
                batch: case.batch,
                problem: if fits { String::new() } else { problem },
                ..Row::default()
            }])
        };
        let known = |half: &Case| known.contains(&half.batch);
        let found = found(&case, misfit, known, rows).unwrap();
        (found, measured.into_inner())
    }

    #[test]
    fn the_rows_are_those_of_the_batch_that_was_measured() {
        let (found, measured) = of(64, 20, &[], Misfit::Halve);
        assert_eq!(measured, [64, 32, 16]);
        match found {
            Found::Half(half, rows, why) => {
                assert_eq!([half.batch, rows[0].batch], [16, 16]);
                assert_eq!(why, "64 are too many");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_smaller_batch_is_measured_once() {
        let (found, measured) = of(64, 20, &[8, 32], Misfit::Halve);
        assert_eq!(measured, [64]);
        assert!(
            matches!(&found, Found::Known(half, _) if half.batch == 32),
            "{found:?}"
        );
    }

    #[test]
    fn where_nothing_fits_or_nothing_smaller_is_wanted_the_row_says_why() {
        for (batch, most, misfit, batches) in [
            (5, 0, Misfit::Halve, vec![5, 2, 1]),
            (1, 0, Misfit::Halve, vec![1]),
            (64, 20, Misfit::Refuse, vec![64]),
        ] {
            let (found, measured) = of(batch, most, &[], misfit);
            assert_eq!(measured, batches);
            match found {
                Found::Whole(rows) => {
                    assert_eq!(rows[0].problem, format!("{batch} are too many"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
