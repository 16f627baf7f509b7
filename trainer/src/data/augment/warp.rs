//! Operators that move pixels: each pixel of the result is looked up at an affine function of its place. Numbers as Pillow's
//! `Image.transform(size, AFFINE, ...)` has them: pixels are squares whose middles lie at one half, places outside of the picture
//! are filled, and neighbours beyond the edge are those at the edge.

use crate::data::Picture;

/// How a warp finds the colour between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// Of 2×2 pixels.
    Bilinear,
    /// Of 4×4 pixels, a cubic of slope -1.
    Bicubic,
}

/// How warps are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Warp {
    pub(super) sampling: Sampling,
    /// The colour of what comes from outside of the picture.
    pub(super) fill: [u8; 3],
}

/// Turns about the middle, `degrees` counter-clockwise.
pub(super) fn rotate(picture: &mut Picture, degrees: f64, warp: Warp) {
    if degrees == 0.0 {
        return;
    }
    let angle = -degrees.to_radians();
    let (sine, cosine) = angle.sin_cos();
    let [x, y] = [picture.width as f64 / 2.0, picture.height as f64 / 2.0];
    let matrix = [
        cosine,
        sine,
        x - cosine * x - sine * y,
        -sine,
        cosine,
        y + sine * x - cosine * y,
    ];
    affine(picture, matrix, warp);
}

/// Moves each row by `factor` times its distance from the top.
pub(super) fn shear_x(picture: &mut Picture, factor: f64, warp: Warp) {
    affine(picture, [1.0, factor, 0.0, 0.0, 1.0, 0.0], warp);
}

/// Moves each column by `factor` times its distance from the left.
pub(super) fn shear_y(picture: &mut Picture, factor: f64, warp: Warp) {
    affine(picture, [1.0, 0.0, 0.0, factor, 1.0, 0.0], warp);
}

/// Moves left by `share` of the width.
pub(super) fn translate_x(picture: &mut Picture, share: f64, warp: Warp) {
    let pixels = share * picture.width as f64;
    affine(picture, [1.0, 0.0, pixels, 0.0, 1.0, 0.0], warp);
}

/// Moves up by `share` of the height.
pub(super) fn translate_y(picture: &mut Picture, share: f64, warp: Warp) {
    let pixels = share * picture.height as f64;
    affine(picture, [1.0, 0.0, 0.0, 0.0, 1.0, pixels], warp);
}

/// Pixel (x, y) becomes what lies at (a x + b y + c, d x + e y + f).
fn affine(picture: &mut Picture, [a, b, c, d, e, f]: [f64; 6], warp: Warp) {
    let (width, height) = (picture.width, picture.height);
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let (x, y) = (a * x + b * y + c, d * x + e * y + f);
            let inside = x >= 0.0 && x < width as f64 && y >= 0.0 && y < height as f64;
            let pixel = match (inside, warp.sampling) {
                (false, _) => warp.fill,
                (true, Sampling::Bilinear) => bilinear(picture, x - 0.5, y - 0.5),
                (true, Sampling::Bicubic) => bicubic(picture, x - 0.5, y - 0.5),
            };
            rgb.extend(pixel);
        }
    }
    picture.rgb = rgb;
}

/// Where pixel (x, y) begins; beyond an edge, the pixel at that edge.
fn at(picture: &Picture, x: i64, y: i64) -> usize {
    let x = x.clamp(0, picture.width as i64 - 1) as usize;
    let y = y.clamp(0, picture.height as i64 - 1) as usize;
    (y * picture.width + x) * 3
}

fn bilinear(picture: &Picture, x: f64, y: f64) -> [u8; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let (left, top) = (left as i64, top as i64);
    let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| at(picture, left + i, top + j));
    std::array::from_fn(|channel| {
        let [a, b, c, d] = corners.map(|start| f64::from(picture.rgb[start + channel]));
        let (upper, lower) = (a + (b - a) * dx, c + (d - c) * dx);
        // What follows the point falls off.
        (upper + (lower - upper) * dy) as u8
    })
}

fn bicubic(picture: &Picture, x: f64, y: f64) -> [u8; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let (left, top) = (left as i64 - 1, top as i64 - 1);
    std::array::from_fn(|channel| {
        let row = |j: i64| {
            let byte = |i| f64::from(picture.rgb[at(picture, left + i, top + j) + channel]);
            cubic([byte(0), byte(1), byte(2), byte(3)], dx)
        };
        // Cut to 0 to 255, and what follows the point falls off.
        cubic([row(0), row(1), row(2), row(3)], dy) as u8
    })
}

/// Between the second and the third of four numbers, `d` of the way: the cubic through both with the slopes (v₂ - v₀) and
/// (v₃ - v₁), which is the convolution kernel of Keys 1981 with a = -1.
fn cubic([v0, v1, v2, v3]: [f64; 4], d: f64) -> f64 {
    let linear = v2 - v0;
    let square = 2.0 * (v0 - v1) + v2 - v3;
    let cube = v1 - v0 + v3 - v2;
    v1 + d * (linear + d * (square + d * cube))
}
