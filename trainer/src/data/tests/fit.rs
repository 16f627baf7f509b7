use super::sample;
use crate::data::{Interpolation, Picture, fit};

#[test]
fn fit_returns_a_picture_of_that_size_as_it_is() {
    let picture = sample(32, 32);
    for interpolation in [Interpolation::Bilinear, Interpolation::Lanczos] {
        assert_eq!(fit(&picture, 32, interpolation), picture);
    }
}

#[test]
fn fit_cuts_the_middle_of_the_longer_side() {
    let picture = sample(9, 5);
    let fitted = fit(&picture, 5, Interpolation::Bilinear);
    let row = |picture: &Picture, y: usize, from: usize| {
        picture.rgb[3 * (y * picture.width + from)..][..15].to_vec()
    };
    assert_eq!((fitted.width, fitted.height), (5, 5));
    for y in 0..5 {
        assert_eq!(row(&fitted, y, 0), row(&picture, y, 2));
    }
}

/// A checkerboard halved is grey; picking every other pixel would give black or white.
#[test]
fn fit_shrinks_without_aliasing() {
    let rgb = (0..64 * 64).flat_map(|i| [if (i / 64 + i % 64) % 2 == 0 { 0 } else { 255 }; 3]);
    let board = Picture {
        width: 64,
        height: 64,
        rgb: rgb.collect(),
    };
    let fitted = fit(&board, 16, Interpolation::Bilinear);
    assert!(
        fitted.rgb.iter().all(|value| value.abs_diff(128) < 12),
        "{:?}",
        &fitted.rgb[..12]
    );
}

/// Made with Pillow 13.0.0: `Image.fromarray(a).resize((2, 2), Image.BILINEAR)`, where row y, column x of the 4×4
/// picture is 16 y + 4 x in all channels.
#[test]
fn fit_gives_pillows_bilinear_numbers() {
    let rgb = (0..16)
        .flat_map(|i| [(i / 4 * 16 + i % 4 * 4) as u8; 3])
        .collect();
    let fitted = fit(
        &Picture {
            width: 4,
            height: 4,
            rgb,
        },
        2,
        Interpolation::Bilinear,
    );
    let grey: Vec<u8> = fitted.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert_eq!(grey, [14, 20, 40, 46]);
}

#[test]
fn fit_takes_any_shape() {
    for (width, height) in [(1, 1), (1, 900), (900, 1), (3, 5), (16_384, 1), (640, 427)] {
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos,
        ] {
            let fitted = fit(&sample(width, height), 33, interpolation);
            assert_eq!(
                (fitted.width, fitted.height, fitted.rgb.len()),
                (33, 33, 33 * 33 * 3)
            );
        }
    }
}
