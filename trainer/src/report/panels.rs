//! Small multiples as SVG text: curves told apart by colour, dashes and marks alike, so that a picture printed in black
//! says the same. Axes are logarithmic, or linear where a panel says so.

mod axis;

use std::fmt::Write;

use super::chart::{apart, escape, put};
use axis::{Axis, Span};

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

/// Colours that are told apart by most eyes, and by brightness where two dashes are alike.
const COLOURS: [&str; 6] = [
    "#1f5fd0", "#c2500a", "#15803d", "#7c3fc4", "#8a6100", "#b3125f",
];
const DASHES: [&str; 6] = ["none", "7 3.5", "2 3", "9 3 2 3", "13 4", "5 2 2 2 2 2"];

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

/// Where a panel lies and what it covers.
struct Frame<'a> {
    x: Span<'a>,
    y: Span<'a>,
}

fn field(svg: &mut String, panel: &Panel, frame: &Frame<'_>) {
    let Frame { x, y } = frame;
    put(
        svg,
        format_args!(
            "<text class=\"h\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x.from,
            y.to - 10.0,
            escape(&shortened(&panel.title, x.to - x.from + 12.0))
        ),
    );
    for (at, text) in x.ticks() {
        put(
            svg,
            format_args!(
                "<line class=\"g\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                y.from,
                y.to,
                y.from + 17.0
            ),
        );
    }
    for (at, _) in y.ticks() {
        put(
            svg,
            format_args!(
                "<line class=\"g\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
                x.from, x.to
            ),
        );
    }
    put(
        svg,
        format_args!(
            "<rect class=\"f\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x.from,
            y.to,
            x.to - x.from,
            y.from - y.to
        ),
    );
    for curve in panel.curves.iter().rev() {
        draw(svg, curve, frame);
    }
    names(svg, panel, frame);
}

/// The numbers and the name of the vertical axis.
fn numbers_left(svg: &mut String, panel: &Panel, frame: &Frame<'_>) {
    let Frame { x, y } = frame;
    for (at, text) in y.ticks() {
        put(
            svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                x.from - 7.0,
                at + 4.0
            ),
        );
    }
    let (left, middle) = (x.from - 46.0, (y.from + y.to) / 2.0);
    put(
        svg,
        format_args!(
            "<text transform=\"translate({left:.1} {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(&panel.y_label)
        ),
    );
}

fn draw(svg: &mut String, curve: &Curve, frame: &Frame<'_>) {
    let points: Vec<_> = curve
        .points
        .iter()
        .map(|p| (frame.x.at(p.0), frame.y.at(p.1)))
        .collect();
    let mut path = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let pen = if i == 0 { 'M' } else { 'L' };
        write!(path, "{pen}{x:.1} {y:.1}").expect("writing to a text cannot fail");
    }
    if curve.drawn != Drawn::Marks {
        stroke(svg, &path, curve.look);
    }
    if curve.drawn == Drawn::Line {
        return;
    }
    for (x, y) in points {
        mark(svg, (x, y), curve.look);
    }
}

fn stroke(svg: &mut String, path: &str, look: usize) {
    let (colour, dashes) = (COLOURS[look % 6], DASHES[look % 6]);
    put(
        svg,
        format_args!(
            "<path class=\"l\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\" d=\"{path}\"/>"
        ),
    );
}

/// A disc, a square, a triangle, a diamond, a ring, an empty square: a path from the middle, and whether it is filled.
pub(super) fn shape(look: usize) -> (&'static str, bool) {
    let path = match look % 6 {
        0 | 4 => "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
        1 | 5 => "m-2.7-2.7h5.4v5.4h-5.4z",
        2 => "m0-3.6l3.4 6h-6.8z",
        _ => "m0-3.9l3.5 3.9l-3.5 3.9l-3.5-3.9z",
    };
    (path, look % 6 < 4)
}

fn mark(svg: &mut String, (x, y): (f64, f64), look: usize) {
    let (path, filled) = shape(look);
    let colour = COLOURS[look % 6];
    let fill = if filled { colour } else { "#fff" };
    put(
        svg,
        format_args!("<path d=\"M{x:.1} {y:.1}{path}\" fill=\"{fill}\" stroke=\"{colour}\"/>"),
    );
}

/// The names at the curves' ends, pushed apart where they would overlap, each with a thread to its end.
fn names(svg: &mut String, panel: &Panel, frame: &Frame<'_>) {
    let mut ends: Vec<(f64, &Curve, (f64, f64))> = panel
        .curves
        .iter()
        .filter(|curve| !curve.name.is_empty())
        .filter_map(|curve| {
            let last = curve.points.last()?;
            let end = (frame.x.at(last.0), frame.y.at(last.1));
            Some((end.1, curve, end))
        })
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut heights: Vec<f64> = ends.iter().map(|end| end.0).collect();
    apart(&mut heights, 14.0, frame.y.from);
    for (y, (_, curve, end)) in heights.into_iter().zip(ends) {
        let x = frame.x.to + 11.0;
        put(
            svg,
            format_args!(
                "<line class=\"k\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\"><tspan class=\"n\" style=\"fill:{}\">{}</tspan> {}</text>",
                end.0 + 5.0,
                end.1,
                x - 3.0,
                y + 4.0,
                COLOURS[curve.look % 6],
                escape(&curve.name),
                escape(&curve.remark)
            ),
        );
    }
}

/// Where each line of the legend stands: left to right, then in a new row.
struct Legend {
    places: Vec<(f64, f64)>,
    rows: usize,
}

impl Legend {
    fn new(names: &[(usize, String)], room: f64) -> Self {
        let (mut x, mut row, mut places) = (0.0, 0, Vec::new());
        for (_, name) in names {
            let wide = 38.0 + CHARACTER * name.chars().count() as f64;
            if x > 0.0 && x + wide > room {
                (x, row) = (0.0, row + 1);
            }
            places.push((EDGE + x, 50.0 + 20.0 * f64::from(row)));
            x += wide + 18.0;
        }
        let rows = places.last().map_or(0, |_| row as usize + 1);
        Self { places, rows }
    }

    /// With lines where some curve has one.
    fn draw(&self, svg: &mut String, names: &[(usize, String)], joined: bool) {
        for (&(look, ref name), &(x, y)) in names.iter().zip(&self.places) {
            if joined {
                stroke(svg, &format!("M{x:.1} {y:.1}h30"), look);
            }
            mark(svg, (x + 15.0, y), look);
            put(
                svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x + 38.0,
                    y + 4.0,
                    escape(name)
                ),
            );
        }
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
