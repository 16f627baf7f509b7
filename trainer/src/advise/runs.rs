//! Which runs an adapter is measured by, and which predictions are checked on.

use triaxis_models::{Spec, Strategy, zoo};

use super::demand::Phase;
use crate::bench::Case;
use crate::error::Result;

/// A network and the sizes at which it is measured.
#[derive(Clone, Copy, Debug)]
struct Sized {
    /// Name in the zoo.
    base: &'static str,
    /// A strategy and a factor, where it is scaled.
    scaled: Option<(&'static str, f64)>,
    /// Side of the pictures before scaling and pictures of a batch.
    sizes: &'static [(usize, usize)],
}

const fn zoo_at(base: &'static str, sizes: &'static [(usize, usize)]) -> Sized {
    Sized {
        base,
        scaled: None,
        sizes,
    }
}

const fn scaled(
    base: &'static str,
    by: (&'static str, f64),
    sizes: &'static [(usize, usize)],
) -> Sized {
    Sized {
        base,
        scaled: Some(by),
        sizes,
    }
}

/// Of all families, at sizes between which the shares of the kinds of kernels change: small pictures leave the parameters'
/// kernels most of the time, large ones those over activations. Sizes of one network share their compiled kernels.
const TRAIN: [Sized; 6] = [
    zoo_at("efficientnet_b0", &[(64, 2), (64, 8), (96, 4)]),
    zoo_at("tinynet_e", &[(64, 4), (106, 4)]),
    zoo_at("regnety_500mf", &[(64, 2), (64, 6), (112, 2)]),
    zoo_at("regnetz_500mf", &[(64, 2), (64, 6), (80, 4)]),
    zoo_at("resnet18", &[(64, 2), (64, 4)]),
    scaled("resnet50", ("w", 0.25), &[(64, 2), (80, 4)]),
];

const INFER: [Sized; 6] = [
    zoo_at("efficientnet_b0", &[(64, 1), (128, 1), (224, 1)]),
    zoo_at("tinynet_e", &[(106, 1), (64, 8)]),
    zoo_at("regnety_500mf", &[(128, 1), (64, 8)]),
    zoo_at("regnetz_500mf", &[(128, 1), (64, 8)]),
    zoo_at("resnet18", &[(64, 1), (128, 1)]),
    scaled("resnet50", ("w", 0.25), &[(64, 1), (160, 1)]),
];

/// As cheap as can be, and no two alike.
const QUICK_TRAIN: [Sized; 3] = [
    zoo_at("tinynet_e", &[(32, 2), (64, 2), (48, 8)]),
    scaled("regnety_500mf", ("dWr", 0.1), &[(64, 2), (48, 8)]),
    scaled("resnet18", ("w", 0.1), &[(48, 2), (64, 4)]),
];

const QUICK_INFER: [Sized; 3] = [
    zoo_at("tinynet_e", &[(48, 1), (64, 4)]),
    scaled("regnety_500mf", ("dWr", 0.1), &[(64, 1), (48, 4)]),
    scaled("resnet18", ("w", 0.1), &[(48, 1), (64, 4)]),
];

/// Scaled in other ways, at other sides and batches than those that are measured.
const HELD_OUT: [Sized; 12] = [
    scaled("tinynet_c", ("w", 0.6), &[(72, 2)]),
    scaled("regnety_500mf", ("d", 0.6), &[(88, 3)]),
    scaled("efficientnet_b0", ("dWr", 1.6), &[(72, 3)]),
    scaled("efficientnet_b0", ("orig", 1.5), &[(72, 4)]),
    scaled("tinynet_a", ("r", 0.8), &[(88, 3)]),
    scaled("regnety_500mf", ("dWr", 2.0), &[(72, 3)]),
    scaled("regnety_040", ("w", 0.2), &[(80, 3)]),
    scaled("regnetz_500mf", ("dWr", 0.5), &[(96, 4)]),
    scaled("regnetz_500mf", ("dwr", 1.5), &[(64, 3)]),
    scaled("resnet50", ("dWr", 0.3), &[(72, 3)]),
    scaled("resnet34", ("w", 0.3), &[(80, 3)]),
    scaled("resnext50_32x4d", ("dWr", 0.3), &[(72, 3)]),
];

/// How thoroughly is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thoroughness {
    /// All families: about a minute on a software driver with two cores.
    #[default]
    Full,
    /// A few tiny runs: seconds, and predictions that may be far off.
    Quick,
}

impl Thoroughness {
    /// Repetitions of each run, after two that warm up.
    pub(super) fn repetitions(self) -> usize {
        match self {
            Self::Full => 3,
            Self::Quick => 2,
        }
    }
}

/// A network at a size, to be measured in one phase.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is run.
    pub phase: Phase,
    /// The network and the batch.
    pub case: Case,
}

/// The runs that an adapter is measured by.
///
/// # Errors
///
/// Those of the zoo.
pub fn runs(phase: Phase, thoroughness: Thoroughness) -> Result<Vec<Run>> {
    let quick = match phase {
        Phase::Train => &QUICK_TRAIN,
        Phase::Infer => &QUICK_INFER,
    };
    let full = match phase {
        Phase::Train => &TRAIN,
        Phase::Infer => &INFER,
    };
    listed(
        phase,
        match thoroughness {
            Thoroughness::Full => full,
            Thoroughness::Quick => quick,
        },
    )
}

/// Runs of scaled networks that are in no [`runs`]: what predictions are checked on.
///
/// # Errors
///
/// Those of the zoo.
pub fn held_out(phase: Phase, thoroughness: Thoroughness) -> Result<Vec<Run>> {
    let all = listed(phase, &HELD_OUT)?;
    Ok(match thoroughness {
        Thoroughness::Full => all,
        Thoroughness::Quick => all.into_iter().take(2).collect(),
    })
}

fn listed(phase: Phase, sized: &[Sized]) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for one in sized {
        for &(side, batch) in one.sizes {
            let mut spec = Spec {
                resolution: side,
                ..zoo(one.base)?
            };
            if let Some((name, factor)) = one.scaled {
                let strategy: Strategy = name.parse()?;
                spec = Spec {
                    name: format!("{}-{name}-{factor}", one.base),
                    ..spec.scaled(strategy.at(factor))?
                };
            }
            runs.push(Run {
                phase,
                case: Case { spec, batch },
            });
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_held_out_is_measured_for_the_fit() {
        for phase in [Phase::Train, Phase::Infer] {
            let (runs, held) = (
                runs(phase, Thoroughness::Full).unwrap(),
                held_out(phase, Thoroughness::Full).unwrap(),
            );
            assert!(held.len() >= 8, "{}", held.len());
            for one in &held {
                let network = &one.case.spec.network;
                assert!(
                    !runs.iter().any(|run| run.case.spec.network == *network),
                    "{}",
                    one.case.spec.name
                );
            }
            let quick = super::runs(phase, Thoroughness::Quick).unwrap();
            assert!(quick.len() < runs.len() && quick.len() >= 3);
        }
    }
}
