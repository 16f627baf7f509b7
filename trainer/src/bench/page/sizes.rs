//! Time against activations, multiply-adds and parameters: Figure 2 of *Fast and Accurate Model Scaling*
//! (<https://arxiv.org/abs/2103.06877>).

use std::collections::BTreeSet;

use triaxis_search::statistics::pearson;

use super::read::Size;
use super::scatter::{Kind, Point, Scatter, scatter};
use super::{Clock, Rows, escape, table};

/// Networks of one family that were measured alike: time of a picture, and size.
struct Family {
    name: String,
    points: Vec<(f64, Size, String)>,
}

impl Family {
    /// Different sizes: rounds of one network are one.
    fn sizes(&self) -> usize {
        let acts = self.points.iter().map(|(_, size, _)| size.acts.to_bits());
        acts.collect::<BTreeSet<u64>>().len()
    }
}

/// A name, and the number that is read off a size.
type Axis = (&'static str, fn(&Size) -> f64);

const AXES: [Axis; 3] = [
    ("activations (M)", |size| size.acts / 1e6),
    ("multiply-adds (M)", |size| size.flops / 1e6),
    ("parameters (M)", |size| size.params / 1e6),
];

pub(super) fn html(rows: &Rows, clock: Clock) -> String {
    let mut html = String::new();
    for (name, families) in measured_alike(rows, clock) {
        if families.iter().all(|family| family.sizes() < 3) {
            continue;
        }
        let charts: String = AXES
            .iter()
            .map(|axis| format!("<div class=\"card\">{}</div>\n", chart(axis, &families)))
            .collect();
        html += &format!(
            "<h2>Time against size: {}</h2>\n<section class=\"charts\">\n{charts}</section>\n\
             <p class=\"note\">Time of a picture. r is Pearson's, of the numbers themselves and not of their logarithms, with its \
             95 % interval, where a family has at least three sizes.</p>\n{}",
            escape(&name),
            correlations(&families)
        );
    }
    html
}

/// Groups of one suite, batch, precision, library and adapter, each by family.
fn measured_alike(rows: &Rows, clock: Clock) -> Vec<(String, Vec<Family>)> {
    let mut groups: Vec<(String, Vec<Family>)> = Vec::new();
    // Scaled networks have a section of their own.
    for sized in rows.runs.iter().filter(|sized| sized.way.is_none()) {
        let row = &sized.row;
        let (Some(ms), Some(size)) = (clock.of(row), sized.size) else {
            continue;
        };
        let group = format!(
            "{}, batch {}, {}, {}, {}",
            row.suite, row.batch, row.precision, row.device, row.adapter
        );
        // A family is what stands before the size: `regnetz` of `regnetz_500mf-dWr-4`.
        let family = row.model.split(['_', '-', '@']).next().unwrap_or_default();
        let group = entry(
            &mut groups,
            |(name, _)| *name == group,
            || (group.clone(), Vec::new()),
        );
        let family = entry(
            &mut group.1,
            |f| f.name == family,
            || Family {
                name: family.to_owned(),
                points: Vec::new(),
            },
        );
        let said = format!(
            "{} at {} pixels: {} ms",
            row.model,
            row.resolution,
            ms / row.batch.max(1) as f64
        );
        family
            .points
            .push((ms / row.batch.max(1) as f64, size, said));
    }
    groups
}

/// The first that fits, or a new one at the end.
fn entry<T>(all: &mut Vec<T>, fits: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = all.iter().position(fits).unwrap_or(all.len());
    if index == all.len() {
        all.push(new());
    }
    &mut all[index]
}

fn chart((name, number): &Axis, families: &[Family]) -> String {
    let kind = |family: &Family| Kind {
        name: family.name.clone(),
        points: family
            .points
            .iter()
            .map(|(ms, size, said)| Point {
                x: number(size),
                y: *ms,
                radius: 4.0,
                said: said.clone(),
            })
            .collect(),
    };
    scatter(&Scatter {
        title: &format!("Time against {}", name.split(" (").next().unwrap_or(name)),
        x: name,
        y: "ms a picture",
        kinds: families.iter().map(kind).collect(),
        lines: Vec::new(),
    })
}

fn correlations(families: &[Family]) -> String {
    let line = |name: &str, points: &[&(f64, Size, String)]| {
        let r = |(_, number): &Axis| {
            let pairs = points.iter().map(|(ms, size, _)| (number(size), *ms));
            let (counts, times): (Vec<f64>, Vec<f64>) = pairs.unzip();
            pearson(&counts, &times).map_or("–".into(), |found| {
                format!(
                    "{:.4} [{:.4}, {:.4}]",
                    found.r, found.interval.0, found.interval.1
                )
            })
        };
        let mut cells = vec![escape(name), points.len().to_string()];
        cells.extend(AXES.iter().map(r));
        cells
    };
    let mut lines: Vec<Vec<String>> = families
        .iter()
        .map(|family| line(&family.name, &family.points.iter().collect::<Vec<_>>()))
        .collect();
    if families.len() > 1 {
        let all: Vec<_> = families.iter().flat_map(|family| &family.points).collect();
        lines.push(line("all", &all));
    }
    let heads = [
        "family",
        "networks",
        "r with activations",
        "with multiply-adds",
        "with parameters",
    ];
    table(&heads, &lines)
}
