//! One network scaled in several ways: to the same factors, or to the same multiply-adds.
//!
//! To grow, this is the comparison of strategies of *Fast and Accurate Model Scaling* (<https://arxiv.org/abs/2103.06877>).
//! To shrink one dimension at a time to equal multiply-adds is TinyNet's (<https://arxiv.org/abs/2010.14819>), which finds
//! resolution and depth to matter more than width.

use triaxis_models::scaling::{Rounding, Step, fit};
use triaxis_models::{Scaling, Spec, Strategy};

use super::same;
use crate::bench::scaling::{UNSCALED, networks};
use crate::error::{Error, Result};

/// Pixels of the base's side for each by which a scaled side may differ from its factor's.
const SIDE_OF_A_PIXEL: usize = 64;

/// A network and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The network; its name tells the rest: `BASE-STRATEGY-FACTOR`.
    pub spec: Spec,
    /// How growth or shrinking is shared between the axes; [`UNSCALED`] for the base itself.
    pub strategy: String,
    /// What multiplies the multiply-adds, before rounding.
    pub factor: f64,
    /// The multiply-adds that were asked for, where the factor was found for them.
    pub target: Option<u64>,
    /// Multipliers of depth, width and resolution.
    pub multipliers: [f64; 3],
}

/// The base, where 1 is among the factors, then every strategy at every other factor; rounded as pycls does.
///
/// # Errors
///
/// A strategy that is not known, a factor that gives no network.
pub fn to_factors(base: &Spec, strategies: &[String], factors: &[f64]) -> Result<Vec<Way>> {
    let all = networks(base, strategies, factors)?;
    all.into_iter()
        .map(|(spec, scaled)| {
            let multipliers = match scaled.strategy.as_str() {
                UNSCALED => [1.0; 3],
                name => axes(&name.parse::<Strategy>()?.at(scaled.factor)),
            };
            Ok(Way {
                spec,
                strategy: scaled.strategy,
                factor: scaled.factor,
                target: None,
                multipliers,
            })
        })
        .collect()
}

/// For every target the network of every strategy whose multiply-adds come nearest; rounded as TinyNet does, whose sides are
/// no multiples of 4. Ways that rounding makes one network of an earlier one are left out.
///
/// # Errors
///
/// A strategy that is not known, and the model's for a target that no factor reaches.
pub fn to_targets(base: &Spec, strategies: &[String], targets: &[u64]) -> Result<Vec<Way>> {
    let mut ways: Vec<Way> = Vec::new();
    for &target in targets {
        for name in strategies {
            let strategy: Strategy = name.parse()?;
            let shape = |factor: f64| Scaling {
                rounding: Rounding::TinyNet,
                ..strategy.at(factor)
            };
            let (scaling, found) = nearest(base, target, strategy, &shape).map_err(|error| {
                Error::config(
                    "--target-flops",
                    format!(
                        "{} by {name} alone does not come to {target} multiply-adds: {error}",
                        base.name
                    ),
                    "Give other targets, or leave the strategy out",
                )
            })?;
            if ways.iter().any(|way| same(&way.spec, &found.spec)) {
                continue;
            }
            ways.push(Way {
                spec: Spec {
                    name: format!("{}-{name}-{}", base.name, found.factor),
                    ..found.spec
                },
                strategy: name.clone(),
                factor: found.factor,
                target: Some(target),
                multipliers: axes(&scaling),
            });
        }
    }
    Ok(ways)
}

/// The network whose multiply-adds come nearest. Widths are multiples of 8 and blocks whole, so that the factor alone may
/// miss by a tenth where networks are tiny; a strategy that scales the side anyway may move it by a pixel or so.
fn nearest(
    base: &Spec,
    target: u64,
    strategy: Strategy,
    shape: &dyn Fn(f64) -> Scaling,
) -> triaxis_models::Result<(Scaling, Step)> {
    let count = |spec: &Spec| Ok(spec.complexity()?.flops);
    let found = fit(base, target, shape, count)?.nearest;
    let (mut best, mut step) = (shape(found.factor), found);
    if strategy.resolution > 0.0 {
        let most = (base.resolution / SIDE_OF_A_PIXEL).max(1) as i32;
        let plain = best;
        for pixels in (-most..=most).filter(|pixels| *pixels != 0) {
            let moved = Scaling {
                resolution: plain.resolution + f64::from(pixels) / base.resolution as f64,
                ..plain
            };
            // A side that the strides do not allow is no candidate.
            let Ok(spec) = base.scaled(moved) else {
                continue;
            };
            let cost = count(&spec)?;
            if cost.abs_diff(target) < step.cost.abs_diff(target) {
                best = moved;
                step = Step { spec, cost, ..step };
            }
        }
    }
    Ok((best, step))
}

fn axes(scaling: &Scaling) -> [f64; 3] {
    [scaling.depth, scaling.width, scaling.resolution]
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_models::zoo;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_dimension_at_a_time_shrinks_b0_to_equal_flops() {
        let base = zoo("efficientnet_b0").unwrap();
        let target = base.complexity().unwrap().flops / 2;
        let ways = to_targets(&base, &names(&["w", "r", "dwr"]), &[target]).unwrap();
        assert_eq!(ways.len(), 3);
        for way in &ways {
            let flops = way.spec.complexity().unwrap().flops;
            assert!(
                (flops as f64 / target as f64 - 1.0).abs() < 0.03,
                "{}: {flops}",
                way.spec.name
            );
            assert!(way.factor < 1.0 && way.target == Some(target), "{way:?}");
        }
        let [depth, width, resolution] = ways[0].multipliers;
        assert!(
            depth == 1.0 && resolution == 1.0 && width < 1.0,
            "{:?}",
            ways[0]
        );
        assert_eq!(ways[0].spec.resolution, 224);
        assert!(ways[1].multipliers[2] < 1.0 && ways[1].multipliers[1] == 1.0);
        assert_eq!(
            ways[0].spec.name,
            format!("efficientnet_b0-w-{}", ways[0].factor)
        );
    }

    #[test]
    fn factors_give_what_the_benchmark_measures() {
        let base = zoo("regnetz_500mf").unwrap();
        let ways = to_factors(&base, &names(&["d", "w"]), &[1.0, 2.0]).unwrap();
        let told: Vec<_> = ways
            .iter()
            .map(|way| (way.spec.name.as_str(), way.multipliers))
            .collect();
        let root = 2f64.sqrt();
        assert_eq!(
            told,
            [
                ("regnetz_500mf", [1.0, 1.0, 1.0]),
                ("regnetz_500mf-d-2", [2.0, 1.0, 1.0]),
                ("regnetz_500mf-w-2", [1.0, root, 1.0]),
            ]
        );
    }

    #[test]
    fn what_no_factor_reaches_is_refused_with_the_strategy() {
        let base = zoo("efficientnet_b0").unwrap();
        let text = to_targets(&base, &names(&["r"]), &[1000])
            .unwrap_err()
            .to_string();
        assert!(text.contains("efficientnet_b0 by r alone"), "{text}");
        assert!(to_targets(&base, &names(&["x"]), &[1000]).is_err());
    }
}
