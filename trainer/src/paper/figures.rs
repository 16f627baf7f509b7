//! The figures of *Fast and Accurate Model Scaling* that need no training: how costs grow along each strategy.

use triaxis_models::engine::Complexity;
use triaxis_models::{Spec, Strategy, zoo};

use super::unknown;
use crate::error::Result;
use crate::report::panels::{Curve, Panel, Panels};
use crate::table::{Cell, Column, Table};

/// The figures that [`figure`] knows.
pub const FIGURES: [&str; 3] = ["1", "11", "12"];

/// A figure: what is drawn, and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name in file names: `figure-1`.
    pub name: String,
    /// The picture.
    pub panels: Panels,
    /// Every point of it, a row each.
    pub points: Table,
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

/// The figure of that name: see [`FIGURES`].
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) for another name.
pub fn figure(name: &str) -> Result<Figure> {
    match name {
        "1" => activations(),
        "11" => growth(
            "11",
            "Figure 11, top: what simple scaling costs",
            &["w", "d", "r"],
        ),
        "12" => {
            let strategies = ["dWr", "dw", "dwr", "wr", "dr"];
            growth(
                "12",
                "Figure 12, top: what compound scaling costs",
                &strategies,
            )
        }
        _ => Err(unknown("figure", name, &FIGURES)),
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

/// A base network and what each strategy makes of it.
struct Family {
    title: &'static str,
    ways: Vec<(&'static str, Vec<Step>)>,
}

fn families(bases: &[(&'static str, &str)], strategies: &[&'static str]) -> Result<Vec<Family>> {
    let family = |(title, base): &(&'static str, &str)| {
        let base = zoo(base)?;
        let way = |name: &&'static str| Ok((*name, steps(&base, &name.parse()?)?));
        let ways = strategies.iter().map(way).collect::<Result<_>>()?;
        Ok(Family { title, ways })
    };
    bases.iter().map(family).collect()
}

/// One cost of each network against its multiply-adds, in 10⁶ and 10⁹.
fn panel(family: &Family, y_label: &str, cost: fn(&Complexity) -> u64) -> Panel {
    let curves = family.ways.iter().map(|(name, steps)| {
        let point = |step: &Step| {
            (
                step.counted.flops as f64 / 1e9,
                cost(&step.counted) as f64 / 1e6,
            )
        };
        let points: Vec<_> = steps.iter().map(point).collect();
        Curve {
            name: (*name).into(),
            remark: format!("{:.2}", slope(&points)),
            look: look(name),
            points,
        }
    });
    Panel {
        title: family.title.into(),
        y_label: y_label.into(),
        curves: curves.collect(),
    }
}

/// Figure 1, bottom left.
fn activations() -> Result<Figure> {
    let strategies = ["dWr", "w", "dw", "dwr"];
    let families = families(&[("EfficientNet-B0", "efficientnet_b0")], &strategies)?;
    let panels = Panels {
        title: "Figure 1, bottom left: activations against flops".into(),
        caption: format!(
            "{READING} s = 1, 2, 4 … 64. The paper gives no numbers for its plot: which strategies are drawn, and how far, is our own \
             reading of it."
        ),
        across: 1,
        field: (560.0, 400.0),
        x_label: X_LABEL.into(),
        legend: legend(&strategies),
        panels: families
            .iter()
            .map(|family| panel(family, ACTS, |c| c.acts))
            .collect(),
    };
    Ok(Figure {
        name: "figure-1".into(),
        panels,
        points: points("Figure 1", &families),
    })
}

/// Figures 11 and 12, top.
fn growth(number: &str, title: &str, strategies: &[&'static str]) -> Result<Figure> {
    let bases = [
        ("EfficientNet-B0", "efficientnet_b0"),
        ("RegNetY-500MF", "regnety_500mf"),
        ("RegNetZ-500MF", "regnetz_500mf"),
    ];
    let families = families(&bases, strategies)?;
    let acts = families
        .iter()
        .map(|family| panel(family, ACTS, |c| c.acts));
    let params = families
        .iter()
        .map(|family| panel(family, "params (M)", |c| c.params));
    let panels = Panels {
        title: title.into(),
        caption: format!(
            "Activations above, parameters below. {READING} s = 1, 2, 4 … 64; groups grow with width. That the figure's top \
             shows these networks and these costs is our own reading of it; its errors, below there, need training and are \
             not drawn."
        ),
        across: bases.len(),
        field: (230.0, 210.0),
        x_label: X_LABEL.into(),
        legend: legend(strategies),
        panels: acts.chain(params).collect(),
    };
    Ok(Figure {
        name: format!("figure-{number}"),
        panels,
        points: points(&format!("Figure {number}"), &families),
    })
}

const X_LABEL: &str = "flops (B, multiply-adds for one image)";
const ACTS: &str = "acts (M)";
const READING: &str = "Counted here, both axes logarithmic. The number behind each name is the slope of the straight line \
                       that fits its points best: 1 grows as the flops do, 0.5 as their square root. Each mark is a \
                       network, scaled by s and rounded as pycls does:";

/// The strategies that are drawn: name, look, what it means. Those of one figure look different.
const STRATEGIES: [(&str, usize, &str); 8] = [
    ("dWr", 0, "fast scaling, mostly width"),
    ("w", 1, "width"),
    ("dw", 2, "depth, width"),
    ("dwr", 3, "all three alike"),
    ("wr", 4, "width, resolution"),
    ("dr", 5, "depth, resolution"),
    ("d", 2, "depth"),
    ("r", 3, "resolution"),
];

fn look(strategy: &str) -> usize {
    let known = STRATEGIES.iter().find(|(name, ..)| *name == strategy);
    known.map_or(0, |(_, look, _)| *look)
}

fn legend(strategies: &[&str]) -> Vec<(usize, String)> {
    STRATEGIES
        .iter()
        .filter(|(name, ..)| strategies.contains(name))
        .map(|(name, look, meaning)| (*look, format!("{name}: {meaning}")))
        .collect()
}

/// The numbers behind a figure.
fn points(title: &str, families: &[Family]) -> Table {
    let mut table = Table {
        title: title.into(),
        columns: vec![
            Column::words("base", "base"),
            Column::words("strategy", "strategy"),
            Column::numbers("s", "s"),
            Column::numbers("pixels", "pixels"),
            Column::numbers("flops", "flops"),
            Column::numbers("params", "params"),
            Column::numbers("acts", "acts"),
        ],
        ..Table::default()
    };
    for family in families {
        for (name, steps) in &family.ways {
            for Step { s, spec, counted } in steps {
                let mut row = vec![family.title.into(), (*name).into(), Cell::Number(*s, 0)];
                row.push(Cell::Count(spec.resolution as u64));
                row.extend([counted.flops, counted.params, counted.acts].map(Cell::Count));
                table.rows.push(row);
            }
        }
    }
    table
}
