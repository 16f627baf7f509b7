//! Figure 2: which count tells the time of a network.

use triaxis_search::statistics::{least_squares, pearson};

use super::counted::place;
use super::ours::{self, Kind};
use super::point::{ACTS, Axis, FLOPS, Looks, MINUTES, PARAMS, Point, by_kind};
use super::trained::published;
use super::{Figure, make};
use crate::paper::Evidence;
use crate::report::panels::{Curve, Drawn, Panel};

/// Steps of a line on logarithmic axes, where it is bent.
const STEPS: usize = 24;

/// Figure 2.
pub(super) fn runtime(evidence: &Evidence) -> Figure {
    let known = published();
    let families = ["EfficientNet", "RegNetY", "RegNetZ", "ResNet, ResNeXt"];
    let family = |point: &Point| match point.model.get(..7) {
        Some("RegNetY") => families[1].to_owned(),
        Some("RegNetZ") => families[2].to_owned(),
        _ if point.model.starts_with("EN-") => families[0].to_owned(),
        _ => families[3].to_owned(),
    };
    let timed = evidence.timed.iter().filter(|one| one.suite == "train");
    let ours: Vec<Point> = timed.map(Point::timed).collect();
    let mut adapters: Vec<&str> = Vec::new();
    let mut bases: Vec<String> = Vec::new();
    for point in &ours {
        if !adapters.contains(&point.source.as_str()) {
            adapters.push(&point.source);
        }
        let base = base(point);
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    let names = families.into_iter().chain(bases.iter().map(String::as_str));
    let looks = Looks::of(names);
    let paper = row("paper", &known, &looks, family);
    let measured: Vec<Vec<Panel>> = adapters
        .iter()
        .map(|adapter| {
            let of: Vec<Point> = ours
                .iter()
                .filter(|p| p.source == *adapter)
                .cloned()
                .collect();
            row(adapter, &of, &looks, base)
        })
        .collect();
    let mut figure = make(
        "2",
        "Figure 2: time of training against flops, parameters and activations",
        [known, ours].concat(),
    );
    figure.panels.caption = "r is Pearson's, of the numbers themselves and not of their logarithms, with its 95 % interval; the line is that \
                             of best fit to them. paper: the 22 networks of its Tables 5, 6 and 8, on eight V100; its own plot is of scaled networks, \
                             whose numbers it does not print."
        .into();
    figure.panels.legend = looks.legend();
    figure.fill = ours::command(
        "efficientnet_b0",
        &["w", "dw", "dwr", "dWr"],
        &[Kind::Times],
    );
    place(&mut figure, vec![paper], measured, (230.0, 210.0));
    figure
}

/// What was scaled, or the network itself.
fn base(point: &Point) -> String {
    match point.base.as_str() {
        "" => point.model.clone(),
        base => base.into(),
    }
}

fn row(
    source: &str,
    points: &[Point],
    looks: &Looks,
    kind: impl Fn(&Point) -> String,
) -> Vec<Panel> {
    let panel = |axis: Axis| {
        let (x, y): (Vec<f64>, Vec<f64>) = points
            .iter()
            .filter_map(|p| Some(((axis.of)(p)?, p.minutes?)))
            .unzip();
        let title = match pearson(&x, &y) {
            Ok(found) => {
                let (low, high) = found.interval;
                format!("r = {:.2} [{low:.2}, {high:.2}]", found.r)
            }
            Err(_) => "too few for r".to_owned(),
        };
        let mut panel = by_kind(&title, points, (axis, MINUTES), looks, &kind);
        let source: String = source.chars().take(20).collect();
        panel.y_label = format!("min for 1.28 M, {source}");
        panel.curves.extend(fit(&x, &y));
        panel
    };
    [FLOPS, PARAMS, ACTS].map(panel).to_vec()
}

/// The line of best fit, where it is above nought.
fn fit(x: &[f64], y: &[f64]) -> Option<Curve> {
    let line = least_squares(x, y).ok()?;
    let (low, high) = x.iter().fold((f64::INFINITY, 0.0f64), |(low, high), x| {
        (low.min(*x), high.max(*x))
    });
    let lowest = y.iter().copied().fold(f64::INFINITY, f64::min);
    let at = |i: usize| low * (high / low).powf(i as f64 / STEPS as f64);
    let points = (0..=STEPS).map(at).map(|x| (x, line.at(x)));
    Some(Curve {
        look: 5,
        points: points.filter(|(_, y)| *y >= 0.5 * lowest).collect(),
        drawn: Drawn::Line,
        ..Curve::default()
    })
}
