//! Scaling: a network's depth, width and resolution multiplied, and rounded to what can be built.
//!
//! A [`Scaling`] is four multipliers and the rule that rounds; [`Spec::scaled`] applies it: a network in, a network
//! out. A [`Strategy`] says how a growth of multiply-adds by `s` is shared between the axes, and what that does to
//! parameters and activations in theory. [`fit`] finds the `s` that meets a target on the rounded network.

mod strategy;
mod target;
mod tiny;

use std::ops::RangeInclusive;

pub use strategy::{Growth, Strategy};
pub use target::{Fit, Step, fit};
pub use tiny::tiny;

use crate::check;
use crate::rounding::{ceil_depth, round_depth, round_to, round_width};
use crate::{Error, Network, Result, Spec};

/// Multipliers of a network's axes, before rounding.
///
/// ```
/// use triaxis_models::{RegNet, Scaling};
///
/// let net = RegNet::z_500mf().scaled(Scaling::fast(8.25))?;
/// let c = net.complexity()?;
/// let row = format!(
///     "{:.1} GF, {:.1} M parameters, {:.1} M activations at {} pixels",
///     c.flops as f64 / 1e9, c.params as f64 / 1e6, c.acts as f64 / 1e6, net.resolution
/// );
/// // Table 8, RegNetZ-500MF->4GF.
/// assert_eq!(row, "4.0 GF, 41.1 M parameters, 19.4 M activations at 248 pixels");
/// # Ok::<(), triaxis_models::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// Of each stage's blocks.
    pub depth: f64,
    /// Of each layer's channels.
    pub width: f64,
    /// Of each group's channels.
    pub group: f64,
    /// Of the images' side.
    pub resolution: f64,
    /// How products become whole numbers.
    pub rounding: Rounding,
}

/// How fractions of blocks, channels and pixels become whole ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// As pycls, for *Fast and Accurate Model Scaling* (<https://arxiv.org/abs/2103.06877>): blocks to the nearest,
    /// channels to multiples of 8, pixels to multiples of 4, halves to even. An EfficientNet's stem and head grow, too.
    #[default]
    Pycls,
    /// As EfficientNet (<https://arxiv.org/abs/1905.11946>): blocks up, channels to multiples of 8 and never below 90 %.
    /// Its released sides are a table made by hand; here pixels go to multiples of 4.
    EfficientNet,
    /// As TinyNet (<https://arxiv.org/abs/2010.14819>): blocks to the nearest, channels as EfficientNet, pixels down;
    /// the stem keeps its width and the head never narrows.
    TinyNet,
}

impl Rounding {
    /// Its name in those of networks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pycls => "pycls",
            Self::EfficientNet => "efficientnet",
            Self::TinyNet => "tiny",
        }
    }
}

/// EfficientNet's base of each axis: `1.2^phi` blocks, `1.1^phi` channels, `1.15^phi` pixels.
const COMPOUND: [f64; 3] = [1.2, 1.1, 1.15];

impl Scaling {
    /// Multipliers of depth, width (groups, too) and resolution, rounded as pycls.
    pub fn new(depth: f64, width: f64, resolution: f64) -> Self {
        Self {
            depth,
            width,
            group: width,
            resolution,
            rounding: Rounding::Pycls,
        }
    }

    /// Fast compound scaling, dWr: `s` times the multiply-adds, most of it by width.
    pub fn fast(s: f64) -> Self {
        Strategy::fast().at(s)
    }

    /// The family of *Fast and Accurate Model Scaling*, equations 4 to 6: width takes the share `alpha` of `s`, depth
    /// and resolution halve the rest.
    pub fn alpha(alpha: f64, s: f64) -> Self {
        Strategy::alpha(alpha).at(s)
    }

    /// EfficientNet's compound scaling: `1.2^phi` blocks, `1.1^phi` channels, `1.15^phi` pixels.
    pub fn phi(phi: f64) -> Self {
        let [depth, width, resolution] = COMPOUND.map(|base| base.powf(phi));
        Self {
            rounding: Rounding::EfficientNet,
            ..Self::new(depth, width, resolution)
        }
    }

