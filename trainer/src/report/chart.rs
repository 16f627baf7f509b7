//! Line charts as SVG text: for the report, and alone for a README.

use std::fmt::Write;

use super::numbers::{decimals, label, significant, ticks};

/// A chart of lines over a common axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// What is shown: "Accuracy".
    pub title: String,
    /// In which unit: "%". Empty for a plain number.
    pub unit: String,
    /// What runs to the right: "epochs done".
    pub x_label: String,
    /// Whether what runs to the right has values between whole numbers.
    pub fractions: bool,
    /// Whether the scale begins at nought, however far above it the lines run.
    pub from_zero: bool,
    /// The lines, the first drawn on top.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend; without one it is not in there, and its last value is not told.
    pub name: String,
    /// Its points, from left to right; one that is not finite interrupts it.
    pub points: Vec<(f64, f64)>,
    /// Drawn dotted, in the colour of the line before it: another reading of the same.
    pub dashed: bool,
    /// Points alone, with no line between them and no last value.
    pub dots: bool,
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 72.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 52.0;
/// Lines with more points than this carry no dots.
const DOTTED: usize = 40;
/// Least distance of two values at the right edge.
const SPACING: f64 = 15.0;

/// The colours, blue, orange, green and violet, for a light ground and for a dark one: told apart also by those who
/// see few colours, and by brightness.
pub(crate) const STYLE: &str = "\
.tx{--ink:#1c2128;--soft:#5d6671;--grid:#e4e7eb;--c0:#1f6feb;--c1:#d4580b;--c2:#1a7f4b;--c3:#8250df;--halo:#fff;\
font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
@media(prefers-color-scheme:dark){.tx{--ink:#e9edf2;--soft:#9aa5b1;--grid:#2d343d;--c0:#6cb0ff;--c1:#ff9a4d;--c2:#4ecb8b;\
--c3:#c09bff;--halo:#161b22}}\
.tx text{fill:var(--soft);font-variant-numeric:tabular-nums}.tx .t{fill:var(--ink);font-size:16px;font-weight:600}\
.tx .v{font-weight:600;paint-order:stroke;stroke:var(--halo);stroke-width:3px}.tx .g{stroke:var(--grid)}.tx .a{stroke:var(--soft)}\
.tx .l{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}.tx .d{stroke-dasharray:1.5 5}";

/// Draws a chart as one SVG element, complete in itself.
pub fn line_chart(chart: &Chart) -> String {
    let points = || {
        chart
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter(|point| finite(point))
    };
    let (left, right) = range(points().map(|point| point.0));
    let (mut low, mut high) = range(points().map(|point| point.1));
    // A scale from nought where that costs less than half the picture.
    if low > 0.0 && (chart.from_zero || low < 0.5 * high) {
        low = 0.0;
    }
    let x_ticks = ticks(left, right, 8, !chart.fractions);
    let y_ticks = ticks(low, high, 5, false);
    low = low.min(y_ticks[0]);
    // The topmost line of the grid lies at or above every point.
    let step = y_ticks[1] - y_ticks[0];
    let mut y_ticks = y_ticks;
    while y_ticks[y_ticks.len() - 1] < high - step * 1e-9 {
        y_ticks.push(y_ticks[y_ticks.len() - 1] + step);
    }
    high = y_ticks[y_ticks.len() - 1];

    let frame = Frame {
        left,
        right,
        low,
        high,
    };

    let title = escape(&chart.title);
    let mut svg = format!(
        "<svg class=\"tx\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\"><style>{STYLE}</style>\n"
    );
    let unit = if chart.unit.is_empty() {
        String::new()
    } else {
        format!(" ({})", escape(&chart.unit))
    };
    put(
        &mut svg,
        format_args!(
            "<text class=\"t\" x=\"16\" y=\"26\">{title}<tspan font-weight=\"400\">{unit}</tspan></text>"
        ),
    );
    legend(&mut svg, chart);

    let digits = decimals(step);
    for tick in &y_ticks {
        let y = frame.y(*tick);
        put(
            &mut svg,
            format_args!(
                "<line class=\"g\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            ),
        );
        let text = label(*tick, digits);
        put(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 9.0,
                y + 4.0
            ),
        );
    }
    let floor = HEIGHT - BOTTOM;
    put(
        &mut svg,
        format_args!(
            "<line class=\"a\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{floor}\" y2=\"{floor}\"/>",
            WIDTH - RIGHT
        ),
    );
    let digits = decimals(x_ticks[1] - x_ticks[0]);
    for tick in x_ticks.iter().filter(|tick| (left..=right).contains(*tick)) {
        let x = frame.x(*tick);
        put(
            &mut svg,
            format_args!(
                "<line class=\"a\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{floor}\" y2=\"{}\"/>",
                floor + 5.0
            ),
        );
        let text = label(*tick, digits);
        put(
            &mut svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                floor + 20.0
            ),
        );
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    put(
        &mut svg,
        format_args!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 10.0,
            escape(&chart.x_label)
        ),
    );

    for index in (0..chart.series.len()).rev() {
        line(&mut svg, chart, index, &frame);
    }
    last_values(&mut svg, chart, &frame);
    svg += "</svg>\n";
    svg
}

/// What the picture shows, and where on it.
struct Frame {
    left: f64,
    right: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Adds an element on a line of its own.
pub(crate) fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("writing to a text cannot fail");
}

/// Dashes of the lines, so that they are told apart without colour, too.
const DASHES: [&str; 4] = ["none", "9 4", "12 4 2 4", "3 3"];

/// The place of a line among those that are not dotted: dotted ones share that of the line before them.
fn look(chart: &Chart, index: usize) -> usize {
    let plain = chart.series[..=index]
        .iter()
        .filter(|series| !series.dashed)
        .count();
    plain.saturating_sub(1) % 4
}

fn colour(chart: &Chart, index: usize) -> String {
    format!("var(--c{})", look(chart, index))
}

/// How a line is drawn: its class and its attributes.
fn pen(chart: &Chart, index: usize) -> String {
    match chart.series[index].dashed {
        true => format!("class=\"l d\" stroke=\"{}\"", colour(chart, index)),
        false => format!(
            "class=\"l\" stroke-dasharray=\"{}\" stroke=\"{}\"",
            DASHES[look(chart, index)],
            colour(chart, index)
        ),
    }
}

/// A point of a line: every other line has rings.
fn dot(svg: &mut String, chart: &Chart, index: usize, (x, y): (f64, f64)) {
    let colour = colour(chart, index);
    let fill = match look(chart, index) % 2 {
        0 => colour.as_str(),
        _ => "var(--halo)",
    };
    put(
        svg,
        format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.75\" fill=\"{fill}\" stroke=\"{colour}\"/>"
        ),
    );
}

