//! Which pictures of a batch are mixed, and how.

use crate::random::Stream;
use crate::recipe::Recipe;

/// How a batch is mixed: every picture with a partner, all by the same numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mix {
    /// The place of each picture's partner in the batch.
    pub(super) partners: Vec<u32>,
    /// What is kept of each picture, from 0 to 1, wherever no rectangle is put into it.
    pub(super) share: f64,
    /// Left, top, right and bottom of the rectangle that is the partner's, in pixels; the last two are the first outside.
    pub(super) rectangle: [u32; 4],
    /// What is kept of each target.
    pub(super) target: f64,
}

/// Which batch of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) epoch: u32,
    /// Its number in the epoch.
    pub(super) batch: u32,
    /// Its pictures.
    pub(super) pictures: u32,
    /// Their side, in pixels.
    pub(super) side: u32,
}

impl Mix {
    /// What the recipe draws for a batch, by its place in the epoch: mixup (<https://arxiv.org/abs/1710.09412>) or CutMix
    /// (<https://arxiv.org/abs/1905.04899>), whose rectangle has a random middle and is cut off at the edges; targets are mixed by
    /// the area that is left. As timm's mode `batch`, but that partners are random as in pycls.
    pub(super) fn draw(recipe: &Recipe, place: Place) -> Self {
        let Place {
            epoch,
            batch,
            pictures,
            side,
        } = place;
        let mut mix = Self {
            partners: (0..pictures).collect(),
            share: 1.0,
            rectangle: [0; 4],
            target: 1.0,
        };
        let augment = &recipe.augment;
        let over = recipe.mixup_off_epoch > 0 && epoch as usize >= recipe.mixup_off_epoch;
        let mut choice = Stream::new(recipe.seed, epoch, batch, "mixing");
        if over || f64::from(choice.uniform()) >= augment.mixup_prob {
            return mix;
        }
        let mut random = Stream::new(recipe.seed, epoch, batch, "mixup");
        random.shuffle(&mut mix.partners);
        let cuts = augment.cuts()
            && (recipe.mixup == 0.0 || f64::from(choice.uniform()) < augment.mixup_switch_prob);
        if !cuts {
            mix.share = random.beta(recipe.mixup);
            mix.target = mix.share;
            return mix;
        }
        mix.rectangle = match augment.cutmix_minmax {
            Some(range) => within(range, side, &mut choice),
            None => around(random.beta(augment.cutmix), side, &mut choice),
        };
        mix.target = left_by(mix.rectangle, side);
        mix
    }
}

/// What a rectangle leaves of a picture's area.
fn left_by(rectangle: [u32; 4], side: u32) -> f64 {
    let [left, top, right, bottom] = rectangle.map(f64::from);
    1.0 - (right - left) * (bottom - top) / f64::from(side * side)
}

/// A square of `1 - kept` of the area around any pixel, as far as it lies in the picture.
fn around(kept: f64, side: u32, random: &mut Stream) -> [u32; 4] {
    let middle = [random.below(side), random.below(side)];
    square(kept, side, middle)
}

/// That square around the pixel of this row and column.
fn square(kept: f64, side: u32, middle: [u32; 2]) -> [u32; 4] {
    let cut = (f64::from(side) * (1.0 - kept).sqrt()) as u32;
    let [[top, bottom], [left, right]] = middle.map(|middle| {
        [
            middle.saturating_sub(cut / 2),
            (middle + cut.div_ceil(2)).min(side),
        ]
    });
    [left, top, right, bottom]
}

