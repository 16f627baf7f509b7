//! Points over two logarithmic axes.

use crate::report::chart::{STYLE, escape, put};
use crate::report::numbers::significant;

/// Points of several kinds.
pub(super) struct Scatter<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    pub(super) kinds: Vec<Kind>,
    /// Straight lines `y = factor · x^power`, with their names.
    pub(super) lines: Vec<(f64, f64, String)>,
}

/// Points of one colour.
#[derive(Default)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) points: Vec<Point>,
}

/// A point: its radius in pixels, and what is said of it where it is pointed at.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) radius: f64,
    pub(super) said: String,
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 52.0;

/// How kinds are told apart without colour, too: filled, a ring, half filled, a broken ring.
const FILLS: [&str; 4] = [".75", "0", ".3", "0"];
const DASHES: [&str; 4] = ["", "", "", "stroke-dasharray=\"2 2\""];

/// A range of a logarithmic axis, with a margin on both sides.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let logs = values.filter(|x| *x > 0.0 && x.is_finite()).map(f64::log10);
        let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        let margin = (0.06 * (high - low)).max(0.1);
        Self {
            low: low - margin,
            high: high + margin,
        }
    }

    /// From 0 to 1.
    fn place(&self, x: f64) -> f64 {
        (x.log10() - self.low) / (self.high - self.low)
    }

    /// Powers of ten, with 2 and 5 times them where these are few.
    fn ticks(&self) -> Vec<f64> {
        let factors: &[f64] = match self.high - self.low {
            span if span < 2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        let all =
            powers.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
        all.filter(|tick| (0.0..=1.0).contains(&self.place(*tick)))
            .collect()
    }
}

/// As one SVG element, complete in itself.
pub(super) fn scatter(chart: &Scatter) -> String {
    let points = || chart.kinds.iter().flat_map(|kind| &kind.points);
    let across = Axis::over(points().map(|p| p.x));
    // A line is seen also where all points are far from it.
    let middle = 10f64.powf(0.5 * (across.low + across.high));
    let on_lines = chart.lines.iter();
    let on_lines = on_lines.map(|(factor, power, _)| factor * middle.powf(*power));
    let up = Axis::over(points().map(|p| p.y).chain(on_lines));
    let at_x = |x: f64| LEFT + across.place(x) * (WIDTH - LEFT - RIGHT);
    let at_y = |y: f64| HEIGHT - BOTTOM - up.place(y) * (HEIGHT - TOP - BOTTOM);
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let title = escape(chart.title);
    let mut svg = format!(
        "<svg class=\"tx\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\"><style>{STYLE}</style>\n<text class=\"t\" x=\"16\" y=\"26\">{title}</text>\n"
    );
    for tick in up.ticks() {
        let (y, text) = (at_y(tick), significant_tick(tick));
        put(
            &mut svg,
            format_args!(
                "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 9.0,
                y + 4.0
            ),
        );
    }
    put(
        &mut svg,
        format_args!(
            "<line class=\"a\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{floor}\" y2=\"{floor}\"/>"
        ),
    );
    for tick in across.ticks() {
        let (x, text) = (at_x(tick), significant_tick(tick));
        put(
            &mut svg,
            format_args!(
                "<line class=\"a\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{floor}\" y2=\"{}\"/>",
                floor + 5.0
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                floor + 20.0
            ),
        );
    }
    let middle = (LEFT + right) / 2.0;
    put(
        &mut svg,
        format_args!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 10.0,
            escape(chart.x)
        ),
    );
    put(
        &mut svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"{}\">{}</text>",
            TOP - 8.0,
            escape(chart.y)
        ),
    );
    for (factor, power, name) in &chart.lines {
        line(&mut svg, [&across, &up], [*factor, *power], name);
    }
    let mut x = 16.0;
    for (index, kind) in chart.kinds.iter().enumerate() {
        let colour = format!("var(--c{})", index % 4);
        let dashes = DASHES[index % 4];
        put(
            &mut svg,
            format_args!(
                "<circle cx=\"{}\" cy=\"45\" r=\"4\" fill=\"{colour}\" fill-opacity=\"{}\" stroke=\"{colour}\" {dashes}/>",
                x + 4.0,
                FILLS[index % 4]
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"49\">{}</text>",
                x + 13.0,
                escape(&kind.name)
            ),
        );
        x += 13.0 + 6.6 * kind.name.chars().count() as f64 + 18.0;
        for point in kind.points.iter().filter(|p| p.x > 0.0 && p.y > 0.0) {
            put(
                &mut svg,
                format_args!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\" fill=\"{colour}\" fill-opacity=\"{}\" stroke=\"{colour}\" \
                     {dashes}><title>{}</title></circle>",
                    at_x(point.x),
                    at_y(point.y),
                    point.radius,
                    FILLS[index % 4],
                    escape(&point.said)
                ),
            );
        }
    }
    svg + "</svg>\n"
}

fn significant_tick(tick: f64) -> String {
    match tick {
        1e6.. => format!("{} M", trimmed(tick / 1e6)),
        1e3.. => format!("{} k", trimmed(tick / 1e3)),
        0.01.. => trimmed(tick),
        _ => significant(tick),
    }
}

fn trimmed(x: f64) -> String {
    crate::report::numbers::trimmed(x, 3)
}

/// The part of a line that the picture shows, with its name at the upper end.
fn line(svg: &mut String, [across, up]: [&Axis; 2], [factor, power]: [f64; 2], name: &str) {
    let height = |x: f64| factor.log10() + power * x;
    // Where the line is within the picture, in steps that no eye tells from the ends.
    let steps = (0..=1000).map(|i| across.low + f64::from(i) / 1000.0 * (across.high - across.low));
    let inside: Vec<f64> = steps
        .filter(|x| (up.low..=up.high).contains(&height(*x)))
        .collect();
    let (Some(&from), Some(&to)) = (inside.first(), inside.last()) else {
        return;
    };
    let at = |x: f64| {
        let across = (x - across.low) / (across.high - across.low);
        let up = (height(x) - up.low) / (up.high - up.low);
        (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )
    };
    let ((x1, y1), (x2, y2)) = (at(from), at(to));
    put(
        svg,
        format_args!(
            "<line class=\"a\" stroke-dasharray=\"4 3\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ),
    );
    put(
        svg,
        format_args!(
            "<text class=\"v\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            x2 - 8.0,
            (y2 + 14.0).max(TOP + 12.0),
            escape(name)
        ),
    );
}
