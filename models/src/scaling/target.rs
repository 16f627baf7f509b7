//! The factor that brings a network to a target.

use std::cell::RefCell;

use super::Scaling;
use crate::{Error, Network, Result, Spec};

/// A network found by [`fit`].
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The network whose cost is nearest to the target, by the factor with the fewest digits that makes it.
    pub nearest: Step,
    /// What rounding allows around the target at the crossing that was found: the last step below it, and the first
    /// that reaches it.
    pub around: [Step; 2],
}

/// A network and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The factor that makes it.
    pub factor: f64,
    /// The network.
    pub spec: Spec,
    /// Its cost, in the unit of the target.
    pub cost: u64,
}

/// Doublings of the factor, and halvings of the distance to what cannot be built, until a target counts as out of reach.
const TRIES: usize = 64;
/// Factors nearer to each other than this part are one.
const APART: f64 = 1e-6;
/// How far around a crossing better factors are looked for, and how many.
const NEAR: (f64, i32) = (0.04, 10);
/// At the target's part by this from it, no better factor is looked for.
const NEAR_ENOUGH: u64 = 1000;

/// Finds the factor at which the network that `scaling` makes of `base` comes nearest to `target`, in what `cost` counts:
/// multiply-adds, parameters, activations, bytes.
///
/// The search bisects on the rounded network, whose cost is a staircase. Rounding lets it dip here and there, so the
/// steps around the crossing are tried, too.
///
/// # Errors
///
/// [`Error::Spec`] where the target lies outside of what the network can be scaled to, with the nearest cost that it
/// can; `cost`'s errors at factor 1.
pub fn fit(
    base: &Spec,
    target: u64,
    scaling: impl Fn(f64) -> Scaling,
    cost: impl Fn(&Spec) -> Result<u64>,
) -> Result<Fit> {
    // Rounding makes one network of many factors: each is counted once.
    let counted: RefCell<Vec<(Network, usize, u64)>> = RefCell::default();
    let step = |factor: f64| -> Result<Step> {
        let spec = base.scaled(scaling(factor))?;
        let same = |(network, resolution, _): &&(Network, usize, u64)| {
            *resolution == spec.resolution && *network == spec.network
        };
        let known = counted.borrow().iter().find(same).map(|(.., cost)| *cost);
        let cost = match known {
            Some(cost) => cost,
            None => {
                let cost = cost(&spec)?;
                let network = spec.network.clone();
                counted.borrow_mut().push((network, spec.resolution, cost));
                cost
            }
        };
        Ok(Step { factor, spec, cost })
    };
    let [mut below, mut above] = bracket(&step, target)?;
    while above.factor / below.factor - 1.0 > APART {
        let middle = step((below.factor * above.factor).sqrt())?;
        match middle.cost < target {
            true => below = middle,
            false => above = middle,
        }
    }
    let distance = |step: &Step| step.cost.abs_diff(target);
    let mut nearest = match distance(&below) < distance(&above) {
        true => below.clone(),
        false => above.clone(),
    };
    let (span, steps) = NEAR;
    for i in -steps..=steps {
        if distance(&nearest) <= target / NEAR_ENOUGH {
            break;
        }
        let factor = above.factor * (1.0 + span * f64::from(i) / f64::from(steps));
        // What cannot be built is no candidate.
        let Ok(other) = step(factor) else { continue };
        if distance(&other) < distance(&nearest) {
            nearest = other;
        }
    }
    Ok(Fit {
        nearest: in_few_digits(base, nearest, &scaling),
        around: [below, above],
    })
}

/// The same network by the shortest of the factors that make it, all being as good.
fn in_few_digits(base: &Spec, step: Step, scaling: &impl Fn(f64) -> Scaling) -> Step {
    let magnitude = step.factor.log10().floor() as i32;
    for digits in 1..=6 {
        let unit = 10f64.powi(digits - 1 - magnitude);
        let scaled = step.factor * unit;
        for factor in [scaled.floor() / unit, scaled.ceil() / unit] {
            let Ok(spec) = base.scaled(scaling(factor)) else {
                continue;
            };
            if spec.network == step.spec.network && spec.resolution == step.spec.resolution {
                let cost = step.cost;
                return Step { factor, spec, cost };
            }
        }
    }
    step
}

