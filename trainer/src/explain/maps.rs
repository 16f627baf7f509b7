//! The formulas: what weighs each channel, and the weighted sum. Features and gradients are `[h, w, c]`.

/// `Σ_k weights[k] · A_k` at every place.
pub(super) fn sum(features: &[f32], weights: &[f64]) -> Vec<f32> {
    let place = |pixel: &[f32]| {
        let products = pixel.iter().zip(weights).map(|(&a, w)| f64::from(a) * w);
        products.sum::<f64>() as f32
    };
    features.chunks_exact(weights.len()).map(place).collect()
}

/// Each channel's mean over the image.
pub(super) fn mean(gradient: &[f32], channels: usize) -> Vec<f64> {
    let pixels = (gradient.len() / channels) as f64;
    total(gradient, channels)
        .into_iter()
        .map(|sum| sum / pixels)
        .collect()
}

/// Each channel's sum of positive gradients, weighted as Grad-CAM++ does; a power of the class's probability, the same
/// for all channels, is left out.
pub(super) fn plus_plus(features: &[f32], gradient: &[f32], channels: usize) -> Vec<f64> {
    let activations = total(features, channels);
    let mut weights = vec![0.0; channels];
    for pixel in gradient.chunks_exact(channels) {
        for ((weight, &g), sum) in weights.iter_mut().zip(pixel).zip(&activations) {
            // g² / (2g² + g³ΣA), without the common factor. The formula is made for features that are not negative:
            // where they turn its sign around, the place does not count.
            let g = f64::from(g);
            let divisor = 2.0 + g * sum;
            if g > 0.0 && divisor > 0.0 {
                *weight += g / divisor;
            }
        }
    }
    weights
}

/// Each channel's sum over the image.
fn total(numbers: &[f32], channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for pixel in numbers.chunks_exact(channels) {
        for (sum, &x) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(x);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two places of three channels.
    const FEATURES: [f32; 6] = [1.0, 2.0, 3.0, 0.5, 0.0, -1.0];
    const GRADIENT: [f32; 6] = [0.5, -1.0, 2.0, 1.5, 1.0, 0.0];

    #[test]
    fn a_map_is_the_weighted_sum_of_its_channels() {
        assert_eq!(sum(&FEATURES, &[2.0, -1.0, 0.5]), [1.5, 0.5]);
        assert_eq!(mean(&GRADIENT, 3), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn grad_cam_plus_plus_counts_positive_gradients_alone() {
        // Sums of the features: 1.5, 2, 2.
        let expected = [
            0.5 / (2.0 + 0.75) + 1.5 / (2.0 + 2.25),
            1.0 / (2.0 + 2.0),
            2.0 / (2.0 + 4.0),
        ];
        let got = plus_plus(&FEATURES, &GRADIENT, 3);
        assert!(
            got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{got:?}"
        );
    }

    #[test]
    fn features_that_turn_the_formula_around_do_not_count() {
        assert_eq!(plus_plus(&[-4.0, 0.0], &[1.0, 0.0], 1), [0.0]);
    }
}
