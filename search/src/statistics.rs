//! Numbers about numbers: correlation, lines of best fit, empirical distributions.

use crate::error::{Error, Result, finite, pairs};

/// The two-sided 95 % quantile of the normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// Pearson's correlation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// The coefficient, −1 to 1.
    pub r: f64,
    /// Its 95 % confidence interval by Fisher's z; −1 to 1 for three points, which tell nothing.
    pub interval: (f64, f64),
    /// Points.
    pub n: usize,
}

/// The correlation of `x` and `y`.
///
/// # Errors
///
/// Fewer than three points, lists of different lengths, numbers that are not finite or all the same.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Correlation> {
    const WHAT: &str = "a correlation";
    pairs(WHAT, 3, x, y)?;
    let moments = Moments::new(WHAT, x, y)?;
    if moments.yy <= 0.0 {
        let (what, value) = (WHAT, y[0]);
        return Err(Error::Constant { what, value });
    }
    let r = (moments.xy / (moments.xx * moments.yy).sqrt()).clamp(-1.0, 1.0);
    let n = x.len();
    let interval = match n {
        ..=3 => (-1.0, 1.0),
        // An interval about 1 has no width.
        _ if r.abs() == 1.0 => (r, r),
        _ => {
            let half = NORMAL_95 / (n as f64 - 3.0).sqrt();
            ((r.atanh() - half).tanh(), (r.atanh() + half).tanh())
        }
    };
    Ok(Correlation { r, interval, n })
}

/// The line of least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise of y for each unit of x.
    pub slope: f64,
    /// y where x is 0.
    pub intercept: f64,
    /// Standard deviation of the points about the line, of n − 2 degrees of freedom; 0 for two points.
    pub deviation: f64,
}

impl Line {
    /// The line's height at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// Indices of the points that lie further above or below the line than `deviations` of its own.
    pub fn outliers(&self, x: &[f64], y: &[f64], deviations: f64) -> Vec<usize> {
        let bound = deviations * self.deviation;
        let points = x.iter().zip(y).enumerate();
        let far = points.filter(|(_, (x, y))| (**y - self.at(**x)).abs() > bound);
        far.map(|(i, _)| i).collect()
    }
}

/// The line that lies nearest to the points in y.
///
/// # Errors
///
/// Fewer than two points, lists of different lengths, numbers that are not finite, `x` that are all the same.
pub fn least_squares(x: &[f64], y: &[f64]) -> Result<Line> {
    const WHAT: &str = "a line of best fit";
    pairs(WHAT, 2, x, y)?;
    let moments = Moments::new(WHAT, x, y)?;
    let slope = moments.xy / moments.xx;
    let mut line = Line {
        slope,
        intercept: moments.mean_y - slope * moments.mean_x,
        deviation: 0.0,
    };
    if x.len() > 2 {
        let squares = x.iter().zip(y).map(|(x, y)| (y - line.at(*x)).powi(2));
        line.deviation = (squares.sum::<f64>() / (x.len() - 2) as f64).sqrt();
    }
    Ok(line)
}

/// Means and sums of squares about them.
struct Moments {
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Moments {
    /// Refuses `x` that are all the same.
    fn new(what: &'static str, x: &[f64], y: &[f64]) -> Result<Self> {
        let n = x.len() as f64;
        let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let sum = |a: &[f64], b: &[f64], (mean_a, mean_b): (f64, f64)| {
            let products = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b));
            products.sum::<f64>()
        };
        let xx = sum(x, x, (mean_x, mean_x));
        if x.iter().all(|other| *other == x[0]) || xx <= 0.0 {
            return Err(Error::Constant { what, value: x[0] });
        }
        Ok(Self {
            mean_x,
            mean_y,
            xx,
            xy: sum(x, y, (mean_x, mean_y)),
            yy: match y.iter().all(|other| *other == y[0]) {
                true => 0.0,
                false => sum(y, y, (mean_y, mean_y)),
            },
        })
    }
}

