//! The time of a run from what it asks for.

use serde::{Deserialize, Serialize};
use triaxis_search::regression::nonnegative;

use super::demand::{Demand, Phase, TERMS};
use crate::bench::{median, quantile};
use crate::error::{Error, Result};

/// A run that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// What was run.
    pub phase: Phase,
    /// Whether activations were stored as f16.
    pub amp: bool,
    /// The network.
    pub network: String,
    /// Side of the pictures, pixels.
    pub resolution: usize,
    /// Pictures of a batch.
    pub batch: usize,
    /// How long the run took, seconds.
    pub seconds: f64,
    /// What it asked for.
    pub demand: Demand,
}

/// How far predictions were from measurements, as shares of these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Misses {
    /// Half of the predictions missed by no more.
    pub median: f64,
    /// Nine of ten missed by no more.
    pub most: f64,
    /// Predictions.
    pub points: usize,
    /// Networks that they are of.
    pub networks: usize,
}

impl Misses {
    /// Those of pairs of prediction and measurement of the networks of these names; `None` of none.
    pub fn of<'a>(pairs: &[(f64, f64)], names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let missed: Vec<f64> = pairs
            .iter()
            .map(|(at, real)| (at / real - 1.0).abs())
            .collect();
        let mut networks: Vec<&str> = names.collect();
        networks.sort_unstable();
        networks.dedup();
        Some(Self {
            median: median(&missed)?,
            most: quantile(&missed, 0.9)?,
            points: pairs.len(),
            networks: networks.len(),
        })
    }
}

/// Seconds of a run as a sum of what it asks for, each amount times what a unit of it takes on the adapter. None is below 0,
/// so that more work never takes less time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeModel {
    /// Seconds for a unit of each amount.
    pub seconds_per: Demand,
    /// How far it is from networks that it was not fitted to: each was left out in turn.
    pub misses: Misses,
}

impl TimeModel {
    /// The model that lies nearest to the points, as a share of each time.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for points that tell nothing: fewer than three, of fewer than two networks, times that are not above
    /// 0.
    pub fn fit(points: &[&Point]) -> Result<Self> {
        let few = |problem: String| {
            let help = "Measure again, with --remeasure";
            Err(Error::config("the measurements", problem, help))
        };
        if let Some(wrong) = points
            .iter()
            .find(|p| !(p.seconds.is_finite() && p.seconds > 0.0))
        {
            return few(format!(
                "{} took {} s, expected a number above 0",
                wrong.network, wrong.seconds
            ));
        }
        let mut names: Vec<&str> = points.iter().map(|p| p.network.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if points.len() < 3 || names.len() < 2 {
            return few(format!(
                "{} runs of {} networks were measured, at least 3 of 2 are needed",
                points.len(),
                names.len()
            ));
        }
        let mut pairs = Vec::new();
        for name in &names {
            let (of, others): (Vec<_>, Vec<_>) = points.iter().partition(|p| p.network == *name);
            let without = solved(&others)?;
            pairs.extend(of.iter().map(|p| (sum(&without, &p.demand), p.seconds)));
        }
        let coefficients = solved(points)?;
        let misses = Misses::of(&pairs, names.into_iter()).expect("there are points");
        Ok(Self {
            seconds_per: Demand::from_terms(coefficients),
            misses,
        })
    }

    /// Seconds of a run that asks for this.
    pub fn seconds(&self, demand: &Demand) -> f64 {
        sum(&self.seconds_per.terms(), demand)
    }
}

fn sum(coefficients: &[f64; TERMS], demand: &Demand) -> f64 {
    let products = coefficients.iter().zip(demand.terms());
    products.map(|(seconds, amount)| seconds * amount).sum()
}

/// The coefficients of least squares of the relative error.
fn solved(points: &[&Point]) -> Result<[f64; TERMS]> {
    let row = |p: &&Point| p.demand.terms().map(|amount| amount / p.seconds).to_vec();
    let rows: Vec<Vec<f64>> = points.iter().map(row).collect();
    let found = nonnegative(&rows, &vec![1.0; rows.len()]).map_err(|error| {
        Error::config(
            "the measurements",
            error.to_string(),
            "Measure again, with --remeasure",
        )
    })?;
    Ok(std::array::from_fn(|i| found[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Seconds of each amount's unit on an adapter that is made up.
    const UNITS: [f64; TERMS] = [5e-6, 2e-10, 1e-10, 8e-10, 4e-10, 1.5e-9];

    fn point(i: usize, noise: f64) -> Point {
        let mut random = Stream::new(7, 0, i as u32, "points");
        let mut amount = |low: f32, high: f32| f64::from(random.range(low, high));
        let demand = Demand {
            dispatches: amount(200.0, 1500.0),
            matrix: amount(1e7, 4e9),
            matrix_bytes: amount(1e7, 5e8),
            depthwise: amount(0.0, 5e8),
            streamed_bytes: amount(1e7, 2e9),
            parameter_bytes: amount(1e6, 2e8),
        };
        Point {
            phase: Phase::Train,
            amp: false,
            network: format!("net{}", i / 3),
            resolution: 64,
            batch: 4,
            seconds: sum(&UNITS, &demand)
                * (1.0 + noise * if i.is_multiple_of(2) { 1.0 } else { -1.0 }),
            demand,
        }
    }

    fn points(noise: f64) -> Vec<Point> {
        (0..24).map(|i| point(i, noise)).collect()
    }

    #[test]
    fn what_made_the_times_is_found_and_others_are_predicted() {
        let points = points(0.0);
        let model = TimeModel::fit(&points.iter().collect::<Vec<_>>()).unwrap();
        for (found, made) in model.seconds_per.terms().iter().zip(UNITS) {
            assert!((found / made - 1.0).abs() < 1e-6, "{found} {made}");
        }
        assert!(model.misses.median < 1e-6);
        assert_eq!((model.misses.points, model.misses.networks), (24, 8));
        let other = point(99, 0.0);
        assert!((model.seconds(&other.demand) / other.seconds - 1.0).abs() < 1e-6);
    }

    #[test]
    fn noise_is_told_as_what_it_does_to_networks_left_out() {
        let points = points(0.05);
        let model = TimeModel::fit(&points.iter().collect::<Vec<_>>()).unwrap();
        let Misses { median, most, .. } = model.misses;
        assert!(
            (0.02..0.15).contains(&median) && most >= median,
            "{median} {most}"
        );
        assert!(model.seconds_per.terms().iter().all(|s| *s >= 0.0));
    }

    #[test]
    fn points_that_tell_nothing_are_refused() {
        let mut points = points(0.0);
        let refused = |points: &[Point]| {
            let error = TimeModel::fit(&points.iter().collect::<Vec<_>>()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        assert!(refused(&points[..3]).contains("3 runs of 1 networks"));
        points[4].seconds = 0.0;
        assert!(refused(&points).contains("net1 took 0 s"));
        points[4].seconds = 1.0;
        points[4].demand.matrix = f64::NAN;
        assert!(refused(&points).contains("got NaN"));
    }
}
