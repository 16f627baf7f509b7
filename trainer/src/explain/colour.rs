//! Colours of a heat map.

use std::sync::LazyLock;

/// Lightness from and to; hue in degrees, from violet through red to yellow; chroma where the screen can show it.
const LIGHTNESS: [f64; 2] = [0.18, 0.94];
const HUE: [f64; 2] = [290.0, 465.0];
const CHROMA: f64 = 0.21;

static COLOURS: LazyLock<[[u8; 3]; 256]> =
    LazyLock::new(|| std::array::from_fn(|i| colour(i as f64 / 255.0)));

/// The colour of a number from 0, dark violet, to 1, light yellow, as sRGB.
///
/// Lightness grows evenly to the eye, so that the map reads the same in grey: a straight line in Oklab's lightness
/// (<https://bottosson.github.io/posts/oklab/>).
#[must_use]
pub fn heat(x: f32) -> [u8; 3] {
    // What is not a number becomes 0.
    COLOURS[(x.clamp(0.0, 1.0) * 255.0).round() as usize]
}

fn colour(x: f64) -> [u8; 3] {
    let along = |[from, to]: [f64; 2]| from + (to - from) * x;
    let (lightness, hue) = (along(LIGHTNESS), along(HUE).to_radians());
    let rgb = |chroma: f64| linear(lightness, chroma * hue.cos(), chroma * hue.sin());
    let shown = |rgb: [f64; 3]| rgb.iter().all(|c| (0.0..=1.0).contains(c));
    // The most colourful that the screen shows, by halving.
    let (mut chroma, mut step) = (0.0, CHROMA);
    for _ in 0..24 {
        step /= 2.0;
        if shown(rgb(chroma + step)) {
            chroma += step;
        }
    }
    rgb(chroma).map(|c| {
        let c = c.clamp(0.0, 1.0);
        let curved = match c <= 0.003_130_8 {
            true => 12.92 * c,
            false => 1.055 * c.powf(1.0 / 2.4) - 0.055,
        };
        (curved * 255.0).round() as u8
    })
}

/// Oklab to linear sRGB, by the matrices of the page that [`heat`] names.
fn linear(lightness: f64, a: f64, b: f64) -> [f64; 3] {
    let cube = |ka: f64, kb: f64| (lightness + ka * a + kb * b).powi(3);
    let l = cube(0.396_337_777_4, 0.215_803_757_3);
    let m = cube(-0.105_561_345_8, -0.063_854_172_8);
    let s = cube(-0.089_484_177_5, -1.291_485_548);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_number_is_always_lighter() {
        let luminance = |i: u32| {
            let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
            let [r, g, b] = heat(i as f32 / 32.0).map(linear);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for i in 0..32 {
            assert!(luminance(i) < luminance(i + 1), "at {i} of 32");
        }
        assert!(luminance(0) < 0.05 && luminance(32) > 0.75);
    }

    #[test]
    fn white_is_white_and_what_is_no_number_is_dark() {
        for c in linear(1.0, 0.0, 0.0) {
            assert!((c - 1.0).abs() < 1e-6, "{c}");
        }
        assert_eq!(heat(f32::NAN), heat(0.0));
        assert_eq!(heat(7.0), heat(1.0));
    }
}