    /// EfficientNet's compound scaling with the `phi` that makes `s` times the multiply-adds, before rounding.
    pub fn compound(s: f64) -> Self {
        let [depth, width, resolution] = COMPOUND;
        Self::phi(s.ln() / (depth * width * width * resolution * resolution).ln())
    }

    /// TinyNet's multipliers of depth, width and resolution.
    pub fn tiny(depth: f64, width: f64, resolution: f64) -> Self {
        Self {
            rounding: Rounding::TinyNet,
            ..Self::new(depth, width, resolution)
        }
    }

    /// What a network's name tells of it; of groups and rounding only what is not as usual.
    fn suffix(&self) -> String {
        let mut suffix = format!(
            "-d{:.3}-w{:.3}-r{:.3}",
            self.depth, self.width, self.resolution
        );
        if self.group != self.width {
            suffix += &format!("-g{:.3}", self.group);
        }
        if self.rounding != Rounding::default() {
            suffix += &format!("-{}", self.rounding.name());
        }
        suffix
    }

    /// Refuses multipliers that are no positive numbers.
    fn check(&self) -> check::Checked {
        for (name, value) in [
            ("depth", self.depth),
            ("width", self.width),
            ("group", self.group),
            ("resolution", self.resolution),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(format!(
                    "the multiplier of {name} is {value}, expected a number above 0"
                ));
            }
        }
        Ok(())
    }

    /// Blocks of a stage that had `depth`.
    pub(crate) fn depth(&self, what: &str, depth: usize) -> Result<usize, String> {
        let product = depth as f64 * self.depth;
        let round = match self.rounding {
            Rounding::Pycls | Rounding::TinyNet => round_depth,
            Rounding::EfficientNet => ceil_depth,
        };
        whole(what, product, &check::DEPTH, round)
    }

    /// Channels of a layer that had `width`.
    pub(crate) fn width(&self, what: &str, width: usize) -> Result<usize, String> {
        let product = width as f64 * self.width;
        let round = match self.rounding {
            Rounding::Pycls => |width| round_to(width, 8).max(8),
            Rounding::EfficientNet | Rounding::TinyNet => round_width,
        };
        whole(what, product, &check::WIDTH, round)
    }

    /// Channels of a group that had `width`: 1, 2, 4 or a multiple of 8.
    pub(crate) fn group(&self, what: &str, width: usize) -> Result<usize, String> {
        let product = width as f64 * self.group;
        whole(what, product, &check::WIDTH, |width| {
            match round_to(width, 1).max(1) {
                narrow @ 1..=2 => narrow,
                3..=5 => 4,
                wide => round_to(wide as f64, 8),
            }
        })
    }

    /// The side, in pixels, that takes the place of `side`: for training as for the size that test images are brought to.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] where it is no side that a network can have.
    pub fn resolution(&self, side: usize) -> Result<usize> {
        let product = side as f64 * self.resolution;
        let round = match self.rounding {
            Rounding::Pycls | Rounding::EfficientNet => |side| round_to(side, 4),
            Rounding::TinyNet => |side| side as usize,
        };
        whole("resolution", product, &check::RESOLUTION, round).map_err(Error::spec)
    }
}

/// A product, rounded, where it lies in `range`: checked first, because numbers that are too large do not round.
fn whole(
    what: &str,
    product: f64,
    range: &RangeInclusive<usize>,
    round: impl Fn(f64) -> usize,
) -> Result<usize, String> {
    if product <= *range.end() as f64 {
        return Ok(round(product));
    }
    let largest = range.end();
    Err(format!(
        "{what} would be {product:.4e}, expected at most {largest}: scale by less"
    ))
}

