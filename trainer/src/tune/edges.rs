//! What fused plans write or keep although they need not.

use std::collections::BTreeMap;

use triaxis_engine::{EdgeClass, Gpu, Limits, Profile, StoredEdges};

use super::{MeasuredEdge, MeasuredOutputs, name, profiles};
use crate::bench::Case;
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// Less than this share of a training step is no gain: the next measurement would say otherwise.
const GAIN_OF_STEP: f64 = 0.005;

fn pays([before, after]: [f64; 2]) -> bool {
    after < (1.0 - GAIN_OF_STEP) * before
}

/// Writes the values of one class after the other, then of all that pay.
pub(super) fn edges(
    gpu: &Gpu,
    cases: &[Case],
    recipe: &Recipe,
    runs: usize,
    tell: &mut dyn FnMut(&str),
) -> Result<(StoredEdges, Vec<MeasuredEdge>)> {
    let mut sums: BTreeMap<EdgeClass, [f64; 2]> = BTreeMap::new();
    let least = |case: &Case, stored: StoredEdges| {
        let limits = Limits {
            stored,
            ..*gpu.limits()
        };
        let (edges, profiles) = profiles(gpu, &limits, case, recipe, runs)?;
        let sum = |profile: &Profile| profile.rows.iter().map(|row| row.seconds).sum();
        let seconds = profiles.iter().map(sum).fold(f64::INFINITY, f64::min);
        Ok::<_, Error>((edges, seconds))
    };
    let mut untouched = 0.0;
    for case in cases {
        let (classes, fused) = least(case, StoredEdges::default())?;
        untouched += fused;
        for class in classes {
            let mut stored = StoredEdges::default();
            stored.insert(class);
            let both = sums.entry(class).or_default();
            both[0] += fused;
            both[1] += least(case, stored)?.1;
            tell(&format!("{}: {class} stored", name(case, recipe)));
        }
    }
    let mut chosen = StoredEdges::default();
    for (&class, _) in sums.iter().filter(|(_, both)| pays(**both)) {
        chosen.insert(class);
    }
    // Gains that are noise do not add up.
    let mut together = 0.0;
    for case in cases {
        together += least(case, chosen)?.1;
    }
    if !pays([untouched, together]) {
        chosen = StoredEdges::default();
    }
    let measured = |(class, [fused, stored]): (EdgeClass, [f64; 2])| MeasuredEdge {
        class: class.to_string(),
        fused_ms: 1e3 * fused,
        stored_ms: 1e3 * stored,
        stored: chosen.contains(class),
    };
    let measured = sums.into_iter().map(measured).collect();
    Ok((chosen, measured))
}

/// Keeps the outputs of convolutions that the way back could do without.
pub(super) fn outputs(
    gpu: &Gpu,
    cases: &[Case],
    recipe: &Recipe,
    runs: usize,
    tell: &mut dyn FnMut(&str),
) -> Result<MeasuredOutputs> {
    let mut seconds = [0.0; 2];
    for case in cases {
        for (sum, forget) in seconds.iter_mut().zip([true, false]) {
            let limits = Limits {
                forget,
                ..*gpu.limits()
            };
            let profiles = profiles(gpu, &limits, case, recipe, runs)?.1;
            let all = |profile: &Profile| profile.rows.iter().map(|row| row.seconds).sum();
            *sum += profiles.iter().map(all).fold(f64::INFINITY, f64::min);
        }
        tell(&format!("{}: outputs kept", name(case, recipe)));
    }
    let [forgotten, kept] = seconds;
    Ok(MeasuredOutputs {
        forgotten_ms: 1e3 * forgotten,
        kept_ms: 1e3 * kept,
        kept: pays(seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::pays;

    #[test]
    fn only_what_clearly_shortens_a_step_pays() {
        assert!(pays([1.0, 0.99]));
        assert!(!pays([1.0, 0.996]));
        assert!(!pays([1.0, 1.1]));
    }
}
