//! Random search in RegNet's design space (<https://arxiv.org/abs/2003.13678>), with the resolution as one more number
//! (<https://arxiv.org/abs/2103.06877>, section 5): networks within a band of costs are drawn, trained alike and ranked.

use triaxis_models::engine::Complexity;
use triaxis_models::{Line, Network, RegNet, Spec};
use triaxis_search::Random;

use super::same;
use crate::error::{Error, Result};

/// Draws that find nothing new after which the band counts as empty.
const DRAWS: usize = 20_000;
/// Stages that a network must have.
const STAGES: usize = 4;
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
    fn of(&self, cost: &Complexity) -> impl Iterator<Item = (&'static str, (u64, u64), u64)> {
        [
            ("flops", self.flops, cost.flops),
            ("params", self.params, cost.params),
            ("acts", self.acts, cost.acts),
        ]
        .into_iter()
        .filter_map(|(name, limits, value)| Some((name, limits?, value)))
    }
}

/// A network of the space.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The network.
    pub spec: Spec,
    /// Blocks, w0, wa, wm, channels a group, pixels.
    pub at: [f64; 6],
}

impl Space {
    /// `count` different networks within the band. More begin with the same ones.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for ranges that are none, and where the band holds no more networks: with the nearest outside.
    pub fn draw(&self, count: usize) -> Result<Vec<Drawn>> {
        self.check()?;
        let mut random = Random::new(self.seed);
        let mut found: Vec<Drawn> = Vec::new();
        let mut nearest = Nearest::default();
        let mut draws = 0;
        while found.len() < count {
            if draws == DRAWS {
                return Err(self.empty(count, found.len(), &nearest));
            }
            draws += 1;
            let Some(drawn) = self.one(&mut random) else {
                continue;
            };
            let cost = drawn.spec.complexity()?;
            if nearest.outside(self.band, &cost) {
                continue;
            }
            if found.iter().any(|other| same(&other.spec, &drawn.spec)) {
                continue;
            }
            found.push(drawn);
            draws = 0;
        }
        Ok(found)
    }

    /// A network of four stages that uses all its widths, or none.
    fn one(&self, random: &mut Random) -> Option<Drawn> {
        let logarithmic = |random: &mut Random, (low, high): (f64, f64), unit: f64| {
            let exact = random.log_between(low, high);
            ((exact / unit).round() * unit).clamp(low, high)
        };
        let evenly = |random: &mut Random, (low, high): (f64, f64), unit: f64| {
            let steps = ((high - low) / unit).floor() as usize;
            low + unit * random.below(steps + 1) as f64
        };
        // Each number is drawn whatever the others are, so that a seed means the same networks in every band.
        let depth = evenly(random, self.depth, 1.0);
        let w0 = nearest(logarithmic(random, self.w0, 8.0), &widths(self.w0)).expect("checked");
        let wa = logarithmic(random, self.wa, 0.1);
        let wm = logarithmic(random, self.wm, 0.001);
        let group = match random.log_between(self.group.0, self.group.1) {
            narrow if narrow < 8.0 => 2f64.powf(narrow.log2().round()),
            wide => (wide / 8.0).round() * 8.0,
        };
        let group = nearest(group, &group_widths(self.group)).expect("checked");
        let resolution = evenly(random, self.resolution, 4.0);
        let tidy = |x: f64| (x * 1000.0).round() / 1000.0;
        let (wa, wm) = (tidy(wa), tidy(wm));
        let line = Line {
            depth: depth as usize,
            w0: w0 as usize,
            wa,
            wm,
            group_width: group as usize,
        };
        let net = match self.family {
            Family::Y => RegNet::y(line),
            Family::Z => RegNet::z(line, self.head),
        };
        // pycls refuses lines whose last block leaves a power of wm without a width.
        let wanted = 1.0 + wa * (depth - 1.0) / w0;
        let powers = (wanted.ln() / wm.ln()).round_ties_even() as usize + 1;
        if net.stages.len() != STAGES || powers != STAGES {
            return None;
        }
        let family = match self.family {
            Family::Y => "y",
            Family::Z => "z",
        };
        let spec = Spec {
            name: format!("regnet{family}-d{depth}-w{w0}-wa{wa}-wm{wm}-g{group}-r{resolution}"),
            resolution: resolution as usize,
            num_classes: self.num_classes,
            network: Network::RegNet(net),
        };
        // Pictures that are too small for the strides make no network.
        spec.check().ok()?;
        let at = [depth, w0, wa, wm, group, resolution];
        Some(Drawn { spec, at })
    }

