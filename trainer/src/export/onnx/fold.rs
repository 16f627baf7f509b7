//! Batch norm, folded into the convolution before it.

/// The vectors of a batch norm, one number a channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm<'a> {
    pub(super) gamma: &'a [f32],
    pub(super) beta: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) variance: &'a [f32],
    /// Added to the variance.
    pub(super) eps: f32,
}

impl Norm<'_> {
    /// Weight and bias of the convolution that does both: with `s = gamma / √(variance + eps)`, `w · s` and
    /// `(b - mean) · s + beta`, in f64. The weight is `[out, ...]`, row-major; no bias counts as 0.
    pub(super) fn fold(self, weight: &[f32], bias: Option<&[f32]>) -> (Vec<f32>, Vec<f32>) {
        let channels = self.gamma.len();
        let scale = |c: usize| {
            let variance = f64::from(self.variance[c]) + f64::from(self.eps);
            f64::from(self.gamma[c]) / variance.sqrt()
        };
        let rows = weight.chunks_exact((weight.len() / channels.max(1)).max(1));
        let weight = rows.enumerate().flat_map(|(c, row)| {
            let scale = scale(c);
            row.iter().map(move |&w| (f64::from(w) * scale) as f32)
        });
        let shift = |c: usize| {
            let bias = bias.map_or(0.0, |bias| f64::from(bias[c]));
            (bias - f64::from(self.mean[c])) * scale(c) + f64::from(self.beta[c])
        };
        let bias = (0..channels).map(|c| shift(c) as f32).collect();
        (weight.collect(), bias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_norm_computes_what_both_layers_do() {
        let norm = Norm {
            gamma: &[2.0, -1.0],
            beta: &[0.5, 0.25],
            mean: &[3.0, -4.0],
            variance: &[0.75, 3.0],
            eps: 0.25,
        };
        // Two outputs of three inputs each: scales 2 / √1 and -1 / √3.25.
        let weight = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0];
        let bias = [10.0, 20.0];
        let (w, b) = norm.fold(&weight, Some(&bias));
        let root = 3.25f32.sqrt();
        let expected = [2.0, -4.0, 6.0, -4.0 / root, -5.0 / root, 6.0 / root];
        assert_eq!(w, expected);
        assert_eq!(b, [(10.0 - 3.0) * 2.0 + 0.5, -(20.0 + 4.0) / root + 0.25]);
        let (same, shift) = norm.fold(&weight, None);
        assert_eq!((same, shift[0]), (w, -5.5));
    }
}
