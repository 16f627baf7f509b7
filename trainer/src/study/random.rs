//! Random search in RegNet's design space (<https://arxiv.org/abs/2003.13678>), with the resolution as one more number
//! (<https://arxiv.org/abs/2103.06877>, section 5): networks within a band of costs are drawn, trained alike and ranked.

mod space;

use triaxis_models::engine::Complexity;
use triaxis_models::{Line, Network, RegNet, Spec};
use triaxis_search::Random;

use super::same;
use crate::error::{Error, Result};
use space::{STAGES, group_widths, widths};

pub use space::{Band, Family, Space};

/// Draws that find nothing new after which the band counts as empty.
const DRAWS: usize = 20_000;

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

fn nearest(x: f64, among: &[f64]) -> Option<f64> {
    let distance = |y: &f64| (x - y).abs();
    let nearer = |a: &&f64, b: &&f64| distance(a).total_cmp(&distance(b));
    among.iter().min_by(nearer).copied()
}

#[cfg(test)]
mod tests;