fn legend(svg: &mut String, chart: &Chart) {
    if chart.series.len() < 2 {
        return;
    }
    let mut x = 16.0;
    for (index, series) in chart.series.iter().enumerate() {
        if series.name.is_empty() {
            continue;
        }
        if series.dots {
            dot(svg, chart, index, (x + 14.0, 45.0));
        } else {
            put(
                svg,
                format_args!(
                    "<line {} x1=\"{x}\" x2=\"{}\" y1=\"45\" y2=\"45\"/>",
                    pen(chart, index),
                    x + 22.0
                ),
            );
        }
        put(
            svg,
            format_args!(
                "<text x=\"{}\" y=\"49\">{}</text>",
                x + 29.0,
                escape(&series.name)
            ),
        );
        x += 29.0 + 6.6 * series.name.chars().count() as f64 + 22.0;
    }
}

fn line(svg: &mut String, chart: &Chart, index: usize, frame: &Frame) {
    let series = &chart.series[index];
    let mut path = String::new();
    let mut stroke = 'M';
    for point in &series.points {
        if finite(point) {
            write!(
                path,
                "{stroke}{:.1} {:.1}",
                frame.x(point.0),
                frame.y(point.1)
            )
            .expect("writing to a text cannot fail");
            stroke = 'L';
        } else {
            stroke = 'M';
        }
    }
    if !path.is_empty() && !series.dots {
        put(
            svg,
            format_args!("<path {} d=\"{path}\"/>", pen(chart, index)),
        );
    }
    if series.dots || (series.points.len() <= DOTTED && !series.dashed) {
        for point in series.points.iter().filter(|point| finite(point)) {
            dot(svg, chart, index, (frame.x(point.0), frame.y(point.1)));
        }
    }
}