/// Two networks, the first below the target, the second not.
fn bracket(step: &impl Fn(f64) -> Result<Step>, target: u64) -> Result<[Step; 2]> {
    let mut last = step(1.0)?;
    let grows = last.cost < target;
    // The nearest factor of which no network can be built.
    let mut refused: Option<(f64, Error)> = None;
    for _ in 0..TRIES {
        let factor = match &refused {
            None if grows => 2.0 * last.factor,
            None => last.factor / 2.0,
            Some((bound, _)) if (bound / last.factor).ln().abs() < APART => break,
            Some((bound, _)) => (bound * last.factor).sqrt(),
        };
        match step(factor) {
            Err(error) => refused = Some((factor, error)),
            Ok(next) => match (grows, next.cost < target) {
                (true, false) => return Ok([last, next]),
                (false, true) => return Ok([next, last]),
                _ => last = next,
            },
        }
    }
    let why = refused.map(|(_, error)| error);
    Err(beyond(target, &last, why.as_ref()))
}

fn beyond(target: u64, last: &Step, why: Option<&Error>) -> Error {
    let bound = if last.cost < target { "most" } else { "least" };
    let why = why.map_or(String::new(), |error| format!(" (beyond it: {error})"));
    let factor = match last.factor {
        tiny if tiny < 1e-3 => format!("{tiny:.3e}"),
        factor => format!("{factor:.4}"),
    };
    Error::spec(format!(
        "no scaling of this network reaches the target {target}: the {bound} that was found is {} at factor {factor}{why}; \
         choose a target on this side of it, another strategy, or another network to begin with",
        last.cost
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Strategy, zoo};

    fn flops(spec: &Spec) -> Result<u64> {
        Ok(spec.complexity()?.flops)
    }

    #[test]
    fn the_result_is_nearer_than_the_steps_around_the_target() {
        let base = zoo("efficientnet_b0").unwrap();
        // Small networks have large steps: at 160 pixels one of resolution alone is 5 %.
        for (strategy, target, part) in [("dWr", 4_000_000_000, 0.005), ("dwr", 60_000_000, 0.06)] {
            let strategy: Strategy = strategy.parse().unwrap();
            let Fit {
                nearest,
                around: [below, above],
            } = fit(&base, target, |s| strategy.at(s), flops).unwrap();
            assert!(below.cost < target && target <= above.cost);
            let distance = nearest.cost.abs_diff(target);
            assert!(distance <= below.cost.abs_diff(target).min(above.cost.abs_diff(target)));
            let again = base.scaled(strategy.at(nearest.factor)).unwrap();
            assert_eq!(flops(&again).unwrap(), nearest.cost);
            assert!((distance as f64) < part * target as f64, "{distance}");
        }
    }

    #[test]
    fn a_cost_that_a_round_factor_makes_is_found_by_that_factor() {
        let base = zoo("efficientnet_b0").unwrap();
        let target = base.scaled(Scaling::fast(11.0)).unwrap();
        let found = fit(&base, flops(&target).unwrap(), Scaling::fast, flops).unwrap();
        assert_eq!(found.nearest.spec, target);
        assert_eq!(found.nearest.factor, 11.0);
    }

    #[test]
    fn a_target_below_the_smallest_network_names_that() {
        let base = zoo("efficientnet_b0").unwrap();
        let strategy: Strategy = "w".parse().unwrap();
        let error = fit(&base, 1, |s| strategy.at(s), flops).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("the least that was found is"), "{error}");
    }

    #[test]
    fn a_target_short_of_what_cannot_be_built_is_reached() {
        // 16 times the depth is too little, 32 times more blocks than a stage may have.
        let base = zoo("resnet152").unwrap();
        let strategy: Strategy = "d".parse().unwrap();
        let target = 200_000_000_000;
        let Fit { nearest, .. } = fit(&base, target, |s| strategy.at(s), flops).unwrap();
        assert!(nearest.cost.abs_diff(target) < target / 100, "{nearest:?}");
        assert!((16.0..27.8).contains(&nearest.factor), "{nearest:?}");
    }

    #[test]
    fn a_target_above_all_bounds_names_the_bound() {
        let base = zoo("regnetz_500mf").unwrap();
        let strategy: Strategy = "d".parse().unwrap();
        let error = fit(&base, u64::MAX, |s| strategy.at(s), flops).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("the most that was found is"), "{error}");
        assert!(error.contains("depth would be"), "{error}");
    }
}
