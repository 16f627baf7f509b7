//! Linear regression on several numbers at once, with coefficients of any sign or of none below 0.

use crate::cholesky::{Cholesky, dot};
use crate::error::{Error, Result, finite};

/// What is left of a column, as a share of its length, below which it counts as a sum of the others.
const DEPENDENT: f64 = 1e-10;
/// The share of the greatest slope below which no coefficient is worth lifting from 0.
const FLAT: f64 = 1e-10;

/// The coefficients of least squares: those for which the sum of the squares of `y − rows·x` is the least.
///
/// # Errors
///
/// Fewer rows than coefficients, rows of different lengths, numbers that are not finite, columns that depend on each
/// other.
pub fn linear(rows: &[Vec<f64>], y: &[f64]) -> Result<Vec<f64>> {
    const WHAT: &str = "a linear regression";
    let columns = Columns::new(WHAT, rows, y)?;
    let (needed, got) = (columns.columns.len(), y.len());
    if got < needed {
        let what = WHAT;
        return Err(Error::TooFew { what, needed, got });
    }
    let all: Vec<usize> = (0..needed).collect();
    let solved = columns.solve(&all).ok_or(Error::Dependent { what: WHAT })?;
    Ok(columns.unscaled(&solved))
}

/// The coefficients of least squares among those that are not below 0, by Lawson and Hanson's method of active sets
/// (*Solving Least Squares Problems*, 1974, chapter 23). Of columns that depend on each other some get 0.
///
/// ```
/// use triaxis_search::regression::nonnegative;
///
/// let rows = [[1.0, 2.0], [1.0, 4.0], [1.0, 6.0]].map(Vec::from);
/// let x = nonnegative(&rows, &[5.0, 9.0, 13.0])?;
/// assert!((x[0] - 1.0).abs() < 1e-9 && (x[1] - 2.0).abs() < 1e-9);
/// // The line through these falls; one that may not is level.
/// let x = nonnegative(&rows, &[3.0, 2.0, 1.0])?;
/// assert!(x[1] == 0.0 && (x[0] - 2.0).abs() < 1e-9);
/// # Ok::<(), triaxis_search::Error>(())
/// ```
///
/// # Errors
///
/// No rows, rows of different lengths, numbers that are not finite.
pub fn nonnegative(rows: &[Vec<f64>], y: &[f64]) -> Result<Vec<f64>> {
    let columns = Columns::new("a nonnegative regression", rows, y)?;
    let count = columns.columns.len();
    let (mut x, mut passive) = (vec![0.0; count], Vec::<usize>::new());
    // Columns that were of no use since the last one that was.
    let mut barred = vec![false; count];
    let steepest = columns.slopes(&x).iter().fold(0.0, |a: f64, b| a.max(*b));
    // Each set of columns is seen once at most, since the sum of squares falls; few of them are, in practice.
    for _ in 0..100 * count {
        let slopes = columns.slopes(&x);
        let free = (0..count).filter(|j| !passive.contains(j) && !barred[*j]);
        let Some(best) = free.max_by(|&a, &b| slopes[a].total_cmp(&slopes[b])) else {
            break;
        };
        if slopes[best] <= FLAT * steepest {
            break;
        }
        passive.push(best);
        let Some(mut solved) = columns.solve(&passive).filter(|s| s.last() > Some(&0.0)) else {
            passive.pop();
            barred[best] = true;
            continue;
        };
        while solved.iter().any(|s| *s <= 0.0) {
            // As far towards the solution as nothing falls below 0.
            let pairs = passive.iter().zip(&solved);
            let ratios = pairs.filter(|(_, s)| **s <= 0.0);
            let step = ratios.map(|(&j, s)| x[j] / (x[j] - s)).fold(1.0, f64::min);
            for (&j, s) in passive.iter().zip(&solved) {
                x[j] += step * (s - x[j]);
            }
            let least = f64::EPSILON * x.iter().fold(0.0, |a: f64, b| a.max(*b));
            passive.retain(|&j| x[j] > least);
            (0..count)
                .filter(|j| !passive.contains(j))
                .for_each(|j| x[j] = 0.0);
            // A part of columns that were independent is so, too.
            let Some(again) = columns.solve(&passive) else {
                break;
            };
            solved = again;
        }
        for (&j, s) in passive.iter().zip(&solved) {
            x[j] = *s;
        }
        barred.fill(false);
    }
    Ok(columns.unscaled(&x))
}

/// The columns of a regression, each of length 1.
struct Columns<'a> {
    columns: Vec<Vec<f64>>,
    lengths: Vec<f64>,
    y: &'a [f64],
}

impl<'a> Columns<'a> {
    fn new(what: &'static str, rows: &[Vec<f64>], y: &'a [f64]) -> Result<Self> {
        let (left, right) = (rows.len(), y.len());
        if left != right {
            return Err(Error::Unequal { what, left, right });
        }
        let Some(first) = rows.first() else {
            return Err(Error::TooFew {
                what,
                needed: 1,
                got: 0,
            });
        };
        for row in rows {
            let (left, right) = (first.len(), row.len());
            if left != right {
                return Err(Error::Unequal { what, left, right });
            }
            finite(what, row)?;
        }
        finite(what, y)?;
        let column = |j: usize| -> Vec<f64> { rows.iter().map(|row| row[j]).collect() };
        let mut columns: Vec<Vec<f64>> = (0..first.len()).map(column).collect();
        let mut lengths = Vec::new();
        for column in &mut columns {
            // A column of noughts stays one.
            let length = match dot(column, column).sqrt() {
                length if length > 0.0 => length,
                _ => 1.0,
            };
            column.iter_mut().for_each(|value| *value /= length);
            lengths.push(length);
        }
        Ok(Self {
            columns,
            lengths,
            y,
        })
    }

