//! Any picture to a square of the network's side.

use fast_image_resize as fir;

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
    /// Cubic of Catmull and Rom, close to Pillow's `BICUBIC`.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// Longest side over shortest up to which the whole picture is resized; beyond, its middle: a 16384×1 strip must not become 3.7 million pixels wide.
const MAX_ASPECT: usize = 8;

/// Resizes the shorter side to `side` pixels and cuts the middle square. A picture of that size already is returned as it is.
///
/// # Panics
///
/// Where `picture.rgb` is not `height × width × 3` bytes or a side is 0, which no decoder here gives.
#[must_use]
pub fn fit(picture: &Picture, side: usize, interpolation: Interpolation) -> Picture {
    let short = picture.width.min(picture.height);
    assert!(short > 0 && side > 0, "a picture has at least one pixel");
    if picture.width.max(picture.height) > short * MAX_ASPECT {
        let middle = crop(
            picture,
            picture.width.min(short * MAX_ASPECT),
            picture.height.min(short * MAX_ASPECT),
        );
        return fit(&middle, side, interpolation);
    }
    if short == side {
        return crop(picture, side, side);
    }
    // The longer side is rounded down, as torchvision does.
    let width = side * picture.width / short;
    let height = side * picture.height / short;
    crop(&resize(picture, width, height, interpolation), side, side)
}

fn resize(picture: &Picture, width: usize, height: usize, interpolation: Interpolation) -> Picture {
    let algorithm = match interpolation {
        Interpolation::Nearest => fir::ResizeAlg::Nearest,
        Interpolation::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
        Interpolation::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
        Interpolation::Lanczos => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
    };
    let source = fir::images::ImageRef::new(
        picture.width as u32,
        picture.height as u32,
        &picture.rgb,
        fir::PixelType::U8x3,
    )
    .expect("a picture holds height × width × 3 bytes");
    let mut target = fir::images::Image::new(width as u32, height as u32, fir::PixelType::U8x3);
    fir::Resizer::new()
        .resize(
            &source,
            &mut target,
            &fir::ResizeOptions::new().resize_alg(algorithm),
        )
        .expect("both pictures have the same pixel type and at least one pixel");
    Picture {
        width,
        height,
        rgb: target.into_vec(),
    }
}

/// The middle `width × height` pixels; where the margin is odd, the extra pixel falls off as Python's `round` has it.
fn crop(picture: &Picture, width: usize, height: usize) -> Picture {
    if (picture.width, picture.height) == (width, height) {
        return picture.clone();
    }
    let half = |margin: usize| margin / 2 + usize::from(margin % 4 == 3);
    let (left, top) = (half(picture.width - width), half(picture.height - height));
    let rgb = picture
        .rgb
        .chunks_exact(picture.width * 3)
        .skip(top)
        .take(height)
        .flat_map(|row| &row[left * 3..(left + width) * 3])
        .copied()
        .collect();
    Picture { width, height, rgb }
}
