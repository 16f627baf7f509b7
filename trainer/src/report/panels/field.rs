//! A panel's field: its grid, its curves with their names, and the numbers beside it.

use std::fmt::Write;

use super::super::chart::{apart, escape, put};
use super::axis::Span;
use super::look::{COLOURS, mark, stroke};
use super::{Curve, Drawn, Panel, shortened};

/// Where a panel lies and what it covers.
pub(super) struct Frame<'a> {
    pub(super) x: Span<'a>,
    pub(super) y: Span<'a>,
}

pub(super) fn field(svg: &mut String, panel: &Panel, frame: &Frame<'_>) {
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
pub(super) fn numbers_left(svg: &mut String, panel: &Panel, frame: &Frame<'_>) {
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
