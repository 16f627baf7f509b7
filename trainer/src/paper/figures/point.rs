//! What figures are made of: networks as points, and panels of them.

use super::super::counts::decimals;
use super::super::evidence::{Timed, Trained, mean};
use super::slope;
use crate::bench::scaling::UNSCALED;
use crate::report::panels::{Curve, Drawn, Panel, Scale};
use crate::table::{Cell, Column, Table};

/// A network of a figure. What is not known of it is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// `counted`, `paper`, or what was measured here: `ours: STUDY`.
    pub(super) source: String,
    pub(super) model: String,
    /// The network that was scaled.
    pub(super) base: String,
    /// How; [`UNSCALED`] for the base itself.
    pub(super) strategy: String,
    pub(super) s: Option<f64>,
    pub(super) pixels: Option<usize>,
    /// Multiply-adds, parameters, activations.
    pub(super) counts: [f64; 3],
    /// Top-1 error, percent, its standard deviation over trials, and how many these are.
    pub(super) error: Option<(f64, Option<f64>, usize)>,
    pub(super) epochs: Option<usize>,
    /// Minutes for as many pictures as ImageNet has.
    pub(super) minutes: Option<f64>,
}

impl Point {
    pub(super) fn trained(one: &Trained) -> Self {
        let (error, deviation) = mean(&one.errors);
        let way = one.way.clone().unwrap_or_default();
        Self {
            source: format!("ours: {}", one.study.0),
            model: one.name.clone(),
            base: way.base,
            strategy: way.strategy,
            s: one.way.as_ref().map(|way| way.factor),
            pixels: Some(one.spec.resolution),
            counts: one.counts,
            error: Some((error, deviation, one.errors.len())),
            epochs: Some(one.epochs),
            minutes: None,
        }
    }

    pub(super) fn timed(one: &Timed) -> Self {
        let way = one.way.clone().unwrap_or_default();
        Self {
            // Without what the driver says of itself: `llvmpipe (LLVM 15.0.6, 256 bits)`.
            source: format!(
                "ours: {}",
                one.adapter.split(" (").next().unwrap_or_default()
            ),
            model: one.name.clone(),
            base: way.base,
            strategy: way.strategy,
            s: one.way.as_ref().map(|way| way.factor),
            pixels: Some(one.pixels),
            counts: one.counts,
            minutes: Some(one.minutes()),
            ..Self::default()
        }
    }
}

/// What an axis shows of a point.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    scale: Scale,
    pub(super) of: fn(&Point) -> Option<f64>,
}

pub(super) const FLOPS: Axis = Axis {
    label: "flops (B, multiply-adds for one image)",
    scale: Scale::Logarithmic,
    of: |point| Some(point.counts[0] / 1e9),
};
pub(super) const PARAMS: Axis = Axis {
    label: "params (M)",
    scale: Scale::Logarithmic,
    of: |point| Some(point.counts[1] / 1e6),
};
pub(super) const ACTS: Axis = Axis {
    label: "acts (M)",
    scale: Scale::Logarithmic,
    of: |point| Some(point.counts[2] / 1e6),
};
pub(super) const ERROR: Axis = Axis {
    label: "top-1 error (%)",
    scale: Scale::Linear,
    of: |point| Some(point.error?.0),
};
pub(super) const MINUTES: Axis = Axis {
    label: "min for 1.28 M images, trained",
    scale: Scale::Logarithmic,
    of: |point| point.minutes,
};

/// The strategies: name, preferred look, what it means.
const STRATEGIES: [(&str, usize, &str); 9] = [
    ("dWr", 0, "fast scaling, mostly width"),
    ("w", 1, "width"),
    ("dw", 2, "depth, width"),
    ("dwr", 3, "all three alike"),
    ("wr", 4, "width, resolution"),
    ("dr", 5, "depth, resolution"),
    ("d", 2, "depth"),
    ("r", 3, "resolution"),
    ("orig", 4, "EfficientNet's own"),
];

/// Kinds of points by name, each with a look of its own: colour, dashes, mark.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks(Vec<(String, usize)>);

