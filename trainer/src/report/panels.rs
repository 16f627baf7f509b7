//! Small multiples as SVG text: curves told apart by colour, dashes and marks alike, so that a picture printed in black
//! says the same. Axes are logarithmic, or linear where a panel says so.

mod axis;
mod field;
mod look;

use super::chart::{escape, put};
use axis::Axis;
use field::{Frame, field, numbers_left};
use look::Legend;

pub use axis::Scale;

/// Panels in rows, under one title, over one caption. In a row, those with one name of an axis share it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panels {
    /// What is shown.
    pub title: String,
    /// Sentences below: what is counted, how to read it.
    pub caption: String,
    /// Panels in a row.
    pub across: usize,
    /// Width and height of a panel's field, pixels.
    pub field: (f64, f64),
    /// The horizontal axis with its unit, where a panel has no other: `flops (10⁹)`.
    pub x_label: String,
    /// A [`Curve::look`] and what it stands for, `w: width`; shown where a curve has it.
    pub legend: Vec<(usize, String)>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
}

/// One field with its curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// The horizontal axis with its unit; empty for that of all panels.
    pub x_label: String,
    /// The vertical axis with its unit.
    pub y_label: String,
    /// How the vertical axis runs.
    pub y_scale: Scale,
    /// The curves; a panel without any, and without a title, leaves its place empty.
    pub curves: Vec<Curve>,
}

impl Panel {
    fn is_blank(&self) -> bool {
        self.curves.is_empty() && self.title.is_empty()
    }
}

/// One curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Its short name, at its end; empty for none.
    pub name: String,
    /// What stands behind the name: a slope.
    pub remark: String,
    /// Which colour, dashes and mark, from 0; they repeat after six.
    pub look: usize,
    /// Its points, left to right; numbers on logarithmic axes are above nought.
    pub points: Vec<(f64, f64)>,
    /// What is drawn of it.
    pub drawn: Drawn,
}

/// What is drawn of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawn {
    /// Marks and a line from each to the next.
    #[default]
    Joined,
    /// Marks alone.
    Marks,
    /// A line alone.
    Line,
}

const EDGE: f64 = 18.0;
/// Left of a row: the axis' name and the numbers of its ticks.
const LEFT: f64 = 56.0;
/// Right of a field: the names of its curves, or little where none has one.
const RIGHT: f64 = 84.0;
const NAMELESS: f64 = 22.0;
/// Between a field and the next one's numbers, where each has its own.
const BETWEEN: f64 = LEFT;
/// Above a field: its title.
const ABOVE: f64 = 30.0;
/// Below a field: ticks, and below the last row the axis' name.
const BELOW: f64 = 30.0;
const LINE: f64 = 17.0;
/// Width that a character is reckoned with, pixels: that of a wide typeface.
const CHARACTER: f64 = 6.8;
/// The same of bold type.
const BOLD: f64 = 7.6;

const STYLE: &str = "\
.tp{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',Arial,sans-serif}\
.tp text{fill:#4a525c;font-variant-numeric:tabular-nums}.tp .t{fill:#1c2128;font-size:16px;font-weight:600}\
.tp .h{fill:#1c2128;font-weight:600}.tp .n{font-weight:600}.tp .g{stroke:#e7eaee}.tp .f{fill:none;stroke:#aab2bc}\
.tp .k{stroke:#b4bbc4;stroke-width:.75}.tp .l{fill:none;stroke-width:1.9;stroke-linejoin:round}";

