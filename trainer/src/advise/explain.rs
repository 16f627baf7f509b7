//! Why a network was chosen, in a sentence.

use super::advisor::{Evaluated, Ranking};
use super::budget::{Budget, seconds};

/// Percentage points within which predicted errors count as about the same.
const ALIKE: f64 = 0.6;

/// Why the network stands at `place` (from 0) of the ranking.
pub fn reason(ranking: &Ranking, place: usize, budget: &Budget) -> String {
    let one = &ranking.fitting[place];
    let mut parts = vec![standing(ranking, place)];
    if let Some(tightest) = budget.tightest(&one.cost) {
        let (share, name) = (100.0 * tightest.share, tightest.quantity.name());
        let binding = match tightest.share {
            s if s > 0.85 => ", which binds",
            _ => "",
        };
        parts.push(format!(
            "it takes {share:.0} % of the {name} allowed{binding}"
        ));
    }
    parts.extend(beside(ranking, place));
    parts.join("; ") + "."
}

/// How it stands among those that fit.
fn standing(ranking: &Ranking, place: usize) -> String {
    let one = &ranking.fitting[place];
    let Some(expected) = one.expected else {
        return "No error of its family is known, so it stands behind those of which one is".into();
    };
    let first = &ranking.fitting[0];
    let error = |one: &Evaluated| one.expected.map_or(f64::INFINITY, |e| e.error);
    if place == 0 {
        let family = |other: &&Evaluated| other.candidate.family != one.candidate.family;
        return match ranking.fitting.iter().find(family) {
            Some(next) if error(next).is_finite() => format!(
                "The least error predicted of all that fit, {:.1} points less than the best {} ({})",
                error(next) - expected.error,
                next.candidate.family,
                next.spec.name
            ),
            _ => "The least error predicted of all that fit".into(),
        };
    }
    let behind = expected.error - error(first);
    let faster = one
        .cost
        .step_seconds
        .zip(first.cost.step_seconds)
        .map(|(a, b)| 1.0 - a / b);
    let as_good = match behind {
        b if b < 0.05 => format!("As good as {}", first.spec.name),
        b => format!("{b:.1} points behind {}", first.spec.name),
    };
    match faster {
        Some(share) if share > 0.01 => {
            format!("{as_good}, with {:.0} % less time a step", 100.0 * share)
        }
        Some(share) if share < -0.01 => {
            format!("{as_good}, with {:.0} % more time a step", -100.0 * share)
        }
        _ => as_good,
    }
}

/// What a network of another family costs that is expected to be about as good, whether it fits or not.
fn beside(ranking: &Ranking, place: usize) -> Option<String> {
    let one = &ranking.fitting[place];
    let error = one.expected?.error;
    let (time, moved) = (one.cost.step_seconds?, one.cost.moved_bytes? as f64);
    let rivals = ranking
        .fitting
        .iter()
        .chain(&ranking.beyond)
        .filter_map(|other| {
            let apart = (other.expected?.error - error).abs();
            let family = other.candidate.family != one.candidate.family;
            let known = other.cost.step_seconds? / time;
            (family && apart <= ALIKE).then_some((other, apart, known))
        });
    let (rival, _, times) = rivals.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let more = |ratio: f64| match ratio {
        r if r >= 1.005 => format!("{:.0} % more", 100.0 * (r - 1.0)),
        r if r <= 0.995 => format!("{:.0} % fewer", 100.0 * (1.0 - r)),
        _ => "as many".into(),
    };
    let bytes = more(rival.cost.moved_bytes? as f64 / moved);
    let flops = more(rival.cost.flops as f64 / one.cost.flops as f64);
    Some(format!(
        "{}, about as good, does {flops} multiply-adds, moves {bytes} bytes and takes {} a step, {:.2} times as long",
        rival.spec.name,
        seconds(rival.cost.step_seconds?),
        times
    ))
}

#[cfg(test)]
mod tests;
