//! Operators that look every byte up in a table, one table a channel. Numbers as Pillow's `ImageOps` has them.

use crate::data::Picture;

type Table = [u8; 256];

const LEVELS: f64 = 255.0;

/// White becomes black, and so on between.
pub(super) fn invert(picture: &mut Picture) {
    look_up(picture, &[from(|level| 255 - level); 3]);
}

/// Keeps the upper `bits` of each byte, 1 to 8.
pub(super) fn posterize(picture: &mut Picture, bits: u32) {
    let mask = !(0xFF_u32 >> bits.clamp(1, 8));
    look_up(picture, &[from(|level| level & mask as i64); 3]);
}

/// Inverts what is not below `threshold`.
pub(super) fn solarize(picture: &mut Picture, threshold: i64) {
    let table = from(|level| match level < threshold {
        true => level,
        false => 255 - level,
    });
    look_up(picture, &[table; 3]);
}

/// Lightens the darker half of all levels by `add`.
pub(super) fn solarize_add(picture: &mut Picture, add: i64) {
    let table = from(|level| if level < 128 { level + add } else { level });
    look_up(picture, &[table; 3]);
}

/// Stretches each channel so that its darkest byte becomes 0 and its lightest 255; one of a single level stays.
pub(super) fn auto_contrast(picture: &mut Picture) {
    let tables = histograms(picture).map(|counts| {
        let darkest = counts.iter().position(|&count| count > 0).unwrap_or(0);
        let lightest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        if lightest <= darkest {
            return from(|level| level);
        }
        let scale = LEVELS / (lightest - darkest) as f64;
        from(|level| (level as f64 * scale - darkest as f64 * scale) as i64)
    });
    look_up(picture, &tables);
}

/// Spreads the levels of each channel so that each is about as frequent as any other.
pub(super) fn equalize(picture: &mut Picture) {
    let tables = histograms(picture).map(|counts| {
        let lightest = counts.iter().rfind(|&&count| count > 0).unwrap_or(&0);
        // The share of the pixels for each of 255 steps; the lightest level is what is left at the end.
        let step = (counts.iter().sum::<usize>() - lightest) / 255;
        if step == 0 {
            return from(|level| level);
        }
        let mut below = step / 2;
        let mut table = [0; 256];
        for (entry, count) in table.iter_mut().zip(counts) {
            *entry = (below / step).min(255) as u8;
            below += count;
        }
        table
    });
    look_up(picture, &tables);
}

/// A table from a rule, whose results are cut to 0 to 255.
fn from(rule: impl Fn(i64) -> i64) -> Table {
    std::array::from_fn(|level| rule(level as i64).clamp(0, 255) as u8)
}

fn look_up(picture: &mut Picture, tables: &[Table; 3]) {
    for pixel in picture.rgb.chunks_exact_mut(3) {
        for (byte, table) in pixel.iter_mut().zip(tables) {
            *byte = table[usize::from(*byte)];
        }
    }
}

/// How often each level stands in each channel.
fn histograms(picture: &Picture) -> [[usize; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in picture.rgb.chunks_exact(3) {
        for (counts, &byte) in counts.iter_mut().zip(pixel) {
            counts[usize::from(byte)] += 1;
        }
    }
    counts
}
