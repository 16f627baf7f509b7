//! Light of another colour and strength.

use crate::random::Stream;

/// PCA lighting (Krizhevsky et al. 2012, section 4.1): along each principal axis of ImageNet's colours, a picture moves by a
/// normal number of this deviation times the axis's eigenvalue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lighting {
    /// Deviation; pycls has 0.1.
    pub std: f64,
}

/// Eigenvalues of the covariance of ImageNet's colours on a scale where white is 1, as pycls has them.
const VALUES: [f64; 3] = [0.2175, 0.0188, 0.0045];
/// The parts of each eigenvector in red, green and blue, a row a colour.
const VECTORS: [[f64; 3]; 3] = [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.8140],
    [-0.5836, -0.6948, 0.4203],
];

impl Lighting {
    /// What is added to red, green and blue of one picture, on a scale where white is 1.
    pub fn draw(&self, random: &mut Stream) -> [f32; 3] {
        let mut alpha = [0.0; 3];
        for number in &mut alpha {
            *number = self.std * f64::from(random.normal());
        }
        shift(alpha)
    }
}

fn shift(alpha: [f64; 3]) -> [f32; 3] {
    VECTORS.map(|row| {
        let along = row.iter().zip(alpha).zip(VALUES);
        along
            .map(|((part, alpha), value)| part * alpha * value)
            .sum::<f64>() as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_moves_colours_as_pycls_moves_them() {
        let text = include_str!("../../../../tests/golden/recipe.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        let numbers = |key: &str| -> [f64; 3] {
            serde_json::from_value(golden["lighting"][key].clone()).unwrap()
        };
        let got = shift(numbers("example_alpha"));
        for (got, expected) in got.into_iter().zip(numbers("rgb_shift")) {
            assert!(
                (f64::from(got) - expected).abs() < 1e-8,
                "{got}, expected {expected}"
            );
        }
    }

    #[test]
    fn light_has_the_deviation_of_its_axes() {
        let lighting = Lighting { std: 0.1 };
        let mut random = Stream::new(5, 0, 0, "lighting");
        let count = 20_000;
        let shifts: Vec<_> = (0..count).map(|_| lighting.draw(&mut random)).collect();
        for colour in 0..3 {
            let variance = shifts
                .iter()
                .map(|s| f64::from(s[colour]).powi(2))
                .sum::<f64>()
                / f64::from(count);
            let parts = VECTORS[colour].iter().zip(VALUES);
            let expected: f64 = parts
                .map(|(part, value)| (0.1 * part * value).powi(2))
                .sum();
            assert!(
                (variance / expected - 1.0).abs() < 0.04,
                "{variance}, expected {expected}"
            );
        }
    }
}
