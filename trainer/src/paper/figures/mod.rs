//! The figures of *Fast and Accurate Model Scaling*: what is counted here, what the paper prints, what was measured.

mod counted;
mod ours;
mod point;
mod time;
mod trained;

use triaxis_models::engine::Complexity;
use triaxis_models::{Spec, Strategy};

use super::{Evidence, unknown};
use crate::error::Result;
use crate::report::panels::Panels;
use crate::table::Table;
use ours::Kind;
use point::{FLOPS, MINUTES, Point};

/// The figures that [`figure`] knows. Figure 3 is a drawing of blocks.
pub const FIGURES: [&str; 11] = ["1", "2", "4", "5", "6", "7", "8", "9", "10", "11", "12"];

/// A figure: what is drawn, and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name in file names: `figure-1`.
    pub name: String,
    /// The picture.
    pub panels: Panels,
    /// Every point of it, a row each.
    pub points: Table,
    /// Whether something that was measured here is in it.
    pub ours: bool,
    /// The commands that measure what it can show.
    pub fill: Vec<String>,
}

/// A network on the way of a strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The factor of multiply-adds, before rounding.
    pub s: f64,
    /// The network.
    pub spec: Spec,
    /// What it costs.
    pub counted: Complexity,
}

/// The figure of that name, with what was measured: see [`FIGURES`].
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) for another name.
pub fn figure(name: &str, evidence: &Evidence) -> Result<Figure> {
    let both = [Kind::Errors, Kind::Times];
    match name {
        "1" => counted::activations(evidence),
        "2" => Ok(time::runtime(evidence)),
        "4" => Ok(trained::scaled(
            (
                "4",
                "Figure 4: EfficientNet-B0 by its own rule and by fast scaling",
            ),
            &["EN-B0"],
            &["orig", "dwr", "dWr"],
            &both,
            evidence,
        )),
        "5" => Ok(trained::scaled(
            ("5", "Figure 5: error of scaled networks"),
            &["EN-B0", "RegNetY-500MF", "RegNetZ-500MF"],
            &["orig", "w", "dwr", "dWr"],
            &[Kind::Errors],
            evidence,
        )),
        "6" => Ok(trained::scaled(
            (
                "6",
                "Figure 6: RegNetY and RegNetZ by compound and by fast scaling",
            ),
            &["RegNetY-500MF", "RegNetZ-500MF"],
            &["dwr", "dWr"],
            &both,
            evidence,
        )),
        "7" => Ok(trained::searched(evidence)),
        "8" => Ok(trained::all(
            "8",
            "Figure 8: error against flops",
            FLOPS,
            evidence,
        )),
        "9" => Ok(trained::all(
            "9",
            "Figure 9: error against time of training",
            MINUTES,
            evidence,
        )),
        "10" => counted::depthwise(evidence),
        "11" => counted::growth(
            "11",
            "Figure 11: what simple scaling costs",
            &["w", "d", "r"],
            evidence,
        ),
        "12" => counted::growth(
            "12",
            "Figure 12: what compound scaling costs",
            &["dWr", "dw", "dwr", "wr", "dr"],
            evidence,
        ),
        _ => Err(unknown("figure", name, &FIGURES)),
    }
}

/// A figure of these points without its panels.
fn make(number: &str, title: &str, points: Vec<Point>) -> Figure {
    Figure {
        name: format!("figure-{number}"),
        panels: Panels {
            title: title.into(),
            ..Panels::default()
        },
        points: point::table(&format!("Figure {number}"), &points),
        ours: false,
        fill: Vec::new(),
    }
}

/// `base` scaled by `strategy` to 1, 2, 4, ... 64 times its multiply-adds.
///
/// # Errors
///
/// Those of [`Spec::scaled`].
pub fn steps(base: &Spec, strategy: &Strategy) -> Result<Vec<Step>> {
    (0..=6)
        .map(|doublings| {
            let s = 2f64.powi(doublings);
            let spec = base.scaled(strategy.at(s))?;
            let counted = spec.complexity()?;
            Ok(Step { s, spec, counted })
        })
        .collect()
}

/// The slope of the straight line that fits the logarithms of the points best, by least squares.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let mean =
        |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / logs.len() as f64;
    let (x0, y0) = (mean(|p| p.0), mean(|p| p.1));
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in &logs {
        above += (x - x0) * (y - y0);
        below += (x - x0) * (x - x0);
    }
    above / below
}