    fn check(&self) -> Result<()> {
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

    fn empty(&self, count: usize, found: usize, nearest: &Nearest) -> Error {
        let words: Vec<String> = [&nearest.below, &nearest.above]
            .into_iter()
            .flatten()
            .map(|(_, words)| words.clone())
            .collect();
        let words = match words.is_empty() {
            true => "no network of these ranges has four stages".into(),
            false => format!("the nearest outside have {}", words.join(" and ")),
        };
        Error::config(
            "--flops, --params, --acts",
            format!(
                "{count} networks within the band were asked for, and {DRAWS} draws in a row found no more than {found}; {words}"
            ),
            "Give a wider band, other ranges, or fewer --trials",
        )
    }
}

/// The networks nearest to a band, below and above it: by which part they miss it, and in words.
#[derive(Debug, Default)]
struct Nearest {
    below: Option<(f64, String)>,
    above: Option<(f64, String)>,
}

impl Nearest {
    /// Whether a network's costs lie outside of the band, remembered where it is the nearest.
    fn outside(&mut self, band: Band, cost: &Complexity) -> bool {
        let missed = |(_, (low, high), value): &(&str, (u64, u64), u64)| -> f64 {
            let value = *value as f64;
            (value / *high as f64 - 1.0).max(0.0) - (*low as f64 / value.max(1.0) - 1.0).max(0.0)
        };
        let worst = band
            .of(cost)
            .map(|of| (missed(&of), of))
            .max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let Some((part, (name, _, value))) = worst.filter(|(part, _)| *part != 0.0) else {
            return false;
        };
        let side = match part > 0.0 {
            true => &mut self.above,
            false => &mut self.below,
        };
        if side
            .as_ref()
            .is_none_or(|(nearest, _)| part.abs() < *nearest)
        {
            *side = Some((part.abs(), format!("{value} {name}")));
        }
        true
    }
}

/// The multiples of 8 in a range.
fn widths((low, high): (f64, f64)) -> Vec<f64> {
    let steps = 1..=(high / 8.0) as usize;
    let width = steps.map(|step| 8.0 * step as f64);
    width.filter(|&width| width >= low).collect()
}

/// The widths of groups in a range: powers of 2 below 8, multiples of 8 from there on.
fn group_widths(range: (f64, f64)) -> Vec<f64> {
    let narrow = [1.0, 2.0, 4.0].into_iter();
    let narrow = narrow.filter(|&width| range.0 <= width && width <= range.1);
    narrow.chain(widths(range)).collect()
}

fn nearest(x: f64, among: &[f64]) -> Option<f64> {
    let distance = |y: &f64| (x - y).abs();
    let nearer = |a: &&f64, b: &&f64| distance(a).total_cmp(&distance(b));
    among.iter().min_by(nearer).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space {
            resolution: (64.0, 96.0),
            band: Band {
                flops: Some((20_000_000, 60_000_000)),
                ..Band::default()
            },
            num_classes: 10,
            head: 0,
            ..Space::default()
        }
    }