impl Network {
    fn scaled(&self, scaling: &Scaling) -> Result<Self, String> {
        Ok(match self {
            Self::EfficientNet(net) => Self::EfficientNet(net.scaled(scaling)?),
            Self::RegNet(net) => Self::RegNet(net.scaled(scaling)?),
            Self::ResNet(net) => Self::ResNet(net.scaled(scaling)?),
            Self::Imported(_) => {
                return Err(
                    "a network that is a list of layers has no stages to scale: give one of the zoo, or one with stages"
                        .into(),
                );
            }
        })
    }
}

impl Spec {
    /// This network, deeper, wider and finer; its name tells the multipliers. Kernels, expansions and strides stay.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] naming the multiplier that is no positive number, or the field that would leave its bounds.
    pub fn scaled(&self, scaling: Scaling) -> Result<Self> {
        scaling.check().map_err(Error::spec)?;
        let spec = Self {
            name: self.name.clone() + &scaling.suffix(),
            resolution: scaling.resolution(self.resolution)?,
            num_classes: self.num_classes,
            network: self.network.scaled(&scaling).map_err(Error::spec)?,
        };
        spec.check()?;
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    #[test]
    fn groups_are_narrow_powers_of_two_or_multiples_of_8() {
        let group = |by| {
            let scaling = Scaling {
                group: by,
                ..Scaling::new(1.0, 1.0, 1.0)
            };
            scaling.group("group_width", 4).unwrap()
        };
        assert_eq!([0.1, 0.5, 0.75, 1.25, 1.5].map(group), [1, 2, 4, 4, 8]);
        // 12 is 1.5 times 8 and goes to the even 2, 20 is 2.5 times 8 and goes down to it.
        assert_eq!([2.75, 3.0, 5.0].map(group), [8, 16, 16]);
    }

    #[test]
    fn phi_1_deepens_and_widens_b0_as_efficientnet_does() {
        let b1 = zoo("efficientnet_b0")
            .unwrap()
            .scaled(Scaling::phi(1.0))
            .unwrap();
        // The released B1 keeps its widths; the rule at phi = 1 is what B2's widths and depths are made by.
        let b2 = zoo("efficientnet_b2").unwrap();
        assert_eq!(b1.network, b2.network);
        assert_eq!(b1.resolution, 256, "257.6 pixels");
    }

    #[test]
    fn compound_scaling_by_1_92_is_phi_1() {
        let (by_factor, by_phi) = (
            Scaling::compound(1.2 * 1.1 * 1.1 * 1.15 * 1.15),
            Scaling::phi(1.0),
        );
        for (a, b) in [
            (by_factor.depth, by_phi.depth),
            (by_factor.width, by_phi.width),
            (by_factor.resolution, by_phi.resolution),
        ] {
            assert!((a - b).abs() < 1e-12, "{by_factor:?}");
        }
    }

    #[test]
    fn multipliers_that_are_no_positive_numbers_are_refused_by_name() {
        let base = zoo("regnetz_500mf").unwrap();
        for (scaling, expected) in [
            (
                Scaling::new(0.0, 1.0, 1.0),
                "the multiplier of depth is 0, expected a number above 0",
            ),
            (
                Scaling::new(1.0, -2.0, 1.0),
                "the multiplier of width is -2, expected a number above 0",
            ),
            (
                Scaling::new(1.0, 1.0, f64::NAN),
                "the multiplier of resolution is NaN, expected a number above 0",
            ),
            (
                Scaling::new(1.0, f64::INFINITY, 1.0),
                "the multiplier of width is inf, expected a number above 0",
            ),
            (
                Scaling::new(1e300, 1.0, 1.0),
                "stages[0].depth would be 1.0000e300, expected at most 1000: scale by less",
            ),
            (
                Scaling::new(1.0, 1e6, 1.0),
                "stages[0].width would be 1.6000e7, expected at most 65536: scale by less",
            ),
            (
                Scaling::new(1.0, 1.0, 100.0),
                "resolution would be 2.2400e4, expected at most 16384: scale by less",
            ),
            (
                Scaling::new(1.0, 1.0, 0.1),
                "resolution is 24, expected 32 or more: the network's strides leave one pixel of 32",
            ),
        ] {
            let error = base.scaled(scaling).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }
}
