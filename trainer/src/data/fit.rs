//! Any picture to a square of the network's side, or to several.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;
use triaxis_engine::ops::Moves;

use super::Picture;

/// How pixels are weighed when a picture is resized. All but `Nearest` widen with the reduction, so shrinking does not alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Triangle, as Pillow's `BILINEAR`.
    #[default]
    Bilinear,
    /// Cubic of Catmull and Rom, as Pillow's `BICUBIC`.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// Longest side over shortest up to which the whole picture is resized; beyond, its middle: a 16384×1 strip must not become 3.7 million pixels wide.
const MAX_ASPECT: usize = 8;

/// Which squares of a picture a network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Views {
    /// The middle.
    #[default]
    Centre,
    /// The middle, and its mirror image.
    Flip,
    /// The four corners and the middle.
    FiveCrop,
}

impl Views {
    /// How many squares.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Centre => 1,
            Self::Flip => 2,
            Self::FiveCrop => 5,
        }
    }
}

/// How a picture becomes squares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// The squares' side, in pixels.
    pub side: usize,
    /// Pixels of the shorter side before squares are cut, at least `side`.
    pub resized: usize,
    /// How pixels are weighed.
    pub interpolation: Interpolation,
    /// Which squares are cut.
    pub views: Views,
}

/// Resizes the shorter side to `side` pixels and cuts the middle square. A picture of that size already is returned as it is.
///
/// # Panics
///
/// As [`fit_views`].
#[must_use]
pub fn fit(picture: &Picture, side: usize, interpolation: Interpolation) -> Picture {
    let fit = Fit {
        side,
        resized: side,
        interpolation,
        views: Views::Centre,
    };
    fit_views(picture, &fit).remove(0)
}

/// Resizes the shorter side to `fit.resized` pixels, unless it has them, and cuts `fit.views`, each `side × side`.
///
/// # Panics
///
/// Where `picture.rgb` is not `height × width × 3` bytes or a side is 0, which no decoder here gives.
#[must_use]
pub fn fit_views(picture: &Picture, fit: &Fit) -> Vec<Picture> {
    let (short, side) = (picture.width.min(picture.height), fit.side);
    let resized = fit.resized.max(side);
    assert!(short > 0 && side > 0, "a picture has at least one pixel");
    if picture.width.max(picture.height) > short * MAX_ASPECT {
        let [width, height] = [picture.width, picture.height].map(|s| s.min(short * MAX_ASPECT));
        return fit_views(&cut(picture, middle(picture, width, height)), fit);
    }
    // The longer side is rounded down, as torchvision does.
    let [width, height] = [picture.width, picture.height].map(|s| resized * s / short);
    let whole = match short == resized {
        true => picture,
        false => &resize(picture, width, height, fit.interpolation),
    };
    let centre = middle(whole, side, side);
    let (right, bottom) = (whole.width - side, whole.height - side);
    match fit.views {
        Views::Centre => vec![cut(whole, centre)],
        Views::Flip => {
            let picture = cut(whole, centre);
            let mirrored = mirror(&picture);
            vec![picture, mirrored]
        }
        Views::FiveCrop => [(0, 0), (right, 0), (0, bottom), (right, bottom)]
            .map(|(left, top)| Part {
                left,
                top,
                ..centre
            })
            .into_iter()
            .chain([centre])
            .map(|square| cut(whole, square))
            .collect(),
    }
}

/// The whole picture in another size. As Pillow does: rows first, and the numbers between are bytes, too, which shows where a
/// cubic overshoots.
pub(super) fn resize(
    picture: &Picture,
    width: usize,
    height: usize,
    interpolation: Interpolation,
) -> Picture {
    let algorithm = match interpolation {
        Interpolation::Nearest => fir::ResizeAlg::Nearest,
        Interpolation::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
        Interpolation::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
        Interpolation::Lanczos => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
    };
    let narrow = resize_by(picture, width, picture.height, algorithm);
    resize_by(&narrow, width, height, algorithm)
}

/// The whole picture in another size, of four neighbours a pixel whatever the reduction: OpenCV's `INTER_LINEAR`.
pub(super) fn resize_as_opencv(picture: &Picture, width: usize, height: usize) -> Picture {
    let algorithm = fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear);
    resize_by(picture, width, height, algorithm)
}

fn resize_by(picture: &Picture, width: usize, height: usize, algorithm: fir::ResizeAlg) -> Picture {
    if (picture.width, picture.height) == (width, height) {
        return picture.clone();
    }
    // Typed pictures: the function for pictures of any type would bring the code of all thirteen.
    let [source_width, source_height] = [picture.width as u32, picture.height as u32];
    let source = TypedImageRef::<U8x3>::from_buffer(source_width, source_height, &picture.rgb)
        .expect("a picture holds height × width × 3 bytes");
    let mut rgb = vec![0; 3 * width * height];
    let mut target = TypedImage::<U8x3>::from_buffer(width as u32, height as u32, &mut rgb)
        .expect("as many bytes were made");
    let options = fir::ResizeOptions::new().resize_alg(algorithm);
    fir::Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("both pictures have at least one pixel");
    Picture { width, height, rgb }
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Columns before it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

/// The middle `width × height` pixels; where the margin is odd, the extra pixel falls off as Python's `round` has it.
fn middle(picture: &Picture, width: usize, height: usize) -> Part {
    let half = |margin: usize| margin / 2 + usize::from(margin % 4 == 3);
    Part {
        left: half(picture.width - width),
        top: half(picture.height - height),
        width,
        height,
    }
}

pub(super) fn cut(picture: &Picture, part: Part) -> Picture {
    let Part {
        left,
        top,
        width,
        height,
    } = part;
    if (picture.width, picture.height) == (width, height) {
        return picture.clone();
    }
    let mut rgb = Vec::with_capacity(width * height * 3);
    for row in picture
        .rgb
        .chunks_exact(picture.width * 3)
        .skip(top)
        .take(height)
    {
        rgb.extend_from_slice(&row[left * 3..(left + width) * 3]);
    }
    Picture { width, height, rgb }
}

/// The picture, left to right.
fn mirror(picture: &Picture) -> Picture {
    let rows = picture.rgb.chunks_exact(picture.width * 3);
    Picture {
        rgb: rows
            .flat_map(|row| row.chunks_exact(3).rev().flatten())
            .copied()
            .collect(),
        ..*picture
    }
}

/// The crop of the picture's own size that `moves` ask for, `fill` where it reaches beyond the picture.
pub(super) fn moved(picture: &Picture, moves: Moves, fill: [u8; 3]) -> Picture {
    let (width, height) = (picture.width as i64, picture.height as i64);
    let [down, right] = moves.shift.map(i64::from);
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for row in 0..height {
        for column in 0..width {
            let column = if moves.flipped {
                width - 1 - column
            } else {
                column
            };
            let (y, x) = (row + down, column + right);
            if (0..height).contains(&y) && (0..width).contains(&x) {
                let start = (y * width + x) as usize * 3;
                rgb.extend_from_slice(&picture.rgb[start..start + 3]);
            } else {
                rgb.extend(fill);
            }
        }
    }
    Picture { rgb, ..*picture }
}
