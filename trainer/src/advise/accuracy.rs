//! Which error a network is likely to have: a curve over multiply-adds for each family.

mod learned;
mod published;

pub use learned::Trials;
pub use published::{Length, Tables};

use std::collections::BTreeMap;

use serde::Serialize;
use triaxis_models::Spec;
use triaxis_search::regression::linear;

use super::candidate::Candidate;
use super::family::Family;
use crate::error::{Error, Result};

/// Exponents that a fit chooses from: 0.10, 0.11, ... 1.00.
const EXPONENTS: std::ops::RangeInclusive<u32> = 10..=100;

/// Side of the pictures that most networks of the tables are made for, pixels.
const USUAL_SIDE: usize = 224;

/// A network whose error is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its family.
    pub family: Family,
    /// Multiply-adds for one image.
    pub flops: f64,
    /// Top-1 error, percent.
    pub error: f64,
}

/// How a prediction stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The very network has a published error.
    Published,
    /// Networks of its family, scaled alike, are known with more and with fewer multiply-adds.
    Interpolated,
    /// It is outside of what is known of its family, or scaled as no network that is known.
    Extrapolated,
}

/// A predicted top-1 error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Percent.
    pub error: f64,
    /// Standard deviation of such predictions, in percentage points: that of the known networks when each is predicted
    /// from the others.
    pub deviation: f64,
    /// How it stands to what is known.
    pub basis: Basis,
}

/// `error = floor of the family + rise · flops^−exponent`: a power law that all families share, each above a floor of its
/// own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerLaw {
    /// Percent that each family would approach with ever more multiply-adds.
    pub floors: BTreeMap<Family, f64>,
    /// Percentage points that a network of a billion multiply-adds has above its family's floor.
    pub rise: f64,
    /// How fast that falls.
    pub exponent: f64,
    /// Root mean square of the errors of prediction when each known network is left out of the fit in turn, in percentage
    /// points; those that are alone in their family cannot be.
    pub deviation: f64,
    /// Networks it was fitted to.
    pub networks: usize,
    /// The least and the greatest multiply-adds that are known of each family.
    pub ranges: BTreeMap<Family, (f64, f64)>,
}

impl PowerLaw {
    /// The law that lies nearest to these networks.
    ///
    /// # Errors
    ///
    /// Networks that tell no law: fewer than two sizes within any family.
    pub fn fit(known: &[Known]) -> Result<Self> {
        let exponents = EXPONENTS.map(|hundredths| f64::from(hundredths) / 100.0);
        let fits = exponents.filter_map(|exponent| Solved::new(known, exponent));
        let best = fits.min_by(|a, b| a.squares.total_cmp(&b.squares));
        let best = best.ok_or_else(|| {
            Error::config(
                "errors",
                format!("{} networks tell no curve", known.len()),
                "Networks of two sizes within a family are needed at least",
            )
        })?;
        let mut ranges = BTreeMap::new();
        for one in known {
            let (low, high) = ranges.entry(one.family).or_insert((one.flops, one.flops));
            *low = one.flops.min(*low);
            *high = one.flops.max(*high);
        }
        let mut off = Vec::new();
        for (i, one) in known.iter().enumerate() {
            let others: Vec<Known> = [&known[..i], &known[i + 1..]].concat();
            let alone = !others.iter().any(|other| other.family == one.family);
            let without = Solved::new(&others, best.exponent).filter(|_| !alone);
            if let Some(at) = without.and_then(|law| law.at(one.family, one.flops)) {
                off.push((at - one.error).powi(2));
            }
        }
        Ok(Self {
            deviation: (off.iter().sum::<f64>() / off.len().max(1) as f64).sqrt(),
            floors: best.floors,
            rise: best.rise,
            exponent: best.exponent,
            networks: known.len(),
            ranges,
        })
    }

    /// The law's error for a network of this family; `None` for a family that nothing is known of.
    pub fn at(&self, family: Family, flops: f64) -> Option<Expected> {
        let floor = self.floors.get(&family)?;
        let (low, high) = self.ranges.get(&family)?;
        // What lies between two printed digits is the same size.
        let inside = (0.95 * low..=1.05 * high).contains(&flops);
        Some(Expected {
            error: (floor + self.rise * (flops / 1e9).powf(-self.exponent)).clamp(0.0, 100.0),
            deviation: self.deviation,
            basis: match inside {
                true => Basis::Interpolated,
                false => Basis::Extrapolated,
            },
        })
    }
}

/// The best law of one exponent.
struct Solved {
    floors: BTreeMap<Family, f64>,
    rise: f64,
    exponent: f64,
    squares: f64,
}

impl Solved {
    fn new(known: &[Known], exponent: f64) -> Option<Self> {
        let mut families: Vec<Family> = known.iter().map(|one| one.family).collect();
        families.sort_unstable();
        families.dedup();
        let row = |one: &Known| {
            let indicators = families
                .iter()
                .map(|f| f64::from(u8::from(*f == one.family)));
            let power = (one.flops / 1e9).powf(-exponent);
            indicators.chain([power]).collect::<Vec<f64>>()
        };
        let rows: Vec<Vec<f64>> = known.iter().map(row).collect();
        let errors: Vec<f64> = known.iter().map(|one| one.error).collect();
        let mut solved = linear(&rows, &errors).ok()?;
        let rise = solved.pop()?;
        let mut law = Self {
            floors: families.into_iter().zip(solved).collect(),
            rise,
            exponent,
            squares: 0.0,
        };
        let off = known
            .iter()
            .filter_map(|one| Some(law.at(one.family, one.flops)? - one.error));
        law.squares = off.map(|off| off * off).sum();
        // Larger networks that err more are noise, not a law.
        (rise >= 0.0).then_some(law)
    }

    fn at(&self, family: Family, flops: f64) -> Option<f64> {
        Some(self.floors.get(&family)? + self.rise * (flops / 1e9).powf(-self.exponent))
    }
}

/// What errors are predicted from.
#[derive(Clone, Debug)]
pub enum Accuracy {
    /// The papers' tables: top-1 errors on ImageNet.
    Published(Tables),
    /// Trials of one's own, on one's own pictures.
    Learned(Trials),
}

impl Accuracy {
    /// The families whose errors it can tell.
    pub fn families(&self) -> Vec<Family> {
        match self {
            Self::Published(tables) => tables.law.floors.keys().copied().collect(),
            Self::Learned(_) => Family::ALL.into(),
        }
    }

    /// The error of a candidate, which is drawn as `fitted` for the pictures at hand; `None` where nothing is known of its
    /// family.
    ///
    /// # Errors
    ///
    /// Those of drawing the network.
    pub fn expected(&self, candidate: &Candidate, fitted: &Spec) -> Result<Option<Expected>> {
        let tables = match self {
            Self::Learned(trials) => {
                let flops = fitted.complexity()?.flops as f64;
                return Ok(Some(trials.expected(candidate.family, flops)));
            }
            Self::Published(tables) => tables,
        };
        if fitted.resolution == candidate.spec.resolution {
            let flops = candidate.spec.complexity()?.flops as f64;
            return Ok(tables.expected(candidate, flops));
        }
        // Of another side the tables know nothing; what its depth and width are worth shows at the side they are made for.
        let usual = Spec {
            resolution: USUAL_SIDE,
            ..candidate.spec.clone()
        };
        let expected = tables
            .law
            .at(candidate.family, usual.complexity()?.flops as f64);
        Ok(expected.map(|expected| Expected {
            basis: Basis::Extrapolated,
            ..expected
        }))
    }
}

#[cfg(test)]
mod tests;