/// A rectangle whose sides are such parts of the picture's, anywhere in it.
fn within([least, most]: [f64; 2], side: u32, random: &mut Stream) -> [u32; 4] {
    let [least, most] = [least, most].map(|part| (f64::from(side) * part) as u32);
    let mut ends = || {
        let cut = least + random.below(most - least);
        let start = random.below(side - cut + 1);
        [start, start + cut]
    };
    let ([top, bottom], [left, right]) = (ends(), ends());
    [left, top, right, bottom]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::recipe::Augment;

    /// A table of `tests/golden/mixing.json`, whose script says what its rows hold.
    fn golden(table: &str) -> Vec<Value> {
        let text = include_str!("../../tests/golden/mixing.json");
        let tables: Value = serde_json::from_str(text).unwrap();
        tables[table].as_array().unwrap().clone()
    }

    fn whole(number: &Value) -> u32 {
        number.as_u64().unwrap() as u32
    }

    fn mixes(recipe: &Recipe, epoch: u32) -> Vec<Mix> {
        let place = |batch| Place {
            epoch,
            batch,
            pictures: 8,
            side: 32,
        };
        (0..4000)
            .map(|batch| Mix::draw(recipe, place(batch)))
            .collect()
    }

    fn recipe(mixup: f64, change: impl FnOnce(&mut Augment)) -> Recipe {
        let mut recipe = Recipe {
            mixup,
            ..Recipe::default()
        };
        change(&mut recipe.augment);
        recipe
    }

    fn area(mix: &Mix) -> u32 {
        let [left, top, right, bottom] = mix.rectangle;
        assert!(
            left <= right && right <= 32 && top <= bottom && bottom <= 32,
            "{mix:?}"
        );
        (right - left) * (bottom - top)
    }

    #[test]
    fn mixup_alone_keeps_the_same_share_of_picture_and_target() {
        let mixes = mixes(&recipe(0.2, |_| ()), 0);
        assert!(mixes.iter().all(|m| m.share == m.target && area(m) == 0));
        assert!(mixes.iter().any(|m| m.partners != mixes[0].partners));
        let mean = mixes.iter().map(|m| m.share).sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn cutmix_keeps_of_a_target_what_it_leaves_of_the_picture() {
        for change in [
            (|a: &mut Augment| a.cutmix = 1.0) as fn(&mut Augment),
            |a| a.cutmix_minmax = Some([0.25, 0.75]),
        ] {
            let mixes = mixes(&recipe(0.0, change), 0);
            for mix in &mixes {
                assert_eq!(mix.share, 1.0);
                assert!((mix.target - (1.0 - f64::from(area(mix)) / 1024.0)).abs() < 1e-12);
            }
            assert!(mixes.iter().any(|m| area(m) > 256) && mixes.iter().any(|m| area(m) < 256));
        }
        let sides = mixes(&recipe(0.0, |a| a.cutmix_minmax = Some([0.25, 0.75])), 0);
        let widths: Vec<u32> = sides
            .iter()
            .map(|m| m.rectangle[2] - m.rectangle[0])
            .collect();
        // As timm, the largest side is not reached.
        assert_eq!(
            (widths.iter().min(), widths.iter().max()),
            (Some(&8), Some(&23))
        );
    }

    #[test]
    fn batches_choose_by_their_probabilities_until_mixing_is_over() {
        let mut recipe = recipe(0.2, |a| {
            (a.cutmix, a.mixup_prob, a.mixup_switch_prob) = (1.0, 0.5, 0.25);
        });
        recipe.mixup_off_epoch = 3;
        let mixes_of = mixes(&recipe, 2);
        let plain = mixes_of
            .iter()
            .filter(|m| m.partners == (0..8).collect::<Vec<u32>>())
            .count();
        let cut = mixes_of.iter().filter(|m| area(m) > 0).count();
        // Five deviations of binomial counts of 0.5 and 0.125.
        assert!(
            plain.abs_diff(2000) < 160 && cut.abs_diff(500) < 105,
            "{plain} {cut}"
        );
        let over = mixes(&recipe, 3);
        assert!(
            over.iter()
                .all(|m| m.target == 1.0 && m.share == 1.0 && area(m) == 0)
        );
    }

    #[test]
    fn cutmixs_squares_and_targets_are_timms_for_the_same_draws() {
        let rows = golden("cutmix");
        assert_eq!(rows.len(), 96);
        for row in rows {
            let (side, kept) = (whole(&row[0]), row[1].as_f64().unwrap());
            let rectangle = square(kept, side, [whole(&row[2]), whole(&row[3])]);
            let expected = [4_usize, 5, 6, 7].map(|i| whole(&row[i]));
            assert_eq!(rectangle, expected, "{row}");
            let target = left_by(rectangle, side);
            assert!(
                (target - row[8].as_f64().unwrap()).abs() < 1e-12,
                "{row}: {target}"
            );
        }
    }

    #[test]
    fn cutmixs_sides_and_places_between_two_parts_come_from_timms_ranges() {
        for row in golden("minmax") {
            let side = whole(&row[0]);
            let parts = [1_usize, 2].map(|i| row[i].as_f64().unwrap());
            // The first number and the first one beyond, of heights, widths, and then of tops and lefts for the middle ones.
            let range = |i: usize| [0_usize, 1].map(|end| whole(&row[3][i][end]));
            let mut random = Stream::new(5, 0, side, "within");
            let rectangles: Vec<[u32; 4]> = (0..20_000)
                .map(|_| within(parts, side, &mut random))
                .collect();
            let ends = |numbers: &[u32]| {
                let (least, most) = (numbers.iter().min(), numbers.iter().max());
                [*least.unwrap(), *most.unwrap() + 1]
            };
            let heights: Vec<u32> = rectangles.iter().map(|r| r[3] - r[1]).collect();
            let widths: Vec<u32> = rectangles.iter().map(|r| r[2] - r[0]).collect();
            assert_eq!(ends(&heights), range(0), "heights: {row}");
            assert_eq!(ends(&widths), range(1), "widths: {row}");
            // Of a larger picture, too few have the middle height for every place.
            if side == 32 {
                let middle = |i: usize| (range(i)[0] + range(i)[1]) / 2;
                let of = |i: usize, length: usize| -> Vec<u32> {
                    let likewise = |r: &&[u32; 4]| r[i + 2] - r[i] == middle(length);
                    rectangles.iter().filter(likewise).map(|r| r[i]).collect()
                };
                assert_eq!(ends(&of(1, 0)), range(2), "tops: {row}");
                assert_eq!(ends(&of(0, 1)), range(3), "lefts: {row}");
            }
        }
    }
}
