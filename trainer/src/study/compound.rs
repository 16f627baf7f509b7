//! EfficientNet's search (<https://arxiv.org/abs/1905.11946>, section 3.3): bases `alpha`, `beta`, `gamma` of depth, width
//! and resolution whose product `alpha · beta² · gamma²` is about 2 are tried at `phi` 1, and the best serve every `phi`.

use triaxis_models::{Scaling, Spec, scaling::Rounding};

use crate::error::{Error, Result};

/// Largest number of points that a grid may have along an axis.
const MOST: f64 = 1000.0;

/// The points that are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Distance of neighbours along each axis.
    pub step: f64,
    /// The greatest base; the least is 1.
    pub largest: f64,
    /// The product that is meant: what `phi` 1 multiplies the multiply-adds by.
    pub product: f64,
    /// How far from it a point's product may be.
    pub tolerance: f64,
}

impl Default for Grid {
    /// Steps of 0.05 up to 1.4, and products of 1.9 to 2.1: the paper's 1.2, 1.1, 1.15 is one of the points.
    fn default() -> Self {
        Self {
            step: 0.05,
            largest: 1.4,
            product: 2.0,
            tolerance: 0.1,
        }
    }
}

/// What a point multiplies the multiply-adds by, before rounding.
pub fn product([alpha, beta, gamma]: [f64; 3]) -> f64 {
    alpha * beta * beta * gamma * gamma
}

/// The network of a point at `phi`, rounded as EfficientNet's.
///
/// # Errors
///
/// A network that cannot be.
pub fn network(base: &Spec, point: [f64; 3], phi: f64) -> Result<Spec> {
    let [depth, width, resolution] = point.map(|base| base.powf(phi));
    let scaling = Scaling {
        rounding: Rounding::EfficientNet,
        ..Scaling::new(depth, width, resolution)
    };
    let mut spec = base.scaled(scaling)?;
    let [alpha, beta, gamma] = point;
    spec.name = match phi {
        1.0 => format!("{}-a{alpha}-b{beta}-g{gamma}", base.name),
        phi => format!("{}-a{alpha}-b{beta}-g{gamma}-phi{phi}", base.name),
    };
    Ok(spec)
}

impl Grid {
    /// The points `[alpha, beta, gamma]`, in rising order.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for numbers that make no grid, and where no point's product is near enough: with the nearest.
    pub fn points(&self) -> Result<Vec<[f64; 3]>> {
        let count = ((self.largest - 1.0) / self.step + 1e-9).floor();
        if !(self.step > 0.0 && self.tolerance >= 0.0 && (0.0..MOST).contains(&count)) {
            return Err(Error::config(
                "--step, --largest, --tolerance",
                format!(
                    "steps of {} from 1 to {} with a tolerance of {} make no grid",
                    self.step, self.largest, self.tolerance
                ),
                "Give a step above 0, a largest base of 1 or more, and a tolerance",
            ));
        }
        // To a millionth, so that names and files show what was meant.
        let at = |i: usize| ((1.0 + i as f64 * self.step) * 1e6).round() / 1e6;
        let sides = count as usize + 1;
        let all =
            (0..sides.pow(3)).map(|i| [i / (sides * sides), i / sides % sides, i % sides].map(at));
        let distance = |point: [f64; 3]| (product(point) - self.product).abs();
        let points: Vec<[f64; 3]> = all
            .clone()
            .filter(|point| distance(*point) <= self.tolerance + 1e-12)
            .collect();
        if points.is_empty() {
            let nearest = all.min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            let nearest = nearest.unwrap_or([1.0; 3]);
            return Err(Error::config(
                "--tolerance",
                format!(
                    "no point of the grid has a product within {} of {}; the nearest is {nearest:?} with {:.4}",
                    self.tolerance,
                    self.product,
                    product(nearest)
                ),
                "Give a larger tolerance, a smaller --step or a larger --largest",
            ));
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_models::zoo;

    #[test]
    fn the_grid_holds_the_papers_point_and_only_products_near_2() {
        let points = Grid::default().points().unwrap();
        assert!(points.contains(&[1.2, 1.1, 1.15]), "{points:?}");
        for point in &points {
            assert!((1.9..=2.1).contains(&product(*point)), "{point:?}");
            assert!(point.iter().all(|x| (1.0..=1.4).contains(x)), "{point:?}");
        }
        // By counting all 9³ in hundredths.
        let hundredths = |i: u64| 100 + 5 * i;
        let near = (0..729u64).filter(|i| {
            let [a, b, g] = [i / 81, i / 9 % 9, i % 9].map(hundredths);
            (19_000_000_000..=21_000_000_000).contains(&(a * b * b * g * g))
        });
        assert_eq!(points.len(), near.count());
    }

    #[test]
    fn the_papers_point_makes_b1_and_b2_of_b0() {
        let base = zoo("efficientnet_b0").unwrap();
        let one = network(&base, [1.2, 1.1, 1.15], 1.0).unwrap();
        let known = base.scaled(Scaling::phi(1.0)).unwrap();
        assert_eq!(
            (one.network, one.resolution),
            (known.network, known.resolution)
        );
        let four = network(&base, [1.2, 1.1, 1.15], 4.0).unwrap();
        let known = base.scaled(Scaling::phi(4.0)).unwrap();
        assert_eq!(four.network, known.network);
    }

    #[test]
    fn grids_without_points_are_refused_with_the_nearest() {
        let empty = Grid {
            tolerance: 0.0,
            step: 0.2,
            ..Grid::default()
        };
        let text = empty.points().unwrap_err().to_string();
        assert!(text.contains(" with 2.0160"), "{text}");
        for wrong in [
            Grid { step: 0.0, ..empty },
            Grid {
                step: -0.1,
                ..empty
            },
            Grid {
                step: 1e-9,
                ..empty
            },
            Grid {
                largest: 0.5,
                ..empty
            },
            Grid {
                tolerance: f64::NAN,
                ..empty
            },
            Grid {
                largest: f64::INFINITY,
                ..empty
            },
        ] {
            let text = wrong.points().unwrap_err().to_string();
            assert!(text.contains("make no grid"), "{text}");
        }
    }
}
