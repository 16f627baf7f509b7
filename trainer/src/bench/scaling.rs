//! Scaled networks: what they cost, and which of their counts tells it best. Figures 1, 2 and 4 of *Fast and Accurate
//! Model Scaling* (<https://arxiv.org/abs/2103.06877>).

use serde::Serialize;
use triaxis_models::{Spec, Strategy};
use triaxis_search::statistics::{least_squares, pearson};

use super::Row;
use super::page::{Clock, Size, Way};
use crate::error::Result;

/// The strategy of a network that is not scaled.
pub const UNSCALED: &str = "none";

/// Deviations above its line from which a network counts as slower than its activations tell.
const FAR: f64 = 2.0;

/// The fewest points of which one can lie that far from their own line: `sqrt((n - 2) (n - 1) / n)` deviations at most.
const ENOUGH: usize = 7;

/// How a network came about, and its counts for one picture: the columns behind those of its [`Row`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scaled {
    /// The network that was scaled.
    pub base: String,
    /// How growth is shared between the axes; [`UNSCALED`] for the base itself.
    pub strategy: String,
    /// Growth of the multiply-adds, before rounding.
    pub factor: f64,
    /// Multiply-adds.
    pub flops: u64,
    /// Trained numbers.
    pub params: u64,
    /// Outputs of the convolutions.
    pub acts: u64,
    /// Minutes that an epoch of training takes at the measured time of a picture.
    pub epoch_minutes: Option<f64>,
}

/// A measurement, and what was measured.
pub type ScaledRow = (Row, Scaled);

impl Scaled {
    /// The counts as `bench report` takes them.
    pub fn size(&self) -> Size {
        Size {
            flops: self.flops as f64,
            params: self.params as f64,
            acts: self.acts as f64,
        }
    }

    /// How it came about.
    pub fn way(&self) -> Way {
        Way {
            base: self.base.clone(),
            strategy: self.strategy.clone(),
            factor: self.factor,
        }
    }
}

/// The base, where 1 is among the factors, then every strategy at every other factor.
///
/// # Errors
///
/// A strategy that is not known, a factor that gives no network.
pub fn networks(
    base: &Spec,
    strategies: &[String],
    factors: &[f64],
) -> Result<Vec<(Spec, Scaled)>> {
    let counted = |spec: Spec, strategy: &str, factor: f64| {
        let counts = spec.complexity()?;
        let scaled = Scaled {
            base: base.name.clone(),
            strategy: strategy.to_owned(),
            factor,
            flops: counts.flops,
            params: counts.params,
            acts: counts.acts,
            epoch_minutes: None,
        };
        Ok((spec, scaled))
    };
    let mut all = Vec::new();
    if factors.contains(&1.0) {
        all.push(counted(base.clone(), UNSCALED, 1.0));
    }
    for name in strategies {
        let strategy: Strategy = name.parse()?;
        for &factor in factors.iter().filter(|factor| **factor != 1.0) {
            let spec = Spec {
                name: format!("{}-{name}-{factor}", base.name),
                ..base.scaled(strategy.at(factor))?
            };
            all.push(counted(spec, name, factor));
        }
    }
    all.into_iter().collect()
}

/// How the time of a picture follows one count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Follows {
    /// Pearson's correlation.
    pub r: f64,
    /// Lower end of its 95 % confidence interval, by Fisher's z.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Of the line of best fit: milliseconds a picture for a million more.
    pub slope: f64,
    /// Milliseconds a picture where the line meets 0.
    pub intercept: f64,
    /// Standard deviation of the times about the line, milliseconds a picture.
    pub deviation: f64,
}

/// Networks of one base or all, scaled by one strategy or all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The base, or `all`.
    pub base: String,
    /// The strategy, or `all`. The base itself belongs to each.
    pub strategy: String,
    /// Networks that were measured.
    pub networks: usize,
    /// Time and multiply-adds; nothing below three networks, or where all are the same.
    pub flops: Option<Follows>,
    /// Time and parameters.
    pub params: Option<Follows>,
    /// Time and activations.
    pub acts: Option<Follows>,
    /// Networks more than two deviations above the line of activations: bound by their multiply-adds. A line through
    /// fewer than seven points has none, whatever they are.
    pub flop_bound: Vec<String>,
}

/// Every base and strategy by itself, then over all strategies, and the same over all bases. What was not measured is
/// left out.
pub fn groups(rows: &[ScaledRow], clock: Clock) -> Vec<Group> {
    let bases = kinds(rows.iter().map(|(_, scaled)| &scaled.base));
    let strategies = rows.iter().map(|(_, scaled)| &scaled.strategy);
    let strategies = kinds(strategies.filter(|strategy| *strategy != UNSCALED));
    let pairs = bases
        .iter()
        .flat_map(|base| strategies.iter().map(move |strategy| (*base, *strategy)));
    pairs
        .map(|(base, strategy)| {
            let of = |kind: Option<&str>, name: &str| kind.is_none_or(|kind| kind == name);
            let members = rows.iter().filter(|(_, scaled)| {
                let unscaled = scaled.strategy == UNSCALED;
                of(base, &scaled.base) && (unscaled || of(strategy, &scaled.strategy))
            });
            let name = |kind: Option<&str>| kind.unwrap_or("all").to_owned();
            group(name(base), name(strategy), members, clock)
        })
        .collect()
}

/// Each name once, in order, and all of them together where there are several.
fn kinds<'a>(names: impl Iterator<Item = &'a String>) -> Vec<Option<&'a str>> {
    let mut kinds = Vec::new();
    for name in names {
        if !kinds.contains(&Some(name.as_str())) {
            kinds.push(Some(name.as_str()));
        }
    }
    if kinds.len() != 1 {
        kinds.push(None);
    }
    kinds
}

