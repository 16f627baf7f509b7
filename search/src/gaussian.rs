//! Gaussian process regression of one number on another: Rasmussen and Williams, *Gaussian Processes for Machine
//! Learning* (<https://gaussianprocess.org/gpml/>), algorithm 2.1 and equation 5.9.

use crate::cholesky::{Cholesky, dot};
use crate::error::{Error, Result, pairs};
use crate::minimise::{Least, minimise};

const WHAT: &str = "a Gaussian process";
/// What is added to the diagonal for the factor's sake, as scikit-learn does.
const JITTER: f64 = 1e-10;
/// Bounds of every number of a kernel in a fit, scikit-learn's.
const BOUNDS: (f64, f64) = (1e-5, 1e5);

/// Which kernels a fit may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// The least and the greatest length, both above 0. A few noisy points are likeliest under lengths that bend the curve
    /// through each of them; who knows better says so here.
    pub length: (f64, f64),
}

impl Default for FitOptions {
    /// The bounds of scikit-learn.
    fn default() -> Self {
        Self { length: BOUNDS }
    }
}

/// The covariance of two points: `variance · exp(−(x − x')² / (2 · length²))`, and `noise` more of a point with itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Variance of the curve, in squares of the values' standard deviation.
    pub variance: f64,
    /// Distance over which the curve changes.
    pub length: f64,
    /// Variance of the noise on each value, in the unit of `variance`.
    pub noise: f64,
}

/// What a Gaussian process says of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The expected value.
    pub mean: f64,
    /// Standard deviation of the curve.
    pub of_curve: f64,
    /// Standard deviation of a new observation, which has noise beside the curve's: what scikit-learn gives.
    pub of_observation: f64,
}

/// A curve through noisy points, with its uncertainty. Values are brought to mean 0 and standard deviation 1 first.
///
/// ```
/// use triaxis_search::GaussianProcess;
///
/// let x: Vec<f64> = (0..20).map(|i| f64::from(i) / 19.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (3.0 * x).sin()).collect();
/// let process = GaussianProcess::fit(&x, &y)?;
/// let at = process.predict(0.5);
/// assert!((at.mean - 1.5f64.sin()).abs() < 0.01);
/// assert!(process.predict(3.0).of_curve > at.of_curve, "nothing is known there");
/// # Ok::<(), triaxis_search::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianProcess {
    kernel: Kernel,
    x: Vec<f64>,
    mean: f64,
    scale: f64,
    factor: Cholesky,
    /// The inverse covariance times the values.
    weights: Vec<f64>,
    log_likelihood: f64,
}

impl GaussianProcess {
    /// The process of this kernel through the points `(x, y)`.
    ///
    /// # Errors
    ///
    /// Fewer than two points, lists of different lengths, numbers that are not finite; a kernel whose numbers are not
    /// above 0.
    pub fn new(kernel: Kernel, x: &[f64], y: &[f64]) -> Result<Self> {
        pairs(WHAT, 2, x, y)?;
        let (mean, scale, values) = standardised(y);
        let refused = Error::Kernel {
            variance: kernel.variance,
            length: kernel.length,
            noise: kernel.noise,
        };
        let numbers = [kernel.variance, kernel.length, kernel.noise];
        if numbers.iter().any(|n| !(n.is_finite() && *n > 0.0)) {
            return Err(refused);
        }
        let factor = kernel.factor(x).ok_or(refused)?;
        let weights = factor.solve(&values);
        Ok(Self {
            kernel,
            x: x.to_vec(),
            mean,
            scale,
            log_likelihood: log_likelihood(&factor, &values, &weights),
            factor,
            weights,
        })
    }

