//! Figures 1, 10, 11 and 12: how costs grow along each strategy, counted here; with times and errors where there are any.

use triaxis_models::zoo;

use super::ours::{self, Wanted};
use super::point::{ACTS, FLOPS, Looks, PARAMS, Point, by_kind, by_strategy};
use super::{Figure, Step, make, steps};
use crate::error::Result;
use crate::paper::Evidence;
use crate::report::panels::Panel;

/// A base network: its title and its name.
type Base = (&'static str, &'static str);

const B0: Base = ("EfficientNet-B0", "efficientnet_b0");
const BASES: [Base; 3] = [
    B0,
    ("RegNetY-500MF", "regnety_500mf"),
    ("RegNetZ-500MF", "regnetz_500mf"),
];

const READING: &str = "Counted here, both axes logarithmic. The number behind each name is the slope of the straight line \
                       that fits its points best: 1 grows as the flops do, 0.5 as their square root. Each mark is a \
                       network, scaled by s and rounded as pycls does: s = 1, 2, 4 … 64.";

/// What the strategies make of a base.
fn counted((title, base): &Base, strategies: &[&str]) -> Result<Vec<Point>> {
    let base = zoo(base)?;
    let mut points = Vec::new();
    for name in strategies {
        for Step { s, spec, counted } in steps(&base, &name.parse()?)? {
            points.push(Point {
                source: "counted".into(),
                model: spec.name.clone(),
                base: (*title).into(),
                strategy: (*name).into(),
                s: Some(s),
                pixels: Some(spec.resolution),
                counts: [counted.flops, counted.params, counted.acts].map(|count| count as f64),
                ..Point::default()
            });
        }
    }
    Ok(points)
}

/// Figure 1, bottom left.
pub(super) fn activations(evidence: &Evidence) -> Result<Figure> {
    let strategies = ["dWr", "w", "dw", "dwr"];
    let mut points = counted(&B0, &strategies)?;
    let looks = Looks::of(strategies);
    let panel = by_strategy(B0.0, &points, (FLOPS, ACTS), &looks);
    let (rows, measured) = ours::rows(evidence, &Wanted::all(&strategies), &looks);
    points.extend(measured);
    let mut figure = make(
        "1",
        "Figure 1, bottom left: activations against flops",
        points,
    );
    figure.panels.caption = format!(
        "{READING} The paper gives no numbers for its plot: which strategies are drawn, and how far, is our own reading of it."
    );
    figure.panels.legend = looks.legend();
    figure.fill = ours::command(
        "efficientnet_b0",
        &strategies,
        &[ours::Kind::Errors, ours::Kind::Times],
    );
    place(&mut figure, vec![vec![panel]], rows, (560.0, 400.0));
    Ok(figure)
}

/// Figures 11 and 12.
pub(super) fn growth(
    number: &str,
    title: &str,
    strategies: &[&'static str],
    evidence: &Evidence,
) -> Result<Figure> {
    let looks = Looks::of(strategies.iter().copied());
    let (mut points, mut acts, mut params) = (Vec::new(), Vec::new(), Vec::new());
    for base in &BASES {
        let of = counted(base, strategies)?;
        acts.push(by_strategy(base.0, &of, (FLOPS, ACTS), &looks));
        params.push(by_strategy(base.0, &of, (FLOPS, PARAMS), &looks));
        points.extend(of);
    }
    let (rows, measured) = ours::rows(evidence, &Wanted::all(strategies), &looks);
    points.extend(measured);
    let mut figure = make(number, title, points);
    figure.panels.caption = format!(
        "Activations above, parameters below. {READING} That the figure's top shows these networks and these costs is our own \
         reading of it; below are errors, which need training."
    );
    figure.panels.legend = looks.legend();
    figure.fill = ours::command(
        "efficientnet_b0",
        strategies,
        &[ours::Kind::Errors, ours::Kind::Times],
    );
    place(&mut figure, vec![acts, params], rows, (230.0, 210.0));
    Ok(figure)
}

/// Figure 10: group width 1, depthwise convolutions.
pub(super) fn depthwise(evidence: &Evidence) -> Result<Figure> {
    let bases = [
        ("RegNetZ-500MF", "regnetz_500mf"),
        ("RegNetZ-G1-500MF", "regnetz_g1_500mf"),
    ];
    let looks = Looks::of(bases.map(|base| base.0));
    let (mut points, wanted) = (
        Vec::new(),
        Wanted::bases(&["dWr"], &["regnetz_500mf", "regnetz_g1_500mf"]),
    );
    for base in &bases {
        points.extend(counted(base, &["dWr"])?);
    }
    let panels = [ACTS, PARAMS]
        .map(|cost| {
            let title = format!("counted: {}, scaled by dWr", cost.label);
            by_kind(&title, &points, (FLOPS, cost), &looks, |point| {
                point.base.clone()
            })
        })
        .to_vec();
    let strategies = Looks::of(["dWr"]);
    let (rows, measured) = ours::rows(evidence, &wanted, &strategies);
    points.extend(measured);
    let mut figure = make(
        "10",
        "Figure 10: RegNetZ with groups and with depthwise convolutions",
        points,
    );
    figure.panels.caption = "RegNetZ-G1 was never released: ours stands in for it, RegNetZ-500MF with one channel a group. What is \
                             drawn of it is our own reading of the figure: costs by fast scaling, s = 1, 2, 4 … 64."
        .into();
    figure.panels.legend = looks.legend();
    figure.fill = ours::command(
        "regnetz_g1_500mf",
        &["dWr"],
        &[ours::Kind::Errors, ours::Kind::Times],
    );
    place(&mut figure, vec![panels], rows, (330.0, 250.0));
    Ok(figure)
}

/// Rows of panels of one width, the last of a short row empty.
pub(super) fn place(
    figure: &mut Figure,
    counted: Vec<Vec<Panel>>,
    ours: Vec<Vec<Panel>>,
    field: (f64, f64),
) {
    figure.ours = !ours.is_empty();
    let rows: Vec<Vec<Panel>> = counted.into_iter().chain(ours).collect();
    let across = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let blank = |i: usize, row: &[Panel]| row.get(i).cloned().unwrap_or_default();
    let all = rows
        .iter()
        .flat_map(|row| (0..across).map(move |i| blank(i, row)));
    figure.panels.panels = all.collect();
    figure.panels.across = across;
    figure.panels.field = match across {
        1 => field,
        2 => (330.0, 250.0),
        _ => (230.0, 210.0),
    };
}