fn group<'a>(
    base: String,
    strategy: String,
    members: impl Iterator<Item = &'a ScaledRow>,
    clock: Clock,
) -> Group {
    let timed: Vec<(f64, &ScaledRow)> = members
        .filter_map(|member| {
            let ms = clock.of(&member.0)?;
            Some((ms / member.0.batch.max(1) as f64, member))
        })
        .collect();
    let times: Vec<f64> = timed.iter().map(|(ms, _)| *ms).collect();
    let millions = |count: fn(&Scaled) -> u64| -> Vec<f64> {
        let counts = timed.iter().map(|(_, (_, scaled))| count(scaled));
        counts.map(|count| count as f64 / 1e6).collect()
    };
    let acts = millions(|scaled| scaled.acts);
    let line = (acts.len() >= ENOUGH).then(|| least_squares(&acts, &times).ok());
    let flop_bound = line.flatten().map_or(Vec::new(), |line| {
        let far = line.outliers(&acts, &times, FAR).into_iter();
        far.filter(|&i| times[i] > line.at(acts[i]))
            .map(|i| timed[i].1.0.model.clone())
            .collect()
    });
    Group {
        base,
        strategy,
        networks: times.len(),
        flops: follows(&millions(|scaled| scaled.flops), &times),
        params: follows(&millions(|scaled| scaled.params), &times),
        acts: follows(&acts, &times),
        flop_bound,
    }
}

/// `None` for numbers that tell nothing: too few, or all the same.
fn follows(counts: &[f64], times: &[f64]) -> Option<Follows> {
    let correlation = pearson(counts, times).ok()?;
    let line = least_squares(counts, times).ok()?;
    Some(Follows {
        r: correlation.r,
        low: correlation.interval.0,
        high: correlation.interval.1,
        slope: line.slope,
        intercept: line.intercept,
        deviation: line.deviation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(base: &str, strategy: &str, acts: u64, ms: f64) -> ScaledRow {
        let row = Row {
            model: format!("{base}-{strategy}-{acts}"),
            batch: 2,
            median_ms: Some(2.0 * ms),
            ..Row::default()
        };
        let scaled = Scaled {
            base: base.into(),
            strategy: strategy.into(),
            factor: acts as f64,
            flops: acts * acts * 1_000_000,
            params: 7,
            acts: acts * 1_000_000,
            epoch_minutes: None,
        };
        (row, scaled)
    }

    #[test]
    fn the_base_belongs_to_each_strategy_and_all_are_pooled() {
        let mut rows = vec![row("a", UNSCALED, 1, 3.0)];
        rows.extend([2, 3].map(|n| row("a", "w", n, 1.0 + 2.0 * n as f64)));
        rows.extend([4, 6, 8].map(|n| row("a", "d", n, 1.0 + 2.0 * n as f64)));
        rows.extend([1, 2].map(|n| row("b", "w", n, 9.0)));
        rows[3].0.median_ms = None;
        let groups = groups(&rows, Clock::Wall);
        let named: Vec<_> = groups
            .iter()
            .map(|g| (g.base.as_str(), g.strategy.as_str(), g.networks))
            .collect();
        assert_eq!(
            named,
            [
                ("a", "w", 3),
                ("a", "d", 3),
                ("a", "all", 5),
                ("b", "w", 2),
                ("b", "d", 0),
                ("b", "all", 2),
                ("all", "w", 5),
                ("all", "d", 3),
                ("all", "all", 7),
            ]
        );
        let acts = groups[2].acts.unwrap();
        assert!((acts.r - 1.0).abs() < 1e-12, "{acts:?}");
        assert!((acts.slope - 2.0).abs() < 1e-12, "{acts:?}");
        assert!((acts.intercept - 1.0).abs() < 1e-12, "{acts:?}");
        assert!(groups[2].flops.unwrap().r < 0.999);
        // Parameters that are all the same, and two networks, tell nothing.
        assert_eq!([groups[2].params, groups[3].acts], [None, None]);
    }

    #[test]
    fn only_what_is_slower_than_its_activations_tell_is_bound_by_flops() {
        let times = |far: f64| -> Vec<ScaledRow> {
            let ms = |n: u64| n as f64 + if n == 5 { far } else { 0.0 };
            (1..=12).map(|n| row("a", "w", n, ms(n))).collect()
        };
        let bound = |far: f64| groups(&times(far), Clock::Wall)[0].flop_bound.clone();
        assert_eq!(bound(20.0), ["a-w-5"]);
        assert!(bound(-4.0).is_empty());
        // The line through two points misses them by what rounding leaves, which is no reason.
        let two = [row("a", UNSCALED, 1, 5.59), row("a", "w", 3, 2.71)];
        assert!(groups(&two, Clock::Wall)[0].flop_bound.is_empty());
    }

    #[test]
    fn networks_are_named_and_counted_and_the_base_comes_once() {
        let base = Spec::find("specs/demo.toml").unwrap();
        let strategies = ["w", "dWr"].map(String::from);
        let all = networks(&base, &strategies, &[1.0, 2.0, 4.5]).unwrap();
        let names: Vec<&str> = all.iter().map(|(spec, _)| spec.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "demo",
                "demo-w-2",
                "demo-w-4.5",
                "demo-dWr-2",
                "demo-dWr-4.5"
            ]
        );
        for (spec, scaled) in &all {
            let counts = spec.complexity().unwrap();
            assert_eq!(
                [scaled.flops, scaled.params, scaled.acts],
                [counts.flops, counts.params, counts.acts]
            );
        }
        assert!(networks(&base, &["x".into()], &[2.0]).is_err());
        assert!(networks(&base, &strategies, &[-2.0]).is_err());
    }
}
