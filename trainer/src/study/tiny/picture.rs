//! The study as pictures.

use triaxis_search::Prediction;

use super::formula::Formula;
use crate::report::chart::{Chart, Series, line_chart};

/// Points of a curve.
const STEPS: usize = 60;

/// Depth, width and resolution over the share of the base's multiply-adds, with one standard deviation of a network
/// either side of the curves that were learnt, as SVG.
pub fn curves(formula: &Formula) -> String {
    let (low, high) = formula.range();
    let share = |i: usize| low + (high - low) * i as f64 / STEPS as f64;
    let mut series = Vec::new();
    for (name, process) in formula.processes() {
        let curve = |value: fn(Prediction) -> f64| -> Vec<(f64, f64)> {
            let point = |i| (share(i), value(process.predict(share(i).ln())));
            (0..=STEPS).map(point).collect()
        };
        let measured = formula.points().iter().map(|point| match name {
            "depth" => (point.share, point.depth),
            _ => (point.share, point.resolution),
        });
        series.extend([
            Series {
                name: name.into(),
                points: curve(|at| at.mean),
                ..Series::default()
            },
            Series {
                points: curve(|at| at.mean + at.of_observation),
                dashed: true,
                ..Series::default()
            },
            Series {
                points: curve(|at| at.mean - at.of_observation),
                dashed: true,
                ..Series::default()
            },
            Series {
                points: measured.collect(),
                dashed: true,
                dots: true,
                ..Series::default()
            },
        ]);
    }
    // Rounding makes steps of the width, so fewer points show it as well.
    let widths = (0..=STEPS).step_by(4).filter_map(|i| {
        let flops = (share(i) * formula.base_flops() as f64).round() as u64;
        let network = formula.network(flops).ok()?;
        Some((share(i), network.width))
    });
    series.push(Series {
        name: "width, solved".into(),
        points: widths.collect(),
        ..Series::default()
    });
    line_chart(&Chart {
        title: "Multipliers by budget".into(),
        x_label: "share of the base's multiply-adds (dotted: ± one standard deviation)".into(),
        fractions: true,
        series,
        ..Chart::default()
    })
}
