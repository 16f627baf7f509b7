//! How growth is shared between depth, width and resolution, and what that costs in theory.

use std::str::FromStr;

use super::{COMPOUND, Scaling};
use crate::{Error, Result};

/// The share of each axis in a growth of multiply-adds: scaled by `s`, depth is multiplied by `s^depth`, width by
/// `s^(width / 2)`, group width by `s^(group / 2)` and resolution by `s^(resolution / 2)`.
///
/// A dense layer's multiply-adds grow with `depth · width² · resolution²`, so where the shares of depth, width and
/// resolution sum to 1, as [`Strategy::from_str`] sees to, they grow by `s`
/// (<https://arxiv.org/abs/2103.06877>, section 3).
///
/// ```
/// use triaxis_models::Strategy;
///
/// let fast: Strategy = "dWr".parse()?;
/// assert_eq!(fast, "d1_w8_g8_r1".parse()?);
/// let growth = fast.growth();
/// assert!((growth.params - 0.9).abs() < 1e-12 && (growth.acts - 0.6).abs() < 1e-12);
/// # Ok::<(), triaxis_models::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strategy {
    /// Of blocks.
    pub depth: f64,
    /// Of channels.
    pub width: f64,
    /// Of channels a group: 0 leaves groups as wide as they were.
    pub group: f64,
    /// Of the images' side.
    pub resolution: f64,
}

/// What grows as `s` to which power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Multiply-adds.
    pub flops: f64,
    /// Parameters.
    pub params: f64,
    /// Activations.
    pub acts: f64,
}

impl Strategy {
    /// Fast compound scaling, dWr: eight parts of ten by width, its groups with it; one each by depth and resolution.
    pub fn fast() -> Self {
        Self {
            depth: 0.1,
            width: 0.8,
            group: 0.8,
            resolution: 0.1,
        }
    }

    /// Width takes the share `alpha`, its groups with it; depth and resolution halve the rest.
    pub fn alpha(alpha: f64) -> Self {
        let rest = (1.0 - alpha) / 2.0;
        Self {
            depth: rest,
            width: alpha,
            group: alpha,
            resolution: rest,
        }
    }

    /// EfficientNet's 1.2, 1.1, 1.15, as shares that sum to 1.
    pub fn original() -> Self {
        let [depth, width, resolution] = COMPOUND.map(f64::ln);
        let sum = depth + 2.0 * width + 2.0 * resolution;
        Self {
            depth: depth / sum,
            width: 2.0 * width / sum,
            group: 2.0 * width / sum,
            resolution: 2.0 * resolution / sum,
        }
    }

    /// The same with groups that stay as wide as they are.
    pub fn fixed_groups(self) -> Self {
        Self { group: 0.0, ..self }
    }

    /// The multipliers for `s` times the multiply-adds.
    pub fn at(&self, s: f64) -> Scaling {
        Scaling {
            group: s.powf(self.group / 2.0),
            ..Scaling::new(
                s.powf(self.depth),
                s.powf(self.width / 2.0),
                s.powf(self.resolution / 2.0),
            )
        }
    }

    /// The exponents of `s` for a network of dense convolutions: Tables 1, 2 and 4.
    pub fn growth(&self) -> Growth {
        Growth {
            flops: self.depth + self.width + self.resolution,
            params: self.depth + self.width,
            acts: self.depth + self.width / 2.0 + self.resolution,
        }
    }

    /// The exponents of `s` for a network of grouped convolutions, whose multiply-adds grow with
    /// `depth · width · group · resolution²`: Table 3, which divides them by that of the multiply-adds.
    pub fn growth_of_groups(&self) -> Growth {
        let params = self.depth + (self.width + self.group) / 2.0;
        Growth {
            flops: params + self.resolution,
            params,
            acts: self.growth().acts,
        }
    }

    /// Weights of depth, width, group and resolution as shares: groups stand outside of the sum.
    fn weighed([depth, width, group, resolution]: [f64; 4]) -> Option<Self> {
        let sum = depth + width + resolution;
        let weights = [depth, width, group, resolution];
        let valid = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && sum > 0.0;
        valid.then(|| Self {
            depth: depth / sum,
            width: width / sum,
            group: group / sum,
            resolution: resolution / sum,
        })
    }
}

/// The names that [`Strategy::from_str`] knows, for messages and help.
const NAMES: &str = "d, w, r, dw, dr, wr, dwr, dWr, orig, alpha=0.8, or weights as pycls writes them, d1_w8_g8_r1; \
                     `w (g fixed)` leaves group widths as they are";

impl FromStr for Strategy {
    type Err = Error;