    #[test]
    fn widths_lie_within_their_ranges_or_are_refused() {
        let at = |range: (f64, f64)| {
            let space = Space {
                group: range,
                w0: range,
                ..space()
            };
            space.check().map_err(|error| error.to_string())
        };
        assert_eq!(widths((8.0, 30.0)), [8.0, 16.0, 24.0]);
        assert_eq!(
            group_widths((2.0, 20.0)),
            [2.0, 4.0, 8.0, 16.0],
            "powers of 2, then multiples of 8"
        );
        assert!(at((10.0, 12.0)).unwrap_err().contains("--w0"));
        let narrow = Space {
            group: (3.0, 3.5),
            ..space()
        };
        let text = narrow.check().unwrap_err().to_string();
        assert!(
            text.contains("--group") && text.contains("multiple of 8"),
            "{text}"
        );
        let space = Space {
            group: (1.0, 12.0),
            ..space()
        };
        for one in space.draw(12).unwrap() {
            assert!((1.0..=12.0).contains(&one.at[4]), "{one:?}");
        }
    }

    #[test]
    fn drawn_networks_are_different_lie_in_the_band_and_follow_from_the_seed() {
        for family in [Family::Y, Family::Z] {
            let space = Space { family, ..space() };
            let drawn = space.draw(8).unwrap();
            for (i, one) in drawn.iter().enumerate() {
                let cost = one.spec.complexity().unwrap();
                assert!((20_000_000..=60_000_000).contains(&cost.flops), "{one:?}");
                assert!((64..=96).contains(&one.spec.resolution), "{one:?}");
                assert_eq!(one.spec.resolution % 4, 0);
                let Network::RegNet(net) = &one.spec.network else {
                    panic!("{one:?}");
                };
                assert_eq!(net.stages.len(), 4);
                assert_eq!(
                    net.stages.iter().map(|stage| stage.depth).sum::<usize>(),
                    one.at[0] as usize
                );
                assert!(
                    !drawn[..i].iter().any(|other| same(&other.spec, &one.spec)),
                    "{one:?} twice"
                );
            }
            assert_eq!(space.draw(3).unwrap(), drawn[..3]);
            let other = Space { seed: 1, ..space };
            assert_ne!(other.draw(8).unwrap(), drawn);
        }
    }

    #[test]
    fn a_narrower_band_keeps_those_that_still_fit() {
        let wide = space().draw(8).unwrap();
        let narrow = Space {
            band: Band {
                flops: Some((20_000_000, 40_000_000)),
                ..Band::default()
            },
            ..space()
        };
        let fits = |one: &&Drawn| one.spec.complexity().unwrap().flops <= 40_000_000;
        let kept: Vec<Drawn> = wide.iter().filter(fits).cloned().collect();
        assert!(!kept.is_empty());
        assert_eq!(narrow.draw(kept.len()).unwrap(), kept);
    }

    #[test]
    fn an_empty_band_names_the_nearest_networks() {
        let space = Space {
            depth: (12.0, 13.0),
            w0: (24.0, 24.0),
            wa: (36.0, 37.0),
            wm: (2.4, 2.5),
            group: (8.0, 8.0),
            resolution: (64.0, 64.0),
            family: Family::Y,
            band: Band {
                params: Some((10_000_000, 10_000_001)),
                ..Band::default()
            },
            ..space()
        };
        let error = space.draw(1).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), 2);
        assert!(
            text.contains("the nearest outside have ") && text.contains(" params"),
            "{text}"
        );
    }

    #[test]
    fn ranges_and_bands_that_are_none_are_refused_by_name() {
        let text = |space: Space| space.draw(1).unwrap_err().to_string();
        assert!(
            text(Space {
                depth: (20.0, 10.0),
                ..space()
            })
            .starts_with("--depth: 20..10")
        );
        assert!(
            text(Space {
                wm: (f64::NAN, 3.0),
                ..space()
            })
            .ends_with("such as 2..3.")
        );
        assert!(
            text(Space {
                resolution: (8.0, 16.0),
                ..space()
            })
            .starts_with("--resolution: 8..16 is too small")
        );
        assert!(
            text(Space {
                band: Band::default(),
                ..space()
            })
            .contains("there is no band")
        );
        let band = Band {
            acts: Some((5, 4)),
            ..Band::default()
        };
        assert!(text(Space { band, ..space() }).starts_with("--acts: 5..4 is no band"));
    }
}
