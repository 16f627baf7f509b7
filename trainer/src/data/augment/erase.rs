//! Rectangles that hide a part of a picture.

use triaxis_engine::ops::Erased;

use crate::random::Stream;

/// Random erasing (Zhong et al. 2020, <https://arxiv.org/abs/1708.04896>) as timm has it, on a picture that has been normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomErasing {
    /// Share of the pictures of which something is erased.
    pub probability: f64,
    /// What stands in the place of what was there.
    pub mode: EraseMode,
    /// Most rectangles a picture; they share the area that one would have.
    pub count: usize,
}

/// What stands in the place of what [`RandomErasing`] hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EraseMode {
    /// The mean colour.
    Const,
    /// A colour of normal numbers for each rectangle.
    Rand,
    /// Normal numbers for each pixel.
    #[default]
    Pixel,
}

/// Least and largest share of a picture's area that is erased.
const AREA: [f64; 2] = [0.02, 1.0 / 3.0];
/// Least height over width of a rectangle; the largest is its inverse.
const ASPECT: f64 = 0.3;
/// How often a rectangle is tried.
const TRIES: usize = 10;

impl RandomErasing {
    /// The rectangles of one picture of `side` pixels, most often none.
    pub fn draw(&self, side: usize, random: &mut Stream) -> Vec<Erased> {
        if f64::from(random.uniform()) >= self.probability {
            return Vec::new();
        }
        let count = 1 + random.below(self.count as u32) as usize;
        let area = (side * side) as f64 / count as f64;
        (0..count)
            .filter_map(|_| self.rectangle(side, area, random))
            .collect()
    }

    fn rectangle(&self, side: usize, area: f64, random: &mut Stream) -> Option<Erased> {
        for _ in 0..TRIES {
            let at = [random.uniform(), random.uniform()].map(f64::from);
            let Some([height, width]) = size(side, area, at) else {
                continue;
            };
            let top = random.below((side - height + 1) as u32) as usize;
            let left = random.below((side - width + 1) as u32) as usize;
            let colour = match self.mode {
                EraseMode::Rand => std::array::from_fn(|_| random.normal()),
                EraseMode::Const | EraseMode::Pixel => [0.0; 3],
            };
            return Some(Erased {
                rectangle: [left, top, left + width, top + height],
                colour,
                noise: f32::from(u8::from(self.mode == EraseMode::Pixel)),
            });
        }
        None
    }
}

