//! Operators that move a picture away from, or towards, a duller one. Numbers as Pillow's `ImageEnhance` has them: factor 0 is
//! the dull picture, 1 the picture as it is, and beyond 1 the difference grows.

use crate::data::Picture;

/// Colour against its grey.
pub(super) fn color(picture: &mut Picture, factor: f32) {
    for pixel in picture.rgb.chunks_exact_mut(3) {
        let dull = grey(pixel);
        for byte in pixel {
            *byte = blend(dull, *byte, factor);
        }
    }
}

/// Every byte against the mean grey of the picture.
pub(super) fn contrast(picture: &mut Picture, factor: f32) {
    let pixels = picture.rgb.chunks_exact(3);
    let count = pixels.len().max(1) as f64;
    let sum: u64 = pixels.map(|pixel| u64::from(grey(pixel))).sum();
    let dull = (sum as f64 / count + 0.5) as u8;
    towards(picture, dull, factor);
}

/// Every byte against black.
pub(super) fn brightness(picture: &mut Picture, factor: f32) {
    towards(picture, 0, factor);
}

fn towards(picture: &mut Picture, dull: u8, factor: f32) {
    let table: [u8; 256] = std::array::from_fn(|level| blend(dull, level as u8, factor));
    for byte in &mut picture.rgb {
        *byte = table[usize::from(*byte)];
    }
}

/// The picture against its smoothed self: a 3×3 mean in which the pixel itself counts five times. The outermost pixels have
/// no such mean and stay as they are.
pub(super) fn sharpness(picture: &mut Picture, factor: f32) {
    let row = picture.width * 3;
    if picture.width < 3 || picture.height < 3 {
        return;
    }
    let source = picture.rgb.clone();
    for y in 1..picture.height - 1 {
        let above = &source[(y - 1) * row..y * row];
        let here = &source[y * row..(y + 1) * row];
        let below = &source[(y + 1) * row..(y + 2) * row];
        for x in 3..row - 3 {
            let three =
                |line: &[u8]| u32::from(line[x - 3]) + u32::from(line[x]) + u32::from(line[x + 3]);
            let sum = three(above) + three(here) + three(below) + 4 * u32::from(here[x]);
            // A thirteenth, rounded: thirteenths are never half-way.
            let dull = ((2 * sum + 13) / 26) as u8;
            picture.rgb[y * row + x] = blend(dull, here[x], factor);
        }
    }
}

/// Luma of ITU-R BT.601 in 16 bits after the point, rounded, as Pillow's `convert("L")`.
pub(super) fn grey(rgb: &[u8]) -> u8 {
    let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
    ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
}

/// Cut to 0 to 255, and whatever follows the point falls off.
fn blend(dull: u8, byte: u8, factor: f32) -> u8 {
    (f32::from(dull) + factor * (f32::from(byte) - f32::from(dull))) as u8
}