    /// `d`, `w`, `r` and their compounds share `s` evenly and scale groups with width, as the paper does unless it says
    /// otherwise; so do pycls's `wg`, `dwg`, ... The suffix ` (g fixed)` leaves groups alone, as pycls's plain `w` does.
    /// `dWr` is fast scaling, `orig` EfficientNet's, `alpha=A` the family, `d1_w8_g8_r1` any weights (what is left out
    /// has none).
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] with the names that there are.
    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::spec(format!("no strategy is called `{name}`; there are {NAMES}"));
        let (plain, fixed) = match name.strip_suffix("(g fixed)") {
            Some(plain) => (plain.trim_end(), true),
            None => (name, false),
        };
        let strategy = match plain {
            "dWr" => Self::fast(),
            "orig" => Self::original(),
            _ => match plain.strip_prefix("alpha=") {
                Some(alpha) => {
                    let alpha = alpha.parse().ok().filter(|a| (0.0..=1.0).contains(a));
                    Self::alpha(alpha.ok_or_else(|| {
                        Error::spec(format!("strategy `{name}`: alpha is a number from 0 to 1"))
                    })?)
                }
                None => letters(plain)
                    .or_else(|| weights(plain))
                    .ok_or_else(unknown)?,
            },
        };
        Ok(if fixed {
            strategy.fixed_groups()
        } else {
            strategy
        })
    }
}

/// Where an axis stands in a strategy's weights.
fn axis(letter: char) -> Option<usize> {
    "dwgr".find(letter)
}

/// `dw`, `dwgr`: each axis once, groups with width.
fn letters(name: &str) -> Option<Strategy> {
    let mut weights = [0.0; 4];
    for letter in name.chars() {
        let weight = &mut weights[axis(letter)?];
        if *weight > 0.0 {
            return None;
        }
        *weight = 1.0;
    }
    weights[2] = weights[1];
    Strategy::weighed(weights)
}

/// `d1_w8_g8_r1`.
fn weights(name: &str) -> Option<Strategy> {
    let mut weights = [None; 4];
    for part in name.split('_') {
        let letter = part.chars().next()?;
        let weight = &mut weights[axis(letter)?];
        if weight.is_some() {
            return None;
        }
        *weight = Some(part[letter.len_utf8()..].parse().ok()?);
    }
    Strategy::weighed(weights.map(|w| w.unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_the_papers_shares() {
        let of = |name: &str| {
            let s: Strategy = name.parse().unwrap();
            [s.depth, s.width, s.group, s.resolution]
        };
        assert_eq!(of("d"), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(of("w"), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(of("w"), of("wg"));
        assert_eq!(of("w (g fixed)"), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(of("dwr"), [1.0 / 3.0; 4]);
        assert_eq!(of("d1_w8_r1"), of("dWr (g fixed)"));
        assert_eq!(of("alpha=1"), of("w"));
        let [depth, width, _, resolution] = of("orig");
        let known = [0.279435, 0.292154, 0.428412];
        for (share, known) in [depth, width, resolution].iter().zip(known) {
            assert!((share - known).abs() < 1e-6, "{share} {known}");
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        for name in [
            "", "g", "dd", "x", "d1_d2", "d_w", "dWR", "w-1", "wnan", "é1",
        ] {
            let error = name.parse::<Strategy>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!(
                    "no strategy is called `{name}`; there are d, w, r"
                )),
                "{error}"
            );
        }
        let error = "alpha=2".parse::<Strategy>().unwrap_err().to_string();
        assert_eq!(error, "strategy `alpha=2`: alpha is a number from 0 to 1");
    }

    #[test]
    fn growth_is_that_of_the_papers_tables() {
        let growth = |name: &str| {
            let Growth {
                flops,
                params,
                acts,
            } = name.parse::<Strategy>().unwrap().growth();
            [flops, params, acts]
        };
        let close = |name, expected: [f64; 3]| {
            let got = growth(name);
            let near = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{name}: {got:?}, expected {expected:?}");
        };
        close("d", [1.0, 1.0, 1.0]);
        close("w", [1.0, 1.0, 0.5]);
        close("r", [1.0, 0.0, 1.0]);
        close("dw", [1.0, 1.0, 0.75]);
        close("wr", [1.0, 0.5, 0.75]);
        close("dr", [1.0, 0.5, 1.0]);
        close("dwr", [1.0, 2.0 / 3.0, 5.0 / 6.0]);
        close("alpha=0.8", [1.0, 0.9, 0.6]);
        close("alpha=0", [1.0, 0.5, 1.0]);
    }

    #[test]
    fn groups_grow_as_in_table_3() {
        // Divided by the growth of multiply-adds: parameters, activations.
        let ratio = |strategy: Strategy| {
            let g = strategy.growth_of_groups();
            [g.params / g.flops, g.acts / g.flops]
        };
        let shares = |width, group| Strategy {
            depth: 0.0,
            width,
            group,
            resolution: 0.0,
        };
        assert_eq!(ratio(shares(1.0, 0.0)), [1.0, 1.0]);
        assert_eq!(ratio(shares(0.0, 1.0)), [1.0, 0.0]);
        assert_eq!(ratio(shares(1.0, 1.0)), [1.0, 0.5]);
    }
}