/// Height and width of a rectangle, whose share of `area` and whose aspect's logarithm lie `at` these parts of the way from
/// the least to the largest; `None` where it does not fit.
fn size(side: usize, area: f64, at: [f64; 2]) -> Option<[usize; 2]> {
    let between = |low: f64, high: f64, at: f64| low + (high - low) * at;
    let area = area * between(AREA[0], AREA[1], at[0]);
    let aspect = between(ASPECT.ln(), -ASPECT.ln(), at[1]).exp();
    let height = (area * aspect).sqrt().round_ties_even() as usize;
    let width = (area / aspect).sqrt().round_ties_even() as usize;
    (width < side && height < side).then_some([height, width])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(probability: f64, mode: EraseMode, count: usize, pictures: u32) -> Vec<Vec<Erased>> {
        let erasing = RandomErasing {
            probability,
            mode,
            count,
        };
        let draw = |index| erasing.draw(64, &mut Stream::new(7, 0, index, "random_erasing"));
        (0..pictures).map(draw).collect()
    }

    #[test]
    fn a_quarter_of_the_pictures_loses_a_fiftieth_to_a_third() {
        let drawn = drawn(0.25, EraseMode::Const, 1, 8000);
        let erased: Vec<&Erased> = drawn.iter().flatten().collect();
        // Five deviations of a binomial count.
        assert!((1800..2200).contains(&erased.len()), "{}", erased.len());
        let shares = erased.iter().map(|e| {
            let [left, top, right, bottom] = e.rectangle;
            assert!(right <= 64 && bottom <= 64 && (e.colour, e.noise) == ([0.0; 3], 0.0));
            ((right - left) * (bottom - top)) as f64 / 4096.0
        });
        let shares: Vec<f64> = shares.collect();
        assert!(shares.iter().all(|share| (0.015..0.35).contains(share)));
        // Uniform between 0.02 and 1/3, but that a few of the largest do not fit.
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!((mean - 0.1767).abs() < 0.012, "{mean}");
    }

    #[test]
    fn several_rectangles_share_the_area_of_one() {
        let drawn = drawn(1.0, EraseMode::Const, 3, 6000);
        let mut counts = [0; 3];
        for erased in &drawn {
            counts[erased.len() - 1] += 1;
            let areas = erased.iter().map(|e| {
                let [left, top, right, bottom] = e.rectangle;
                (right - left) * (bottom - top)
            });
            assert!(areas.sum::<usize>() as f64 <= 4096.0 * 0.36);
        }
        assert!(
            counts.iter().all(|count: &i32| (count - 2000).abs() < 190),
            "{counts:?}"
        );
    }

    #[test]
    fn modes_differ_in_what_they_show() {
        let first = |mode| drawn(1.0, mode, 1, 3).concat();
        let (one, two) = (first(EraseMode::Rand), first(EraseMode::Pixel));
        assert!(one[0].colour != one[1].colour && one.iter().all(|e| e.noise == 0.0));
        assert!(two.iter().all(|e| e.colour == [0.0; 3] && e.noise == 1.0));
    }

    #[test]
    fn rectangles_have_timms_sides_for_the_same_draws() {
        let text = include_str!("../../../tests/golden/mixing.json");
        let tables: serde_json::Value = serde_json::from_str(text).unwrap();
        let rows = tables["erasing"].as_array().unwrap();
        assert_eq!(rows.len(), 90);
        for row in rows {
            let [side, count] = [0_usize, 1].map(|i| row[i].as_u64().unwrap() as usize);
            let at = [2_usize, 3].map(|i| row[i].as_f64().unwrap());
            let expected: Option<[usize; 2]> = serde_json::from_value(row[4].clone()).unwrap();
            let area = (side * side) as f64 / count as f64;
            assert_eq!(size(side, area, at), expected, "{row}");
        }
    }

    #[test]
    fn areas_aspects_and_places_keep_to_their_ranges_and_fill_them() {
        const SIDE: usize = 4096;
        let erasing = RandomErasing {
            probability: 1.0,
            mode: EraseMode::Const,
            count: 1,
        };
        let drawn: Vec<Erased> = (0..8000)
            .flat_map(|index| erasing.draw(SIDE, &mut Stream::new(8, 0, index, "erasing")))
            .collect();
        // As parts of the way from the least to the largest.
        let mut parts = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for erased in &drawn {
            let [left, top, right, bottom] = erased.rectangle.map(|x| x as f64);
            let (width, height, side) = (right - left, bottom - top, SIDE as f64);
            let area = width * height / (side * side);
            parts[0].push((area - AREA[0]) / (AREA[1] - AREA[0]));
            parts[1].push(0.5 - 0.5 * (height / width).ln() / ASPECT.ln());
            parts[2].push(left / (side - width));
            parts[3].push(top / (side - height));
        }
        assert!(drawn.len() > 7900, "{}", drawn.len());
        for (what, parts) in ["area", "aspect", "left", "top"].iter().zip(parts) {
            // Sides are rounded to pixels.
            let all = parts.iter().all(|part| (-0.003..1.003).contains(part));
            let ends = parts.iter().any(|p| *p < 0.01) && parts.iter().any(|p| *p > 0.99);
            assert!(all && ends, "{what}");
            // Four standard errors of a mean that is uniform, 0.0032 each. A few of the largest and longest do not fit.
            let mean = parts.iter().sum::<f64>() / parts.len() as f64;
            assert!((mean - 0.5).abs() < 0.013, "{what}: {mean}");
        }
    }
}