impl Looks {
    /// Strategies have the same look in every figure where that can be.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut looks = Self::default();
        for name in names {
            if name == UNSCALED || looks.0.iter().any(|(known, _)| known == name) {
                continue;
            }
            let known = STRATEGIES.iter().find(|(known, ..)| *known == name);
            let wanted = known.map_or(looks.0.len(), |(_, look, _)| *look);
            let taken = |look: &usize| looks.0.iter().any(|(_, other)| other % 6 == look % 6);
            let free = (wanted..wanted + 6).find(|look| !taken(look));
            looks.0.push((name.into(), free.unwrap_or(wanted) % 6));
        }
        looks
    }

    pub(super) fn legend(&self) -> Vec<(usize, String)> {
        let told = |(name, look): &(String, usize)| {
            let known = STRATEGIES.iter().find(|(known, ..)| known == name);
            let text = known.map_or(name.clone(), |(.., means)| format!("{name}: {means}"));
            (*look, text)
        };
        self.0.iter().map(told).collect()
    }
}

/// The points as a curve for each strategy; the base belongs to each.
pub(super) fn by_strategy(
    title: &str,
    points: &[Point],
    (x, y): (Axis, Axis),
    looks: &Looks,
) -> Panel {
    let of = |name: &str, look: usize| {
        let belongs = |point: &&Point| point.strategy == name || point.strategy == UNSCALED;
        let mut points = placed(points.iter().filter(belongs), x, y);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let counted = y.label == ACTS.label || y.label == PARAMS.label;
        Curve {
            name: name.into(),
            remark: match counted && points.len() > 1 {
                true => format!("{:.2}", slope(&points)),
                false => String::new(),
            },
            look,
            points,
            ..Curve::default()
        }
    };
    let used = |name: &str| points.iter().any(|point| point.strategy == name);
    let curves = looks.0.iter().filter(|(name, _)| used(name));
    let curves: Vec<Curve> = curves.map(|(name, look)| of(name, *look)).collect();
    of_curves(title, x, y, curves)
}

/// The points as marks, one look for each kind.
pub(super) fn by_kind(
    title: &str,
    points: &[Point],
    (x, y): (Axis, Axis),
    looks: &Looks,
    kind: impl Fn(&Point) -> String,
) -> Panel {
    let curve = |(name, look): &(String, usize)| Curve {
        look: *look,
        points: placed(points.iter().filter(|point| kind(point) == *name), x, y),
        drawn: Drawn::Marks,
        ..Curve::default()
    };
    let curves = looks.0.iter().map(curve).collect();
    of_curves(title, x, y, curves)
}

fn of_curves(title: &str, x: Axis, y: Axis, curves: Vec<Curve>) -> Panel {
    Panel {
        title: title.into(),
        x_label: x.label.into(),
        y_label: y.label.into(),
        y_scale: y.scale,
        curves: curves
            .into_iter()
            .filter(|c| !c.points.is_empty())
            .collect(),
    }
}

fn placed<'a>(points: impl Iterator<Item = &'a Point>, x: Axis, y: Axis) -> Vec<(f64, f64)> {
    let place = |point: &Point| Some(((x.of)(point)?, (y.of)(point)?));
    points.filter_map(place).collect()
}

/// The numbers behind a figure, those of one network in a row.
pub(super) fn table(title: &str, points: &[Point]) -> Table {
    let mut columns = ["source", "network", "base", "strategy"]
        .map(|key| Column::words(key, key))
        .to_vec();
    let numbers = [
        "s",
        "pixels",
        "flops",
        "params",
        "acts",
        "error",
        "deviation",
        "trials",
        "epochs",
        "minutes",
    ];
    columns.extend(numbers.map(|key| Column::numbers(key, key)));
    let number =
        |value: Option<f64>, digits| value.map_or(Cell::Absent, |v| Cell::Number(v, digits));
    let count = |value: Option<usize>| value.map_or(Cell::Absent, |v| Cell::Count(v as u64));
    let row = |point: &Point| {
        let mut row: Vec<Cell> = vec![
            point.source.clone().into(),
            point.model.clone().into(),
            point.base.clone().into(),
            point.strategy.clone().into(),
            point
                .s
                .map_or(Cell::Absent, |s| Cell::Number(s, decimals(s))),
            count(point.pixels),
        ];
        row.extend(
            point
                .counts
                .map(|counted| Cell::Count(counted.round() as u64)),
        );
        row.push(number(point.error.map(|error| error.0), 2));
        row.push(number(point.error.and_then(|error| error.1), 2));
        row.push(count(point.error.map(|error| error.2)));
        row.push(count(point.epochs));
        row.push(number(point.minutes, 2));
        row
    };
    Table {
        title: title.into(),
        columns,
        rows: points.iter().map(row).collect(),
        ..Table::default()
    }
}