/// An empirical distribution function: which share of the values is at most x.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    /// That of `values`.
    ///
    /// # Errors
    ///
    /// No values, or some that are not finite.
    pub fn new(values: &[f64]) -> Result<Self> {
        const WHAT: &str = "a distribution";
        if values.is_empty() {
            return Err(Error::TooFew {
                what: WHAT,
                needed: 1,
                got: 0,
            });
        }
        finite(WHAT, values)?;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Ok(Self(sorted))
    }

    /// The share of the values that are at most `x`, 0 to 1.
    pub fn at(&self, x: f64) -> f64 {
        self.0.partition_point(|value| *value <= x) as f64 / self.0.len() as f64
    }

    /// The corners of the function's steps, from left to right: it is 0 before the first and 1 from the last.
    pub fn steps(&self) -> Vec<(f64, f64)> {
        let n = self.0.len() as f64;
        let mut steps = Vec::with_capacity(2 * self.0.len());
        for (i, &x) in self.0.iter().enumerate() {
            steps.extend([(x, i as f64 / n), (x, (i + 1) as f64 / n)]);
        }
        steps
    }

    /// The value that half of the values do not exceed; of an even number, the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.len() % 2 {
            1 => self.0[middle],
            _ => (self.0[middle - 1] + self.0[middle]) / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anscombe's first quartet: r 0.81642, line 3.0001 + 0.50009 x.
    const X: [f64; 11] = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
    const Y: [f64; 11] = [
        8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
    ];

    #[test]
    fn anscombes_points_have_the_known_correlation_and_line() {
        let got = pearson(&X, &Y).unwrap();
        assert!((got.r - 0.816_420_516_3).abs() < 1e-9, "{got:?}");
        // By scipy.stats.pearsonr(x, y).confidence_interval(0.95).
        assert!((got.interval.0 - 0.424_391_18).abs() < 1e-7, "{got:?}");
        assert!((got.interval.1 - 0.950_693_31).abs() < 1e-7, "{got:?}");
        let line = least_squares(&X, &Y).unwrap();
        assert!((line.slope - 0.500_090_909).abs() < 1e-9, "{line:?}");
        assert!((line.intercept - 3.000_090_909).abs() < 1e-9, "{line:?}");
        assert!((line.deviation - 1.236_603_323).abs() < 1e-8, "{line:?}");
    }

    #[test]
    fn a_point_far_from_the_line_is_an_outlier() {
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x + (5.0 * x).sin()).collect();
        y[7] += 20.0;
        let line = least_squares(&x, &y).unwrap();
        assert_eq!(line.outliers(&x, &y, 2.0), [7]);
    }

    #[test]
    fn points_on_a_line_are_wholly_correlated() {
        let falling: Vec<f64> = X.iter().map(|x| 4.0 - 0.5 * x).collect();
        let got = pearson(&X, &falling).unwrap();
        assert!(
            (got.r + 1.0).abs() < 1e-15 && got.interval.1 < -0.999,
            "{got:?}"
        );
        assert_eq!(pearson(&X[..3], &Y[..3]).unwrap().interval, (-1.0, 1.0));
    }

    #[test]
    fn a_distribution_counts_what_is_at_most_x() {
        let distribution = Distribution::new(&[3.0, 1.0, 2.0, 2.0]).unwrap();
        assert_eq!(
            [0.9, 1.0, 2.0, 2.5, 3.0].map(|x| distribution.at(x)),
            [0.0, 0.25, 0.75, 0.75, 1.0]
        );
        assert_eq!(distribution.median(), 2.0);
        assert_eq!(
            distribution.steps()[..3],
            [(1.0, 0.0), (1.0, 0.25), (2.0, 0.25)]
        );
        assert_eq!(distribution.steps().last(), Some(&(3.0, 1.0)));
    }

    #[test]
    fn numbers_that_tell_nothing_are_refused() {
        let text = |error: Error| error.to_string();
        assert_eq!(
            text(pearson(&[1.0, 2.0], &[1.0, 2.0]).unwrap_err()),
            "a correlation needs 3 points or more, got 2"
        );
        assert_eq!(
            text(pearson(&[1.0, 2.0, 3.0], &[4.0; 3]).unwrap_err()),
            "a correlation got 4 as each of its numbers, expected different ones"
        );
        assert_eq!(
            text(least_squares(&[5.0; 2], &[1.0, 2.0]).unwrap_err()),
            "a line of best fit got 5 as each of its numbers, expected different ones"
        );
        assert!(Distribution::new(&[]).is_err());
        assert!(Distribution::new(&[f64::INFINITY]).is_err());
    }
}