    /// The process whose kernel makes the points `(x, y)` likeliest: the greatest log marginal likelihood, searched
    /// downhill from a grid of kernels with its analytic gradient.
    ///
    /// # Errors
    ///
    /// As [`GaussianProcess::new`]; points that all have the same `x`.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        Self::fit_with(x, y, &FitOptions::default())
    }

    /// As [`GaussianProcess::fit`], among the kernels that `options` allow.
    ///
    /// # Errors
    ///
    /// Those, and lengths that are no range of numbers above 0.
    pub fn fit_with(x: &[f64], y: &[f64], options: &FitOptions) -> Result<Self> {
        pairs(WHAT, 2, x, y)?;
        let (low, high) = x
            .iter()
            .fold((x[0], x[0]), |(low, high), &x| (low.min(x), high.max(x)));
        let range = high - low;
        if range <= 0.0 {
            let (what, value) = (WHAT, low);
            return Err(Error::Constant { what, value });
        }
        let (_, _, values) = standardised(y);
        let objective = |logs: &[f64; 3]| objective(logs, x, &values);
        let (least, most) = options.length;
        if !(least > 0.0 && least <= most && most.is_finite()) {
            return Err(Error::Kernel {
                variance: 1.0,
                length: least,
                noise: 1.0,
            });
        }
        let logs = |(low, high): (f64, f64)| (f64::ln(low), f64::ln(high));
        let bounds = [logs(BOUNDS), logs(options.length), logs(BOUNDS)];
        let mut best: Option<Least<3>> = None;
        for length in [0.05, 0.2, 0.6, 2.0] {
            for noise in [1e-4, 1e-2, 0.3] {
                let start = [0.0, (length * range).ln(), f64::ln(noise)];
                let found = minimise(objective, start, &bounds);
                if best.as_ref().is_none_or(|best| found.value < best.value) {
                    best = Some(found);
                }
            }
        }
        let [variance, length, noise] = best.expect("the grid has kernels").at.map(f64::exp);
        let kernel = Kernel {
            variance,
            length,
            noise,
        };
        Self::new(kernel, x, y)
    }

    /// The kernel.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The curve as a sum: an offset, and for each point where it lies and its amplitude `a`. The value at x is the offset
    /// and the sum of all `a · exp(−(x − at)² / (2 · length²))`.
    pub fn terms(&self) -> (f64, Vec<(f64, f64)>) {
        let amplitude = |weight: &f64| self.scale * self.kernel.variance * weight;
        let amplitudes = self.weights.iter().map(amplitude);
        (self.mean, self.x.iter().copied().zip(amplitudes).collect())
    }

    /// Standard deviation of the noise on the values that it was fitted to.
    pub fn noise(&self) -> f64 {
        self.scale * self.kernel.noise.sqrt()
    }

    /// The logarithm of the probability of the points, brought to mean 0 and standard deviation 1, under the kernel.
    pub fn log_marginal_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// The value at `x`.
    pub fn predict(&self, x: f64) -> Prediction {
        let covariances: Vec<f64> = self.x.iter().map(|at| self.kernel.of(x - at)).collect();
        let known = self.factor.forward(&covariances);
        // Rounding may take more than there is.
        let variance = (self.kernel.variance - dot(&known, &known)).max(0.0);
        Prediction {
            mean: self.mean + self.scale * dot(&covariances, &self.weights),
            of_curve: self.scale * variance.sqrt(),
            of_observation: self.scale * (variance + self.kernel.noise).sqrt(),
        }
    }
}

impl Kernel {
    /// The curve's covariance of points that lie `distance` apart.
    fn of(&self, distance: f64) -> f64 {
        let lengths = distance / self.length;
        self.variance * (-0.5 * lengths * lengths).exp()
    }

    /// The factor of the points' covariance.
    fn factor(&self, x: &[f64]) -> Option<Cholesky> {
        Cholesky::new(x.len(), |i, j| match i == j {
            true => self.variance + self.noise + JITTER,
            false => self.of(x[i] - x[j]),
        })
    }
}

/// Mean, standard deviation (1 where all are equal) and the values in their terms.
fn standardised(y: &[f64]) -> (f64, f64, Vec<f64>) {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
    let scale = match variance.sqrt() {
        deviation if deviation > 10.0 * f64::EPSILON * mean.abs() => deviation,
        _ => 1.0,
    };
    let values = y.iter().map(|y| (y - mean) / scale).collect();
    (mean, scale, values)
}

fn log_likelihood(factor: &Cholesky, values: &[f64], weights: &[f64]) -> f64 {
    let n = values.len() as f64;
    -0.5 * (dot(values, weights) + factor.log_determinant() + n * std::f64::consts::TAU.ln())
}

/// The negative log marginal likelihood and its gradient over the logarithms of variance, length and noise.
fn objective(logs: &[f64; 3], x: &[f64], values: &[f64]) -> (f64, [f64; 3]) {
    let [variance, length, noise] = logs.map(f64::exp);
    let kernel = Kernel {
        variance,
        length,
        noise,
    };
    let Some(factor) = kernel.factor(x) else {
        return (f64::INFINITY, [0.0; 3]);
    };
    let weights = factor.solve(values);
    let mut gradient = [0.0; 3];
    let mut unit = vec![0.0; x.len()];
    for i in 0..x.len() {
        unit[i] = 1.0;
        let inverse = factor.solve(&unit);
        unit[i] = 0.0;
        for j in 0..x.len() {
            // Half the trace of (K⁻¹ − w·wᵀ)·∂K.
            let sensitivity = 0.5 * (inverse[j] - weights[i] * weights[j]);
            let distance = x[i] - x[j];
            let covariance = kernel.of(distance);
            gradient[0] += sensitivity * covariance;
            gradient[1] += sensitivity * covariance * (distance / length).powi(2);
            if i == j {
                gradient[2] += sensitivity * noise;
            }
        }
    }
    (-log_likelihood(&factor, values, &weights), gradient)
}

#[cfg(test)]
mod tests;
