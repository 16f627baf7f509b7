//! What is searched: the ranges of a network's numbers and the band of its costs, and which of them are none.

use triaxis_models::engine::Complexity;

use crate::error::{Error, Result};

/// Stages that a network must have.
pub(super) const STAGES: usize = 4;
/// The least side of an image, pixels: the stem halves it, and so does each stage.
const PIXELS: usize = 2 << STAGES;

/// Which of the families is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Bottlenecks with squeeze-and-excite.
    Y,
    /// Inverted bottlenecks with linear ends and squeeze-and-excite.
    #[default]
    Z,
}

/// The ranges that a network's numbers are drawn from, and what it may cost. The defaults of the ranges are pycls's.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The family.
    pub family: Family,
    /// Blocks, all equally likely.
    pub depth: (f64, f64),
    /// Channels that the first block wants: multiples of 8, small ones likelier, as their logarithms are.
    pub w0: (f64, f64),
    /// Channels that each block wants more, to a tenth; by logarithm.
    pub wa: (f64, f64),
    /// Ratio of neighbouring widths, to a thousandth; by logarithm.
    pub wm: (f64, f64),
    /// Channels a group: 1, 2, 4 or multiples of 8; by logarithm.
    pub group: (f64, f64),
    /// Side of the pictures, pixels: multiples of 4, all equally likely.
    pub resolution: (f64, f64),
    /// Channels of Z's last convolution.
    pub head: usize,
    /// What the network may cost.
    pub band: Band,
    /// Classes to tell apart.
    pub num_classes: usize,
    /// Key of the random numbers.
    pub seed: u64,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            family: Family::Z,
            depth: (12.0, 28.0),
            w0: (8.0, 256.0),
            wa: (8.0, 256.0),
            wm: (2.0, 3.0),
            group: (1.0, 128.0),
            resolution: (224.0, 224.0),
            head: 1000,
            band: Band::default(),
            num_classes: 1000,
            seed: 0,
        }
    }
}

/// The least and the most that a network may cost; what is none is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Band {
    /// Multiply-adds.
    pub flops: Option<(u64, u64)>,
    /// Parameters.
    pub params: Option<(u64, u64)>,
    /// Activations.
    pub acts: Option<(u64, u64)>,
}

impl Band {
    /// The limits of those costs that have any, with what a network has of them.
    pub(super) fn of(
        &self,
        cost: &Complexity,
    ) -> impl Iterator<Item = (&'static str, (u64, u64), u64)> {
        [
            ("flops", self.flops, cost.flops),
            ("params", self.params, cost.params),
            ("acts", self.acts, cost.acts),
        ]
        .into_iter()
        .filter_map(|(name, limits, value)| Some((name, limits?, value)))
    }
}

impl Space {
    pub(super) fn check(&self) -> Result<()> {
        let ranges = [
            ("--depth", self.depth, 1.0, 200.0, "12..28"),
            ("--w0", self.w0, 8.0, 4096.0, "8..256"),
            ("--wa", self.wa, 0.1, 4096.0, "8..256"),
            ("--wm", self.wm, 1.1, 16.0, "2..3"),
            ("--group", self.group, 1.0, 4096.0, "1..128"),
            ("--resolution", self.resolution, 1.0, 4096.0, "128..256"),
        ];
        for (name, (low, high), least, most, example) in ranges {
            if !(low >= least && low <= high && high <= most) {
                return Err(Error::config(
                    name,
                    format!("{low}..{high} is no range of numbers from {least} to {most}"),
                    format!("Give two such numbers, the smaller first, such as {example}"),
                ));
            }
        }
        let whole = [
            ("--w0", self.w0, widths(self.w0), "multiple of 8"),
            (
                "--group",
                self.group,
                group_widths(self.group),
                "1, 2, 4 or multiple of 8",
            ),
        ];
        for (name, (low, high), found, what) in whole {
            if found.is_empty() {
                return Err(Error::config(
                    name,
                    format!("{low}..{high} holds no {what}"),
                    "Widen the range",
                ));
            }
        }
        let limits = [
            ("--flops", self.band.flops),
            ("--params", self.band.params),
            ("--acts", self.band.acts),
        ];
        if limits.iter().all(|(_, limits)| limits.is_none()) {
            return Err(Error::config(
                "triaxis search random",
                "there is no band: networks of any size cannot be compared",
                "Give --flops, --params or --acts, such as --flops 475M..525M",
            ));
        }
        for (name, limits) in limits {
            if let Some((low, high)) = limits.filter(|(low, high)| low > high) {
                return Err(Error::config(
                    name,
                    format!("{low}..{high} is no band"),
                    "Give the smaller number first",
                ));
            }
        }
        let (low, high) = self.resolution;
        if high < PIXELS as f64 {
            return Err(Error::config(
                "--resolution",
                format!(
                    "{low}..{high} is too small: the strides of {STAGES} stages and the stem leave one pixel of {PIXELS}"
                ),
                format!("Give sides of {PIXELS} and more"),
            ));
        }
        Ok(())
    }
}

/// The multiples of 8 in a range.
pub(super) fn widths((low, high): (f64, f64)) -> Vec<f64> {
    let steps = 1..=(high / 8.0) as usize;
    let width = steps.map(|step| 8.0 * step as f64);
    width.filter(|&width| width >= low).collect()
}

/// The widths of groups in a range: powers of 2 below 8, multiples of 8 from there on.
pub(super) fn group_widths(range: (f64, f64)) -> Vec<f64> {
    let narrow = [1.0, 2.0, 4.0].into_iter();
    let narrow = narrow.filter(|&width| range.0 <= width && width <= range.1);
    narrow.chain(widths(range)).collect()
}
