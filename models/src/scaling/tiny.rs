//! TinyNet's way to a smaller network: depth and resolution from the budget, width from what is left of it.

use super::Scaling;
use crate::{Error, Result};

/// B0 and the released TinyNets A to E (<https://arxiv.org/abs/2010.14819>): multiply-adds, depth, resolution.
const RELEASED: [(u64, f64, f64); 6] = [
    (385_825_092, 1.0, 1.0),
    (336_880_452, 1.2, 0.86),
    (200_717_650, 1.1, 0.84),
    (99_541_922, 0.85, 0.825),
    (51_585_246, 0.695, 0.68),
    (24_360_588, 0.6, 0.475),
];

/// TinyNet's shape at `share` of the base's multiply-adds: depth and resolution on straight lines between the released
/// networks over the logarithm of the share. The width is left to be solved on the real count, with
/// [`fit`](super::fit): stem and last convolution keep theirs, so the paper's `sqrt(share / (depth · resolution²))` would
/// miss.
///
/// ```
/// use triaxis_models::{scaling, zoo};
///
/// let (b0, c) = (zoo("efficientnet_b0")?, zoo("tinynet_c")?);
/// let flops = |spec: &triaxis_models::Spec| Ok(spec.complexity()?.flops);
/// let (whole, target) = (flops(&b0)?, flops(&c)?);
/// let shape = scaling::tiny_shape(target as f64 / whole as f64)?;
/// let fit = scaling::fit(&b0, target, |width| scaling::Scaling { width, ..shape }, flops)?;
/// assert_eq!(fit.nearest.spec.network, c.network);
/// # Ok::<(), triaxis_models::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Spec`] for a share outside of the released ones', 0.063 to 1.
pub fn tiny_shape(share: f64) -> Result<Scaling> {
    let log = |flops: u64| (flops as f64 / RELEASED[0].0 as f64).ln();
    let wanted = share.ln();
    for pair in RELEASED.windows(2) {
        let [
            (more, depth, resolution),
            (less, depth_less, resolution_less),
        ] = [pair[0], pair[1]];
        if (log(less)..=log(more)).contains(&wanted) {
            let part = (wanted - log(more)) / (log(less) - log(more));
            let between = |a: f64, b: f64| a + (b - a) * part;
            return Ok(Scaling::tiny(
                between(depth, depth_less),
                1.0,
                between(resolution, resolution_less),
            ));
        }
    }
    let least = log(RELEASED[5].0).exp();
    Err(Error::spec(format!(
        "TinyNet's rule is known from {least:.4} to 1 times the multiply-adds of the network to begin with, got \
         {share:.4}; give depth, width and resolution yourself, or choose another strategy"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::fit;
    use crate::{Spec, zoo};

    #[test]
    fn the_released_networks_come_back_from_their_multiply_adds() {
        let flops = |spec: &Spec| Ok(spec.complexity()?.flops);
        let base = zoo("efficientnet_b0").unwrap();
        let released = [
            ("tinynet_a", 1.0),
            ("tinynet_b", 0.75),
            ("tinynet_c", 0.54),
            ("tinynet_d", 0.54),
            ("tinynet_e", 0.51),
        ];
        for ((name, width), (counted, depth, resolution)) in
            released.into_iter().zip(&RELEASED[1..])
        {
            let known = zoo(name).unwrap();
            let target = flops(&known).unwrap();
            assert_eq!(target, *counted, "{name}");
            let shape = tiny_shape(target as f64 / RELEASED[0].0 as f64).unwrap();
            assert!((shape.depth - depth).abs() < 1e-12, "{name}: {shape:?}");
            assert!((shape.resolution - resolution).abs() < 1e-12, "{name}");
            let fit = fit(&base, target, |width| Scaling { width, ..shape }, flops).unwrap();
            assert_eq!(fit.nearest.spec.network, known.network, "{name}");
            assert_eq!(fit.nearest.spec.resolution, known.resolution, "{name}");
            // E's 0.51 makes the network that 0.5 does, which has fewer digits.
            let off = fit.nearest.factor - width;
            assert!((-0.0101..1e-9).contains(&off), "{name}: {off}");
        }
    }

    #[test]
    fn budgets_between_two_networks_lie_between_them_and_others_are_refused() {
        let shape = tiny_shape(0.4).unwrap();
        assert!((0.85..1.1).contains(&shape.depth), "{shape:?}");
        assert!((0.825..0.84).contains(&shape.resolution), "{shape:?}");
        for share in [0.0, 0.06, 1.01, -1.0, f64::NAN] {
            let error = tiny_shape(share).unwrap_err().to_string();
            assert!(error.contains("known from 0.0631 to 1"), "{error}");
        }
    }
}