/// The last value of each line, at its end, pushed apart where they would overlap.
fn last_values(svg: &mut String, chart: &Chart, frame: &Frame) {
    let mut ends: Vec<(f64, f64, usize, f64)> = Vec::new();
    for (index, series) in chart.series.iter().enumerate() {
        if series.dots || series.name.is_empty() {
            continue;
        }
        if let Some(&(x, y)) = series.points.iter().rev().find(|point| finite(point)) {
            ends.push((frame.y(y), frame.x(x), index, y));
        }
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut heights: Vec<f64> = ends.iter().map(|end| end.0).collect();
    apart(&mut heights, SPACING, HEIGHT - BOTTOM);
    for (y, (_, x, index, value)) in heights.into_iter().zip(ends) {
        let text = significant(value);
        let (x, y) = beside((x, y), 7.0 * text.len() as f64, chart, frame);
        put(
            svg,
            format_args!(
                "<text class=\"v\" x=\"{x:.1}\" y=\"{:.1}\" style=\"fill:{}\">{text}</text>",
                y + 4.0,
                colour(chart, index)
            ),
        );
    }
}

/// Where a text of this width begins, and its middle height: right of a point, or above, below or left of it where it would
/// hide one of the points that stand alone.
fn beside((x, y): (f64, f64), width: f64, chart: &Chart, frame: &Frame) -> (f64, f64) {
    let alone = || chart.series.iter().filter(|series| series.dots);
    let hides = |&(left, middle): &(f64, f64)| {
        let mut points = alone().flat_map(|series| &series.points);
        points.any(|&(px, py)| {
            let (across, up) = (frame.x(px) - left - width / 2.0, frame.y(py) - middle);
            across.abs() < width / 2.0 + 4.0 && up.abs() < 11.0
        })
    };
    let right = (x + 9.0, y);
    let others = [
        (x - width / 2.0, y - 15.0),
        (x - width / 2.0, y + 15.0),
        (x - width - 9.0, y),
    ];
    let within = |&(left, middle): &(f64, f64)| {
        left > LEFT && middle > TOP && middle < HEIGHT - BOTTOM - 6.0
    };
    let free = |place: &(f64, f64)| !hides(place);
    let mut places = [right].into_iter().chain(others.into_iter().filter(within));
    places.find(free).unwrap_or(right)
}

/// Pushes texts apart that would overlap: heights in rising order, none of them below the floor, pixels.
pub(super) fn apart(heights: &mut [f64], spacing: f64, floor: f64) {
    for i in 1..heights.len() {
        heights[i] = heights[i].max(heights[i - 1] + spacing);
    }
    // Those pushed below the floor move up again, and what is above them with them.
    let mut floor = floor;
    for height in heights.iter_mut().rev() {
        *height = height.min(floor);
        floor = *height - spacing;
    }
}

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// The least and the greatest, apart from each other also where there is one value or none.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    if low > high {
        return (0.0, 1.0);
    }
    if high - low > f64::EPSILON * high.abs().max(low.abs()) * 16.0 {
        return (low, high);
    }
    if low > 0.0 {
        (0.0, low * 1.25)
    } else {
        (low - 1.0, low + 1.0)
    }
}

/// Text that stands for itself in HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
