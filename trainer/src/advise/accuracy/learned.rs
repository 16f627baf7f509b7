//! The errors of trials of one's own, from the ledger of studies.

use std::collections::BTreeMap;

use triaxis_models::Spec;
use triaxis_search::{FitOptions, GaussianProcess};

use super::super::family::Family;
use super::{Basis, Expected};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, State, Trial};

/// The fewest trials that a curve is drawn through.
const FEWEST: usize = 3;
/// The least distance over which the curve may bend, in factors of ten: that of a few noisy trials would bend through each.
const LENGTH: (f64, f64) = (0.5, 1e3);

/// Trials that were done on the same pictures, and a Gaussian process of their errors over the logarithm of multiply-adds.
#[derive(Clone, Debug)]
pub struct Trials {
    process: GaussianProcess,
    /// Percentage points by which each family's trials lie above the common curve, drawn towards 0 where there are few.
    above: BTreeMap<Family, f64>,
    /// The least and the greatest multiply-adds of each family.
    ranges: BTreeMap<Family, (f64, f64)>,
    /// Trials behind it.
    pub count: usize,
    /// The studies that they are of.
    pub studies: Vec<String>,
}

impl Trials {
    /// The trials of a ledger that are done, of one study or all.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a study that the ledger has not, for studies on different pictures, whose errors cannot be
    /// compared, and for fewer than three trials of different sizes.
    pub fn new(ledger: &Ledger, study: Option<&str>) -> Result<Self> {
        let place = ledger.path().display().to_string();
        let names: Vec<String> = ledger.studies()?.into_iter().map(|s| s.name).collect();
        if let Some(name) = study.filter(|name| !names.iter().any(|known| known == name)) {
            return Err(Error::config(
                place,
                format!("there is no study `{name}`"),
                format!("It has {}", listed(&names)),
            ));
        }
        let trials = ledger.trials(study)?;
        let done: Vec<&Trial> = trials.iter().filter(|t| t.state == State::Done).collect();
        if let Some(other) = done.iter().find(|trial| trial.data != done[0].data) {
            return Err(Error::config(
                place,
                format!(
                    "studies `{}` and `{}` have different pictures, on which errors cannot be compared",
                    done[0].study, other.study
                ),
                "Name one with --study",
            ));
        }
        let mut points = Vec::new();
        for trial in &done {
            let Some(outcome) = &trial.outcome else {
                continue;
            };
            let family = Family::of(&Spec::from_toml(&trial.planned.network)?.network);
            points.push((family, trial.planned.flops as f64, outcome.top1_error));
        }
        let mut studies: Vec<String> = done.iter().map(|trial| trial.study.clone()).collect();
        studies.dedup();
        Self::through(&points, studies).map_err(|problem| {
            let help = "Train more networks with `triaxis search`, or leave out --ledger";
            Error::config(place, problem, help)
        })
    }

    /// The curve through families, multiply-adds and errors.
    fn through(points: &[(Family, f64, f64)], studies: Vec<String>) -> Result<Self, String> {
        if points.len() < FEWEST {
            return Err(format!(
                "{} of its trials are done, {FEWEST} are needed for a curve",
                points.len()
            ));
        }
        let x: Vec<f64> = points.iter().map(|(_, flops, _)| flops.log10()).collect();
        let y: Vec<f64> = points.iter().map(|(.., error)| *error).collect();
        let options = FitOptions { length: LENGTH };
        let process = GaussianProcess::fit_with(&x, &y, &options)
            .map_err(|error| format!("its trials tell no curve: {error}"))?;
        let (mut off, mut ranges) = (BTreeMap::new(), BTreeMap::new());
        for ((family, flops, error), x) in points.iter().zip(&x) {
            let sums: &mut (f64, usize) = off.entry(*family).or_default();
            sums.0 += error - process.predict(*x).mean;
            sums.1 += 1;
            let (low, high) = ranges.entry(*family).or_insert((*flops, *flops));
            *low = flops.min(*low);
            *high = flops.max(*high);
        }
        // As if one more trial of each family lay on the common curve.
        let shrunken =
            |(family, (sum, count)): (Family, (f64, usize))| (family, sum / (count + 1) as f64);
        Ok(Self {
            process,
            above: off.into_iter().map(shrunken).collect(),
            ranges,
            count: points.len(),
            studies,
        })
    }

    /// The error of a network; a family without trials is taken to be as the others are together.
    pub fn expected(&self, family: Family, flops: f64) -> Expected {
        // Ledgers tell TinyNets from other EfficientNets as little as their files do.
        let family = match family {
            Family::TinyNet => Family::EfficientNet,
            other => other,
        };
        let at = self.process.predict(flops.log10());
        let above = self.above.get(&family).copied().unwrap_or(0.0);
        let inside = |(low, high): &(f64, f64)| (0.95 * low..=1.05 * high).contains(&flops);
        Expected {
            error: (at.mean + above).clamp(0.0, 100.0),
            deviation: at.of_observation,
            basis: match self.ranges.get(&family).is_some_and(inside) {
                true => Basis::Interpolated,
                false => Basis::Extrapolated,
            },
        }
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_falls_with_size_and_families_stand_apart() {
        let mut points = Vec::new();
        for flops in [1e7, 2e7, 4e7, 8e7] {
            let error = 60.0 - 10.0 * (flops / 1e7_f64).log2();
            points.push((Family::RegNetZ, flops, error - 2.0));
            points.push((Family::RegNetY, flops, error + 2.0));
        }
        let trials = Trials::through(&points, vec!["a".into()]).unwrap();
        let at = |family, flops| trials.expected(family, flops);
        let (z, y) = (at(Family::RegNetZ, 3e7), at(Family::RegNetY, 3e7));
        assert!((1.5..4.5).contains(&(y.error - z.error)), "{y:?} {z:?}");
        assert!((z.error - 42.5).abs() < 2.5, "{z:?}");
        assert!(at(Family::RegNetZ, 6e7).error < z.error);
        assert_eq!(z.basis, Basis::Interpolated);
        assert_eq!(at(Family::RegNetZ, 1e9).basis, Basis::Extrapolated);
        let other = at(Family::TinyNet, 3e7);
        assert_eq!(other.basis, Basis::Extrapolated);
        assert!((z.error..y.error).contains(&other.error), "{other:?}");
        assert!(at(Family::RegNetZ, 1e9).deviation > z.deviation);
    }

    #[test]
    fn too_few_trials_and_trials_of_one_size_tell_no_curve() {
        let one = (Family::RegNetY, 1e7, 50.0);
        let text = |points: &[_]| Trials::through(points, Vec::new()).unwrap_err();
        assert!(text(&[one; 2]).contains("2 of its trials are done, 3 are needed"));
        assert!(text(&[one; 4]).contains("tell no curve"));
    }
}
