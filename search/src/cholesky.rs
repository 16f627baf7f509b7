//! The Cholesky factor of a positive definite matrix, and what it solves.

/// The lower triangle `L` of `A = L·Lᵀ`, by rows: row `i` has `i + 1` numbers.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky(Vec<Vec<f64>>);

impl Cholesky {
    /// Factors the `n×n` matrix whose lower triangle `entry` gives; `None` where it is not positive definite.
    pub(crate) fn new(n: usize, entry: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
        for i in 0..n {
            let mut row: Vec<f64> = Vec::with_capacity(i + 1);
            for j in 0..i {
                let value = (entry(i, j) - dot(&row, &rows[j][..j])) / rows[j][j];
                row.push(value);
            }
            let square = entry(i, i) - dot(&row, &row);
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            row.push(square.sqrt());
            rows.push(row);
        }
        Some(Self(rows))
    }

    /// `L⁻¹·b`.
    pub(crate) fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(b.len());
        for (i, row) in self.0.iter().enumerate() {
            let value = (b[i] - dot(&x, &row[..i])) / row[i];
            x.push(value);
        }
        x
    }

    /// `A⁻¹·b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..x.len()).rev() {
            x[i] /= self.0[i][i];
            let solved = x[i];
            for (value, factor) in x[..i].iter_mut().zip(&self.0[i]) {
                *value -= factor * solved;
            }
        }
        x
    }

    /// The least number on L's diagonal; `None` of a matrix without any.
    pub(crate) fn least_diagonal(&self) -> Option<f64> {
        let diagonal = self.0.iter().enumerate().map(|(i, row)| row[i]);
        diagonal.min_by(f64::total_cmp)
    }

    /// The logarithm of A's determinant.
    pub(crate) fn log_determinant(&self) -> f64 {
        let logs = self.0.iter().enumerate().map(|(i, row)| row[i].ln());
        2.0 * logs.sum::<f64>()
    }
}

/// The scalar product of the numbers that both have.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_solved_fulfils_the_equations() {
        let a = [[4.0, 2.0, 0.4], [2.0, 5.0, 1.0], [0.4, 1.0, 3.0]];
        let b = [1.0, -2.0, 0.5];
        let factor = Cholesky::new(3, |i, j| a[i][j]).unwrap();
        let x = factor.solve(&b);
        for (row, b) in a.iter().zip(b) {
            assert!((dot(row, &x) - b).abs() < 1e-14, "{x:?}");
        }
        // By the rule of Sarrus.
        let determinant: f64 = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.4) + 0.4 * (2.0 - 2.0);
        assert!((factor.log_determinant() - determinant.ln()).abs() < 1e-14);
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factor() {
        let a = [[1.0, 2.0], [2.0, 1.0]];
        assert!(Cholesky::new(2, |i, j| a[i][j]).is_none());
        assert!(Cholesky::new(1, |_, _| f64::NAN).is_none());
    }
}
