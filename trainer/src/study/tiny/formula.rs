//! What the best networks have in common.

use serde::Serialize;
use triaxis_models::{Scaling, Spec, scaling};
use triaxis_search::{FitOptions, GaussianProcess, Prediction, pareto};

use crate::error::{Error, Result};
use crate::ledger::Trial;

/// The least distance over which a curve may bend, as a part of the front's extent: few and noisy networks would be
/// likeliest on a curve that bends through each of them, which no other network follows.
const LENGTH: f64 = 0.25;

/// By how many pixels the side may differ from the formula's, in the order they are tried, until the count is within a
/// hundredth of the budget: widths are multiples of 8 and their steps coarser than that. Small pictures allow one only.
const PIXELS: [i32; 7] = [0, 1, -1, 2, -2, 3, -3];
/// Pixels of the base's side for each by which the side may differ.
const SIDE_OF_A_PIXEL: usize = 64;

/// A network of the front.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Its share of the base's multiply-adds.
    pub share: f64,
    /// Multiplier of depth.
    pub depth: f64,
    /// Multiplier of width.
    pub width: f64,
    /// Multiplier of resolution.
    pub resolution: f64,
    /// Its top-1 error, percent.
    pub error: f64,
}

/// The best `part` of the trials that are done, by their numbers in the ledger: front after front of error against
/// multiply-adds, of the last the loneliest; 3 at least, where there are so many.
pub fn front(trials: &[Trial], part: f64) -> Vec<i64> {
    let done: Vec<(i64, [f64; 2])> = trials
        .iter()
        .filter_map(|trial| {
            let error = trial.outcome.as_ref()?.top1_error;
            Some((trial.id, [error, trial.planned.flops as f64]))
        })
        .collect();
    let objectives: Vec<[f64; 2]> = done.iter().map(|(_, objectives)| *objectives).collect();
    let count = ((done.len() as f64 * part).round() as usize).max(3);
    let best = pareto::best(&objectives, count);
    best.into_iter().map(|i| done[i].0).collect()
}

/// Depth and resolution as functions of the share of the base's multiply-adds: smooth over its logarithm, where halving a
/// budget counts the same wherever, and the released TinyNets lie almost on lines.
#[derive(Clone, Debug)]
pub struct Formula {
    base: Spec,
    base_flops: u64,
    points: Vec<Point>,
    depth: GaussianProcess,
    resolution: GaussianProcess,
}

/// A network by the formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The network.
    pub spec: Spec,
    /// Its multiply-adds.
    pub flops: u64,
    /// Its share of the base's multiply-adds before rounding.
    pub share: f64,
    /// Depth as the formula has it.
    pub depth: Prediction,
    /// Resolution as the formula has it.
    pub resolution: Prediction,
    /// Width, solved on the real count.
    pub width: f64,
}

impl Formula {
    /// The formula of the networks of a front.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a front without two different shares.
    pub fn new(base: &Spec, points: &[Point]) -> Result<Self> {
        let base_flops = base.complexity()?.flops;
        let column = |value: fn(&Point) -> f64| points.iter().map(value).collect::<Vec<f64>>();
        let shares = column(|point| point.share.ln());
        let (low, high) = range(points);
        let options = FitOptions {
            // Points of one share have no curve, whatever its length: the fit says so.
            length: ((LENGTH * (high / low).ln()).clamp(1e-5, 1e5), 1e5),
        };
        let fit = |values: &[f64]| {
            GaussianProcess::fit_with(&shares, values, &options).map_err(|error| {
                Error::config(
                    "the front",
                    format!(
                        "no curve goes through its {} networks: {error}",
                        points.len()
                    ),
                    "Give more --trials, or a larger --front",
                )
            })
        };
        Ok(Self {
            base: base.clone(),
            base_flops,
            points: points.to_vec(),
            depth: fit(&column(|point| point.depth))?,
            resolution: fit(&column(|point| point.resolution))?,
        })
    }

    /// The networks that it was learnt from.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The processes of depth and of resolution, over the logarithm of the share.
    pub fn processes(&self) -> [(&'static str, &GaussianProcess); 2] {
        [("depth", &self.depth), ("resolution", &self.resolution)]
    }

    /// The base's multiply-adds.
    pub fn base_flops(&self) -> u64 {
        self.base_flops
    }

    /// The least and the greatest share that it was learnt from.
    pub fn range(&self) -> (f64, f64) {
        range(&self.points)
    }

    /// The network of about `flops` multiply-adds: depth and resolution by the formula, the width such that the real count
    /// comes nearest; where its steps are too coarse for that, the side may move by a hundredth or so, three pixels at most.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where the formula gives no depth or resolution above 0 there, and the model's where no width
    /// reaches the budget.
    pub fn network(&self, flops: u64) -> Result<Network> {
        let share = flops as f64 / self.base_flops as f64;
        let at = share.ln();
        let (depth, resolution) = (self.depth.predict(at), self.resolution.predict(at));
        if depth.mean <= 0.0 || resolution.mean <= 0.0 {
            let (low, high) = self.range();
            return Err(Error::config(
                "--target-flops",
                format!(
                    "at {share:.4} of the base's multiply-adds the formula gives depth {:.3} and resolution {:.3}; it was \
                     learnt from shares of {low:.4} to {high:.4}",
                    depth.mean, resolution.mean
                ),
                "Give a target within those",
            ));
        }
        let count = |spec: &Spec| Ok(spec.complexity()?.flops);
        let missed = |step: &scaling::Step| step.cost.abs_diff(flops);
        let mut found: Option<scaling::Step> = None;
        let most = (self.base.resolution / SIDE_OF_A_PIXEL).max(1);
        for pixels in PIXELS
            .into_iter()
            .filter(|pixels| pixels.unsigned_abs() as usize <= most)
        {
            let side = resolution.mean + f64::from(pixels) / self.base.resolution as f64;
            let shape = |width| Scaling::tiny(depth.mean, width, side);
            let nearest = match scaling::fit(&self.base, flops, shape, count) {
                Ok(fit) => fit.nearest,
                // Another side may do, once the formula's own does.
                Err(_) if found.is_some() => continue,
                Err(error) => return Err(error.into()),
            };
            if found
                .as_ref()
                .is_none_or(|found| missed(&nearest) < missed(found))
            {
                found = Some(nearest);
            }
            if found
                .as_ref()
                .is_some_and(|found| missed(found) <= flops / 100)
            {
                break;
            }
        }
        let found = found.expect("the first side gives a network or an error");
        Ok(Network {
            flops: found.cost,
            width: found.factor,
            spec: found.spec,
            share,
            depth,
            resolution,
        })
    }
}

/// The least and the greatest share; noughts of no points.
fn range(points: &[Point]) -> (f64, f64) {
    let shares = points.iter().map(|point| point.share);
    let widen = |(low, high): (f64, f64), share: f64| (low.min(share), high.max(share));
    shares
        .map(|share| (share, share))
        .reduce(|a, b| widen(a, b.0))
        .unwrap_or_default()
}
