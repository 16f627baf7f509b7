//! Maps as pictures.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::{Map, heat};
use crate::data::Picture;

/// Pixels between the pictures of a grid.
const GAP: usize = 4;

/// The picture with the map's colours over it, the map stretched to the picture: `opacity` 0 leaves the picture, 1 the
/// colours. What is not above 0 counts as 0; the largest number of the map has the brightest colour.
#[must_use]
pub fn overlay(picture: &Picture, map: &Map, opacity: f32) -> Picture {
    let largest = map.data.iter().copied().fold(0.0, f32::max);
    let scale = if largest > 0.0 { 1.0 / largest } else { 0.0 };
    let opacity = opacity.clamp(0.0, 1.0);
    let Picture { width, height, .. } = *picture;
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for (i, pixel) in picture.rgb.chunks_exact(3).enumerate() {
        let number = stretched(map, [height, width], [i / width, i % width]);
        let colour = heat(number * scale);
        let mix = |(&under, over): (&u8, u8)| {
            let (under, over) = (f32::from(under), f32::from(over));
            (under + (over - under) * opacity).round() as u8
        };
        rgb.extend(pixel.iter().zip(colour).map(mix));
    }
    Picture { width, height, rgb }
}

/// The map's number at a pixel of a picture of these sides, between the nearest four places; below 0 counts as 0.
fn stretched(map: &Map, sides: [usize; 2], at: [usize; 2]) -> f32 {
    // Middle on middle; beyond the outermost places their numbers go on.
    let along = |axis: usize| {
        let of = map.sides[axis];
        let place = (at[axis] as f32 + 0.5) * of as f32 / sides[axis] as f32 - 0.5;
        let place = place.clamp(0.0, (of - 1) as f32);
        let first = place as usize;
        (first, (first + 1).min(of - 1), place - first as f32)
    };
    let ((top, bottom, down), (left, right, across)) = (along(0), along(1));
    let number = |row: usize, column: usize| map.data[row * map.sides[1] + column].max(0.0);
    let row = |row: usize| number(row, left) * (1.0 - across) + number(row, right) * across;
    row(top) * (1.0 - down) + row(bottom) * down
}

/// Pictures in rows and columns on white, each in a cell of the largest one's size.
#[must_use]
pub fn grid(rows: &[Vec<Picture>]) -> Picture {
    let all = || rows.iter().flatten();
    let cell_width = all().map(|p| p.width).max().unwrap_or(0) + GAP;
    let cell_height = all().map(|p| p.height).max().unwrap_or(0) + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (columns * cell_width + GAP, rows.len() * cell_height + GAP);
    let mut rgb = vec![255; width * height * 3];
    for (r, row) in rows.iter().enumerate() {
        for (c, picture) in row.iter().enumerate() {
            let (left, top) = (c * cell_width + GAP, r * cell_height + GAP);
            for (y, line) in picture
                .rgb
                .chunks_exact(picture.width.max(1) * 3)
                .enumerate()
            {
                let at = ((top + y) * width + left) * 3;
                rgb[at..at + line.len()].copy_from_slice(line);
            }
        }
    }
    Picture { width, height, rgb }
}

/// The bytes of a PNG file.
#[must_use]
pub fn png(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            &picture.rgb,
            picture.width as u32,
            picture.height as u32,
            ExtendedColorType::Rgb8,
        )
        .expect("a picture holds height × width × 3 bytes, and memory takes them");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: usize, height: usize, colour: [u8; 3]) -> Picture {
        Picture {
            width,
            height,
            rgb: colour.repeat(width * height),
        }
    }

    fn map(sides: [usize; 2], data: &[f32]) -> Map {
        Map {
            class: 0,
            sides,
            data: data.to_vec(),
        }
    }

    #[test]
    fn a_map_is_stretched_with_middles_on_middles() {
        let map = map([1, 2], &[0.0, 4.0]);
        let at = |column| stretched(&map, [3, 4], [1, column]);
        assert_eq!([at(0), at(1), at(2), at(3)], [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn the_largest_number_is_brightest_and_what_speaks_against_is_dark() {
        let grey = plain(2, 2, [100; 3]);
        let shown = overlay(&grey, &map([2, 2], &[-5.0, 0.0, 1.0, 2.0]), 1.0);
        let pixels: Vec<&[u8]> = shown.rgb.chunks_exact(3).collect();
        assert_eq!(pixels, [heat(0.0), heat(0.0), heat(0.5), heat(1.0)]);
        assert_eq!(overlay(&grey, &map([1, 1], &[1.0]), 0.0), grey);
        let none = overlay(&grey, &map([1, 1], &[-1.0]), 0.5);
        assert_eq!(
            none.rgb[0],
            ((100.0 + f32::from(heat(0.0)[0])) / 2.0).round() as u8
        );
    }

    #[test]
    fn a_grid_has_rows_of_any_length() {
        let (red, blue) = (plain(2, 1, [255, 0, 0]), plain(1, 3, [0, 0, 255]));
        let grid = grid(&[vec![red.clone(), blue], vec![red]]);
        assert_eq!(
            (grid.width, grid.height),
            (2 * (2 + GAP) + GAP, 2 * (3 + GAP) + GAP)
        );
        let pixel = |x: usize, y: usize| &grid.rgb[(y * grid.width + x) * 3..][..3];
        assert_eq!(pixel(GAP, GAP), [255, 0, 0]);
        assert_eq!(pixel(2 + 2 * GAP, GAP + 2), [0, 0, 255]);
        assert_eq!(pixel(GAP + 1, 3 + 2 * GAP), [255, 0, 0]);
        assert_eq!(pixel(2 + 2 * GAP, 3 + 2 * GAP), [255; 3]);
    }

    #[test]
    fn a_png_decodes_to_the_same_pixels() {
        let picture = overlay(&plain(3, 2, [9, 8, 7]), &map([2, 1], &[1.0, 0.3]), 0.4);
        let decoded = crate::data::decode(&png(&picture), "overlay.png".as_ref());
        assert_eq!(decoded.unwrap(), picture);
    }
}
