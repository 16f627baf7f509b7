//! TinyNet's way to a smaller network: depth and resolution from the budget, width from what is left of it.

use super::{Fit, Scaling, fit};
use crate::{Error, Result, Spec};

/// B0 and the released TinyNets A to E (<https://arxiv.org/abs/2010.14819>): multiply-adds, depth, resolution.
const RELEASED: [(u64, f64, f64); 6] = [
    (385_825_092, 1.0, 1.0),
    (336_880_452, 1.2, 0.86),
    (200_717_650, 1.1, 0.84),
    (99_541_922, 0.85, 0.825),
    (51_585_246, 0.695, 0.68),
    (24_360_588, 0.6, 0.475),
];

/// The paper's budgets are round, 24 million where the network has 24.4: so little below the least counts as the least.
const ROUND: f64 = 0.98;
/// Part of the budget by which the width's steps may miss it.
const OFF: f64 = 0.03;
/// Pixels by which the resolution gives way, at most, where they miss it by more.
const PIXELS: i32 = 16;

/// The network of `target` multiply-adds by TinyNet's rule: depth and resolution by the budget, width by what is left of it,
/// solved on the real count, since stem and last convolution keep theirs and the paper's
/// `sqrt(share / (depth · resolution²))` would miss. Where the width's steps of eight channels miss the budget by more than
/// 3 %, the resolution gives way by as few pixels as help. With how it was scaled; `refined` has the last word on
/// that, `cost` counts the multiply-adds.
///
/// ```
/// use triaxis_models::{scaling, zoo};
///
/// let (b0, c) = (zoo("efficientnet_b0")?, zoo("tinynet_c")?);
/// let flops = |spec: &triaxis_models::Spec| Ok(spec.complexity()?.flops);
/// let (_, fit) = scaling::tiny(&b0, flops(&c)?, |scaling| scaling, flops)?;
/// assert_eq!(fit.nearest.spec.network, c.network);
/// # Ok::<(), triaxis_models::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Spec`] for a target outside of the released networks' shares, 0.063 to 1; those of [`fit`] and `cost`.
pub fn tiny(
    base: &Spec,
    target: u64,
    refined: impl Fn(Scaling) -> Scaling,
    cost: impl Fn(&Spec) -> Result<u64>,
) -> Result<(Scaling, Fit)> {
    let shape = tiny_shape(target as f64 / cost(base)? as f64)?;
    let solved = |pixels: i32| -> Result<(Scaling, Fit)> {
        let resolution = shape.resolution + f64::from(pixels) / base.resolution as f64;
        let by = |width| {
            refined(Scaling {
                width,
                group: width,
                resolution,
                ..shape
            })
        };
        let fit = fit(base, target, by, &cost)?;
        Ok((by(fit.nearest.factor), fit))
    };
    let off = |fit: &Fit| fit.nearest.cost.abs_diff(target) as f64 / target as f64;
    let mut best = solved(0)?;
    for pixels in (1..=PIXELS).flat_map(|pixels| [pixels, -pixels]) {
        if off(&best.1) <= OFF {
            break;
        }
        // A resolution at which the budget is out of reach is no candidate.
        let Ok(other) = solved(pixels) else { continue };
        if off(&other.1) < off(&best.1) {
            best = other;
        }
    }
    Ok(best)
}

/// TinyNet's shape at `share` of the base's multiply-adds: depth and resolution on straight lines between the released
/// networks over the logarithm of the share. The width is left to be solved.
fn tiny_shape(share: f64) -> Result<Scaling> {
    let log = |flops: u64| (flops as f64 / RELEASED[0].0 as f64).ln();
    let least = log(RELEASED[5].0);
    let wanted = match share.ln() {
        near if (least + ROUND.ln()..least).contains(&near) => least,
        wanted => wanted,
    };
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
    Err(Error::spec(format!(
        "TinyNet's rule is known from {:.4} to 1 times the multiply-adds of the network to begin with, got \
         {share:.4}; give depth, width and resolution yourself, or choose another strategy",
        least.exp()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

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
    fn any_budget_is_met_within_3_percent() {
        let flops = |spec: &Spec| Ok(spec.complexity()?.flops);
        let base = zoo("efficientnet_b0").unwrap();
        for millions in [24, 25, 40, 60, 97, 115, 120, 180, 250, 330, 380] {
            let target = millions * 1_000_000;
            let (scaling, found) = tiny(&base, target, |scaling| scaling, flops).unwrap();
            let off = found.nearest.cost as f64 / target as f64 - 1.0;
            assert!(off.abs() <= OFF, "{millions} million: {off:+.3}");
            let made = base.scaled(scaling).unwrap();
            assert_eq!(flops(&made).unwrap(), found.nearest.cost);
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
