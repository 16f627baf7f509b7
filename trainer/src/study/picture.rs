//! Trials as pictures.

use triaxis_search::pareto::fronts;
use triaxis_search::statistics::Distribution;

use crate::ledger::Trial;
use crate::report::chart::{Chart, Series, line_chart};

/// Top-1 error of every trial over its multiply-adds, as SVG: a line through those that no other beats in both, and those
/// that were `chosen`, by their numbers in the ledger, apart from the others.
pub fn trials(all: &[Trial], chosen: &[i64]) -> String {
    let points: Vec<(i64, [f64; 2])> = all
        .iter()
        .filter_map(|trial| {
            let error = trial.outcome.as_ref()?.top1_error;
            Some((trial.id, [trial.planned.flops as f64 / 1e6, error]))
        })
        .collect();
    let objectives: Vec<[f64; 2]> = points.iter().map(|(_, point)| *point).collect();
    let unbeaten = fronts(&objectives).into_iter().next().unwrap_or_default();
    let pair = |[x, y]: [f64; 2]| (x, y);
    let mut front: Vec<(f64, f64)> = unbeaten.into_iter().map(|i| pair(objectives[i])).collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (kept, others): (Vec<_>, Vec<_>) = points.iter().partition(|(id, _)| chosen.contains(id));
    let dots = |name: &str, points: Vec<&(i64, [f64; 2])>| Series {
        name: name.into(),
        points: points.into_iter().map(|(_, point)| pair(*point)).collect(),
        dots: true,
        ..Series::default()
    };
    line_chart(&Chart {
        title: "Error against multiply-adds".into(),
        unit: "top-1, %".into(),
        x_label: "multiply-adds of one image (M)".into(),
        fractions: true,
        series: vec![
            Series {
                name: "unbeaten".into(),
                points: front,
                dashed: true,
                ..Series::default()
            },
            dots("chosen", kept),
            dots("others", others),
        ],
        ..Chart::default()
    })
}

/// Which share of the networks has at most which error, as SVG.
pub fn distribution(errors: &Distribution) -> String {
    line_chart(&Chart {
        title: "Error distribution".into(),
        unit: "% of the networks with at most this error".into(),
        x_label: "top-1 error, %".into(),
        from_zero: true,
        fractions: true,
        series: vec![Series {
            points: errors
                .steps()
                .into_iter()
                .map(|(error, share)| (error, 100.0 * share))
                .collect(),
            ..Series::default()
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Outcome, Planned, State};

    fn trial(id: i64, flops: u64, top1_error: f64) -> Trial {
        Trial {
            id,
            study: String::new(),
            kind: String::new(),
            data: String::new(),
            place: 0,
            planned: Planned {
                name: String::new(),
                network: String::new(),
                recipe: String::new(),
                seed: 0,
                flops,
                params: 0,
                acts: 0,
                numbers: Vec::new(),
            },
            state: State::Done,
            worker: None,
            attempts: 1,
            outcome: Some(Outcome {
                top1_error,
                ..Outcome::default()
            }),
            message: None,
        }
    }

    #[test]
    fn every_trial_is_a_dot_and_a_line_leads_through_the_unbeaten() {
        let all = [
            trial(1, 1_000_000, 50.0),
            trial(2, 2_000_000, 60.0),
            trial(3, 2_500_000, 40.0),
            trial(4, 3_000_000, 45.0),
        ];
        let svg = trials(&all, &[3]);
        // Four trials, and two in the legend.
        assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
        let path = svg.split("<path").nth(1).unwrap();
        assert_eq!(
            path.split("/>").next().unwrap().matches('L').count(),
            1,
            "{svg}"
        );
        assert!(trials(&[], &[]).ends_with("</svg>\n"));
    }

    #[test]
    fn a_distribution_is_drawn_in_steps() {
        let errors = Distribution::new(&[40.0, 42.5, 45.0]).unwrap();
        let svg = distribution(&errors);
        let path = svg.split("<path").nth(1).unwrap();
        assert_eq!(
            path.split("/>").next().unwrap().matches('L').count(),
            5,
            "{svg}"
        );
    }
}
