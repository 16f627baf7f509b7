//! The errors that the papers print, and the law through them.

use triaxis_models::Spec;

use super::super::candidate::{Candidate, Rule};
use super::super::family::Family;
use super::{Basis, Expected, Known, PowerLaw};
use crate::error::Result;
use crate::paper::candidates;
use crate::paper::published::{Published, TABLE_5, TABLE_6, TABLE_8, TINYNETS};

/// How long is trained, as *Fast and Accurate Model Scaling* counts (<https://arxiv.org/abs/2103.06877>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// 100 epochs.
    #[default]
    Once,
    /// 200 epochs.
    Twice,
    /// 400 epochs.
    FourTimes,
}

impl Length {
    /// `1x`, `2x` or `4x`, as `train --schedule` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "1x",
            Self::Twice => "2x",
            Self::FourTimes => "4x",
        }
    }

    /// Passes over the training pictures.
    pub fn epochs(self) -> usize {
        match self {
            Self::Once => 100,
            Self::Twice => 200,
            Self::FourTimes => 400,
        }
    }

    fn column(self) -> usize {
        match self {
            Self::Once => 0,
            Self::Twice => 1,
            Self::FourTimes => 2,
        }
    }
}

/// ImageNet top-1 errors as printed: Tables 5, 6 and 8 of the scaling paper by its recipe, and TinyNet's
/// (<https://arxiv.org/abs/2010.14819>) by that of its authors, who trained for 450 epochs.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The law through them.
    pub law: PowerLaw,
    /// Networks that are in a table themselves.
    named: Vec<(Spec, f64)>,
}

impl Tables {
    /// The errors after training for this long.
    ///
    /// # Errors
    ///
    /// Those of drawing the tables' networks, which are all known.
    pub fn new(length: Length) -> Result<Self> {
        let (mut named, mut known) = (Vec::new(), Vec::new());
        let mut add = |family: Option<Family>, spec: Spec, error: f64| -> Result<()> {
            known.push(Known {
                family: family.unwrap_or_else(|| Family::of(&spec.network)),
                flops: spec.complexity()?.flops as f64,
                error,
            });
            named.push((spec, error));
            Ok(())
        };
        let rows = TABLE_5.iter().chain(&TABLE_6).chain(&TABLE_8);
        let trained = |row: &'static Published| Some((row, row.errors[length.column()]?));
        for (row, error) in rows.filter_map(trained) {
            // Where two networks may be the row's, they are alike in all that counts here.
            if let Some((_, entry)) = candidates(row.model)?.first() {
                add(None, entry.spec()?, error)?;
            }
        }
        for row in TINYNETS {
            let spec = triaxis_models::zoo(row.model)?;
            add(Some(Family::TinyNet), spec, 100.0 - row.top1)?;
        }
        Ok(Self {
            law: PowerLaw::fit(&known)?,
            named,
        })
    }

    /// The error of a candidate that has so many multiply-adds on ImageNet; `None` where no table has its family.
    pub fn expected(&self, candidate: &Candidate, flops: f64) -> Option<Expected> {
        let expected = self.law.at(candidate.family, flops)?;
        let named = self.named.iter().find(|(spec, _)| {
            spec.network == candidate.spec.network && spec.resolution == candidate.spec.resolution
        });
        Some(match named {
            Some((_, error)) => Expected {
                error: *error,
                basis: Basis::Published,
                ..expected
            },
            None if !scaled_alike(candidate) => Expected {
                basis: Basis::Extrapolated,
                ..expected
            },
            None => expected,
        })
    }
}

/// Whether a table has networks that came about from the candidate's family in its way.
fn scaled_alike(candidate: &Candidate) -> bool {
    use Family::{EfficientNet, RegNetY, RegNetZ, TinyNet};
    match (&candidate.rule, candidate.family) {
        (Rule::AsPublished, _) => true,
        (Rule::Tiny, family) => family == TinyNet,
        (Rule::Compound, family) => family == EfficientNet,
        (Rule::Shares(name), EfficientNet | RegNetY | RegNetZ) => name == "dWr",
        (Rule::Shares(_), _) => false,
    }
}