/// Draws the panels as one SVG text, complete in itself, on white.
pub fn panels(figure: &Panels) -> String {
    let layout = Layout::of(figure);
    let curves = || figure.panels.iter().flat_map(|panel| &panel.curves);
    let (mut names, joined) = (
        figure.legend.clone(),
        curves().any(|curve| curve.drawn == Drawn::Joined),
    );
    names.retain(|(look, _)| curves().any(|curve| curve.look == *look));
    let legend = Legend::new(&names, layout.width - 2.0 * EDGE);
    let caption = wrapped(&figure.caption, layout.width - 2.0 * EDGE);
    let top = 48.0 + legend.rows as f64 * 20.0;
    let high = layout.high + ABOVE + BELOW + layout.labelled;
    let rows = figure.panels.len().div_ceil(layout.across);
    let floor = top + rows as f64 * high + 22.0 - layout.labelled;
    let (width, height) = (
        layout.width,
        floor + 12.0 + caption.len() as f64 * LINE + 8.0,
    );

    let title = escape(&figure.title);
    let mut svg = format!(
        "<svg class=\"tp\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\"><style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text class=\"t\" x=\"{EDGE}\" y=\"29\">{title}</text>\n"
    );
    legend.draw(&mut svg, &names, joined);
    for (row, panels) in figure.panels.chunks(layout.across).enumerate() {
        let above = top + row as f64 * high + ABOVE;
        for (i, panel) in panels.iter().enumerate() {
            if panel.is_blank() {
                continue;
            }
            let alike = panels.iter().filter(|p| p.x_label == panel.x_label);
            let x = Axis::over(values(alike, |p| p.0), Scale::Logarithmic);
            let alike = panels.iter().filter(|p| p.y_label == panel.y_label);
            let y = Axis::over(values(alike, |p| p.1), panel.y_scale);
            let left = layout.left(i);
            let frame = Frame {
                x: x.on(left, left + layout.wide),
                y: y.on(above + layout.high, above),
            };
            field(&mut svg, panel, &frame);
            if i == 0 || panel.y_label != panels[i - 1].y_label {
                numbers_left(&mut svg, panel, &frame);
            }
            if layout.labelled > 0.0 {
                let label = match panel.x_label.as_str() {
                    "" => &figure.x_label,
                    own => own,
                };
                below(
                    &mut svg,
                    label,
                    left + layout.wide / 2.0,
                    frame.y.from + 36.0,
                );
            }
        }
    }
    if layout.labelled == 0.0 {
        let middle = (layout.left(0) + layout.left(layout.across - 1) + layout.wide) / 2.0;
        below(&mut svg, &figure.x_label, middle, floor - 12.0);
    }
    for (i, line) in caption.iter().enumerate() {
        let y = floor + 18.0 + i as f64 * LINE;
        put(
            &mut svg,
            format_args!("<text x=\"{EDGE}\" y=\"{y:.1}\">{}</text>", escape(line)),
        );
    }
    svg + "</svg>\n"
}

/// One coordinate of all points.
fn values<'a>(
    panels: impl Iterator<Item = &'a Panel>,
    of: fn(&(f64, f64)) -> f64,
) -> impl Iterator<Item = f64> {
    let curves = panels.flat_map(|panel| &panel.curves);
    curves.flat_map(move |curve| curve.points.iter().map(of))
}

/// The name of a horizontal axis.
fn below(svg: &mut String, label: &str, x: f64, y: f64) {
    put(
        svg,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
            escape(label)
        ),
    );
}

/// Where the fields lie.
struct Layout {
    across: usize,
    wide: f64,
    high: f64,
    /// From a field's left edge to the next one's.
    step: f64,
    width: f64,
    /// Room below each row for the names of its own axes; 0 where all panels share one.
    labelled: f64,
}

impl Layout {
    fn of(figure: &Panels) -> Self {
        let across = figure.across.max(1);
        let (wide, high) = figure.field;
        let curves = || figure.panels.iter().flat_map(|panel| &panel.curves);
        let longest = curves()
            .filter(|curve| !curve.name.is_empty())
            .map(|curve| curve.name.chars().count() + 1 + curve.remark.chars().count())
            .max();
        let right = longest.map_or(NAMELESS, |longest| {
            RIGHT.max(18.0 + CHARACTER * longest as f64)
        });
        let mut rows = figure.panels.chunks(across);
        let numbered = rows.any(|row| {
            let differs = |panel: &Panel| !panel.is_blank() && panel.y_label != row[0].y_label;
            row.iter().any(differs)
        });
        let between = if numbered { BETWEEN } else { 0.0 };
        let labelled = figure.panels.iter().any(|panel| !panel.x_label.is_empty());
        let step = wide + right + between;
        Self {
            across,
            wide,
            high,
            step,
            width: 2.0 * EDGE + LEFT + across as f64 * step - between,
            labelled: if labelled { 20.0 } else { 0.0 },
        }
    }

    /// The left edge of a row's field.
    fn left(&self, i: usize) -> f64 {
        EDGE + LEFT + i as f64 * self.step
    }
}

/// A text that fits `room` pixels.
fn shortened(text: &str, room: f64) -> String {
    let most = (room / BOLD) as usize;
    match text.chars().count() <= most {
        true => text.into(),
        false => text
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// A paragraph in lines that fit `room` pixels.
fn wrapped(paragraph: &str, room: f64) -> Vec<String> {
    let most = (room / CHARACTER) as usize;
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
