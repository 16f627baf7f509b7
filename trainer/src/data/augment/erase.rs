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
        let mut uniform = |low: f64, high: f64| low + (high - low) * f64::from(random.uniform());
        for _ in 0..TRIES {
            let area = area * uniform(AREA[0], AREA[1]);
            let aspect = uniform(ASPECT.ln(), -ASPECT.ln()).exp();
            let height = (area * aspect).sqrt().round_ties_even() as usize;
            let width = (area / aspect).sqrt().round_ties_even() as usize;
            if width < side && height < side {
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
        }
        None
    }
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
}