    /// How much each column would lessen half the squares, where these are `x`.
    fn slopes(&self, x: &[f64]) -> Vec<f64> {
        let left: Vec<f64> = (0..self.y.len())
            .map(|i| {
                let parts = self.columns.iter().zip(x).map(|(column, x)| column[i] * x);
                self.y[i] - parts.sum::<f64>()
            })
            .collect();
        let slope = |column: &Vec<f64>| dot(column, &left);
        self.columns.iter().map(slope).collect()
    }

    /// The least squares of these columns alone; `None` where they depend on each other.
    fn solve(&self, which: &[usize]) -> Option<Vec<f64>> {
        let product = |a: usize, b: usize| dot(&self.columns[which[a]], &self.columns[which[b]]);
        let factor = Cholesky::new(which.len(), product)?;
        // Rounding leaves a little of what is nothing.
        if factor.least_diagonal().is_some_and(|d| d * d < DEPENDENT) {
            return None;
        }
        let right: Vec<f64> = which
            .iter()
            .map(|&j| dot(&self.columns[j], self.y))
            .collect();
        Some(factor.solve(&right))
    }

    fn unscaled(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.lengths).map(|(x, l)| x / l).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Rows of random numbers from 0 to 1.
    fn rows(seed: u64, count: usize, width: usize) -> Vec<Vec<f64>> {
        let mut random = Random::new(seed);
        let mut row = || (0..width).map(|_| random.uniform()).collect();
        (0..count).map(|_| row()).collect()
    }

    fn made(rows: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
        rows.iter().map(|row| dot(row, x)).collect()
    }

    #[test]
    fn coefficients_that_made_the_numbers_are_found_whatever_their_units() {
        let known = [3.0, 0.0, 2e-9, 5e4];
        let mut rows = rows(1, 20, 4);
        rows.iter_mut().for_each(|row| row[2] *= 1e9);
        let y = made(&rows, &known);
        for found in [linear(&rows, &y).unwrap(), nonnegative(&rows, &y).unwrap()] {
            for (found, known) in found.iter().zip(known) {
                assert!((found - known).abs() <= 1e-6 * known.max(1.0), "{found}");
            }
        }
    }

    #[test]
    fn what_would_be_below_0_is_0_and_nothing_else_would_be_better() {
        for seed in 0..50 {
            let rows = rows(seed, 12, 5);
            let y = made(&rows, &[1.0, -2.0, 0.5, -0.1, 3.0]);
            let x = nonnegative(&rows, &y).unwrap();
            assert!(x.iter().all(|x| *x >= 0.0), "{x:?}");
            // The conditions of Kuhn and Tucker: no slope upwards, and none at all where a coefficient is above 0.
            let left: Vec<f64> = y
                .iter()
                .zip(made(&rows, &x))
                .map(|(y, at)| y - at)
                .collect();
            for (j, x) in x.iter().enumerate() {
                let slope: f64 = rows
                    .iter()
                    .zip(&left)
                    .map(|(row, left)| row[j] * left)
                    .sum();
                assert!(slope < 1e-8, "seed {seed}, column {j}: {slope}");
                assert!(*x == 0.0 || slope.abs() < 1e-8, "seed {seed}: {slope}");
            }
        }
    }

    #[test]
    fn columns_that_depend_on_each_other_share_what_they_explain() {
        let mut rows = rows(3, 10, 3);
        rows.iter_mut().for_each(|row| row[2] = 2.0 * row[0]);
        let y = made(&rows, &[1.0, 4.0, 1.0]);
        let x = nonnegative(&rows, &y).unwrap();
        for (made, y) in made(&rows, &x).iter().zip(&y) {
            assert!((made - y).abs() < 1e-9, "{x:?}");
        }
        let text = linear(&rows, &y).unwrap_err().to_string();
        assert_eq!(
            text,
            "a linear regression got columns that depend on each other"
        );
        // A column of noughts explains nothing.
        rows.iter_mut().for_each(|row| row[2] = 0.0);
        assert_eq!(nonnegative(&rows, &y).unwrap()[2], 0.0);
    }

    #[test]
    fn what_gives_no_regression_is_refused() {
        let text = |result: Result<Vec<f64>>| result.unwrap_err().to_string();
        let two = [vec![1.0, 2.0], vec![1.0]];
        assert!(text(nonnegative(&two, &[1.0, 2.0])).contains("2 numbers on one side and 1"));
        assert!(text(nonnegative(&[], &[])).contains("1 points or more"));
        assert!(text(linear(&[vec![1.0, 2.0]], &[1.0])).contains("needs 2 points or more, got 1"));
        let none = [vec![f64::NAN], vec![1.0]];
        assert!(text(nonnegative(&none, &[1.0, 1.0])).contains("got NaN"));
        assert!(text(nonnegative(&[vec![1.0]], &[f64::INFINITY])).contains("got inf"));
    }
}
