//! What curves are told apart by, colours, dashes and marks, and the legend of them.

use super::super::chart::{escape, put};
use super::{CHARACTER, EDGE};

/// Colours that are told apart by most eyes, and by brightness where two dashes are alike.
pub(super) const COLOURS: [&str; 6] = [
    "#1f5fd0", "#c2500a", "#15803d", "#7c3fc4", "#8a6100", "#b3125f",
];
const DASHES: [&str; 6] = ["none", "7 3.5", "2 3", "9 3 2 3", "13 4", "5 2 2 2 2 2"];

pub(super) fn stroke(svg: &mut String, path: &str, look: usize) {
    let (colour, dashes) = (COLOURS[look % 6], DASHES[look % 6]);
    put(
        svg,
        format_args!(
            "<path class=\"l\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\" d=\"{path}\"/>"
        ),
    );
}

/// A disc, a square, a triangle, a diamond, a ring, an empty square: a path from the middle, and whether it is filled.
fn shape(look: usize) -> (&'static str, bool) {
    let path = match look % 6 {
        0 | 4 => "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
        1 | 5 => "m-2.7-2.7h5.4v5.4h-5.4z",
        2 => "m0-3.6l3.4 6h-6.8z",
        _ => "m0-3.9l3.5 3.9l-3.5 3.9l-3.5-3.9z",
    };
    (path, look % 6 < 4)
}

pub(super) fn mark(svg: &mut String, (x, y): (f64, f64), look: usize) {
    let (path, filled) = shape(look);
    let colour = COLOURS[look % 6];
    let fill = if filled { colour } else { "#fff" };
    put(
        svg,
        format_args!("<path d=\"M{x:.1} {y:.1}{path}\" fill=\"{fill}\" stroke=\"{colour}\"/>"),
    );
}

/// Where each line of the legend stands: left to right, then in a new row.
pub(super) struct Legend {
    places: Vec<(f64, f64)>,
    pub(super) rows: usize,
}

impl Legend {
    pub(super) fn new(names: &[(usize, String)], room: f64) -> Self {
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
    pub(super) fn draw(&self, svg: &mut String, names: &[(usize, String)], joined: bool) {
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
