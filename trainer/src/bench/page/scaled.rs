//! Scaled networks: time against what they count, for each base by strategy and for all bases together. Figures 1, 2, 4,
//! 6, 11 and 12 of *Fast and Accurate Model Scaling* (<https://arxiv.org/abs/2103.06877>) have their times from these.

use super::super::scaling::{Follows, Group, Scaled, ScaledRow, UNSCALED, groups};
use super::{Clock, Rows, escape, table, told};
use crate::report::panels::{Curve, Drawn, Panel, Panels, panels};

/// Steps of a line on logarithmic axes, where it is bent.
const STEPS: usize = 24;

/// A count: its name, the number, and how the time follows it.
type Count = (
    &'static str,
    fn(&Scaled) -> u64,
    fn(&Group) -> Option<Follows>,
);

const COUNTS: [Count; 3] = [
    ("flops (M)", |scaled| scaled.flops, |group| group.flops),
    ("params (M)", |scaled| scaled.params, |group| group.params),
    ("acts (M)", |scaled| scaled.acts, |group| group.acts),
];

pub(super) fn html(rows: &Rows, clock: Clock) -> String {
    let mut html = String::new();
    for suite in ["train", "infer"] {
        let scaled: Vec<ScaledRow> = rows
            .runs
            .iter()
            .filter(|run| run.row.suite == suite && clock.of(&run.row).is_some())
            .filter_map(|run| Some((run.row.clone(), run.scaled()?)))
            .collect();
        if !scaled.is_empty() {
            html += &section(suite, &scaled, clock);
        }
    }
    html
}

fn section(suite: &str, rows: &[ScaledRow], clock: Clock) -> String {
    let groups = groups(rows, clock);
    let mut html =
        format!("<h2>Time against size: networks scaled in several ways, {suite}</h2>\n");
    let pooled: Vec<&Group> = groups
        .iter()
        .filter(|group| {
            groups
                .iter()
                .filter(|other| other.base == group.base)
                .count()
                == 1
                || group.strategy == "all"
        })
        .collect();
    for group in pooled {
        html += &format!(
            "<div class=\"card apart\">{}</div>\n",
            picture(group, rows, clock)
        );
    }
    html += "<p class=\"note\">r is Pearson's, of the numbers themselves and not of their logarithms, with its 95 % interval by Fisher's z; \
             the thin line is that of best fit.</p>\n";
    let interval = |follows: Option<Follows>| {
        follows.map_or("–".into(), |f| {
            format!("{:.3} [{:.3}, {:.3}]", f.r, f.low, f.high)
        })
    };
    let lines: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            vec![
                escape(&group.base),
                escape(&group.strategy),
                group.networks.to_string(),
                interval(group.flops),
                interval(group.params),
                interval(group.acts),
                told(group.acts.map(|f| f.intercept)),
                told(group.acts.map(|f| f.slope)),
                match group.flop_bound.is_empty() {
                    true => "–".into(),
                    false => escape(&group.flop_bound.join(", ")),
                },
            ]
        })
        .collect();
    let heads = [
        "base",
        "strategy",
        "networks",
        "r, flops",
        "r, params",
        "r, acts",
        "ms at 0 acts",
        "ms a million acts",
        "bound by flops",
    ];
    html + &table(&heads, &lines)
}

/// A panel for each count.
fn picture(group: &Group, rows: &[ScaledRow], clock: Clock) -> String {
    let all = group.base == "all";
    let kind = |scaled: &Scaled| match all {
        true => scaled.base.clone(),
        false => scaled.strategy.clone(),
    };
    let of: Vec<&ScaledRow> = rows
        .iter()
        .filter(|(_, scaled)| all || scaled.base == group.base)
        .collect();
    let mut kinds: Vec<String> = Vec::new();
    for (_, scaled) in &of {
        if !kinds.contains(&kind(scaled)) {
            kinds.push(kind(scaled));
        }
    }
    let panel = |(name, count, follows): &Count| {
        let curve = |(look, one): (usize, &String)| Curve {
            look,
            points: of
                .iter()
                .filter(|(_, scaled)| kind(scaled) == *one)
                .filter_map(|(row, scaled)| Some((count(scaled) as f64 / 1e6, ms(row, clock)?)))
                .collect(),
            drawn: Drawn::Marks,
            ..Curve::default()
        };
        let mut curves: Vec<Curve> = kinds.iter().enumerate().map(curve).collect();
        let mut title = name.to_string();
        if let Some(f) = follows(group) {
            title = format!("r = {:.2} [{:.2}, {:.2}]", f.r, f.low, f.high);
            curves.push(line(&f, &curves));
        }
        Panel {
            title,
            x_label: (*name).into(),
            y_label: "ms an image".into(),
            curves,
            ..Panel::default()
        }
    };
    let legend = |(look, name): (usize, &String)| {
        let name = match name.as_str() {
            UNSCALED => "the network itself",
            name => name,
        };
        (look, name.to_owned())
    };
    panels(&Panels {
        title: match all {
            true => "All networks".into(),
            false => format!("{}, by strategy", group.base),
        },
        across: 3,
        field: (230.0, 210.0),
        legend: kinds.iter().enumerate().map(legend).collect(),
        panels: COUNTS.iter().map(panel).collect(),
        ..Panels::default()
    })
}

fn ms(row: &super::super::Row, clock: Clock) -> Option<f64> {
    Some(clock.of(row)? / row.batch.max(1) as f64)
}

/// The line of best fit as far as the points reach, where it is above nought.
fn line(follows: &Follows, curves: &[Curve]) -> Curve {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let low = points().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let high = points().map(|p| p.0).fold(0.0, f64::max);
    let least = points().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let at = |i: usize| low * (high / low).powf(i as f64 / STEPS as f64);
    let line = (0..=STEPS)
        .map(at)
        .map(|x| (x, follows.intercept + follows.slope * x));
    Curve {
        look: 5,
        points: line.filter(|(_, y)| *y >= 0.5 * least).collect(),
        drawn: Drawn::Line,
        ..Curve::default()
    }
}
