//! AutoAugment and RandAugment, by the strings that timm has for them.

use std::str::FromStr;

use super::{
    operation::{Operation, Operation::*, Step},
    tables,
};
use crate::{error::suggestion, random::Stream};

/// Which operators a picture meets, one after the other: AutoAugment (Cubuk et al. 2019, <https://arxiv.org/abs/1805.09501>)
/// or RandAugment (Cubuk et al. 2020, <https://arxiv.org/abs/1909.13719>).
///
/// Read from the words of timm's `--aa`. AutoAugment is `v0` (the policy of the EfficientNet code for TPUs, which pycls has,
/// too), `original` (the paper's for ImageNet) or `cifar10` (the paper's for CIFAR-10), followed by `r` where posterizing should
/// grow with its level (`v0r`). RandAugment is `rand`. Sections behind dashes set numbers: `mstd` deviation of a level, over 100
/// a uniform level from 0 on; for RandAugment also `m` level of 10 (default 10), `n` operators (2), `p` probability of each
/// (0.5), `mmax` largest level (10), `inc1` operators that grow with their level.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    choice: Choice,
    /// Deviation of a level from its mean, on the scale of 10; infinite: uniform from 0 to the level.
    spread: f64,
    /// Largest level, on the scale of 10.
    largest: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Choice {
    /// One row is drawn, and its operators are tried in turn.
    Auto(Vec<Row>),
    /// `count` operators are drawn, each time from all.
    Rand {
        operations: [Operation; 15],
        count: usize,
        probability: f64,
        level: f64,
    },
}

/// Operators, each with its probability and its level, both in tenths.
pub(super) type Row = [(Operation, u8, u8); 2];

/// What RandAugment draws from.
const RAND: [Operation; 15] = [
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    Solarize,
    SolarizeAdd,
    Color,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
];

impl Policy {
    /// Draws the operators for one picture, each with its number.
    pub(super) fn draw(&self, random: &mut Stream) -> Vec<Step> {
        match &self.choice {
            Choice::Auto(rows) => {
                let row = rows[random.below(rows.len() as u32) as usize];
                row.into_iter()
                    .filter_map(|(operation, probability, level)| {
                        let probability = f64::from(probability) / 10.0;
                        self.step(operation, probability, f64::from(level), random)
                    })
                    .collect()
            }
            Choice::Rand {
                operations,
                count,
                probability,
                level,
            } => (0..*count)
                .filter_map(|_| {
                    let operation = operations[random.below(operations.len() as u32) as usize];
                    self.step(operation, *probability, *level, random)
                })
                .collect(),
        }
    }

    fn step(
        &self,
        operation: Operation,
        probability: f64,
        level: f64,
        random: &mut Stream,
    ) -> Option<Step> {
        if f64::from(random.uniform()) >= probability {
            return None;
        }
        let level = match self.spread {
            0.0 => level,
            f64::INFINITY => level * f64::from(random.uniform()),
            spread => level + spread * f64::from(random.normal()),
        };
        let sign = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
        Some(operation.at(level.clamp(0.0, self.largest) / 10.0, sign))
    }
}

impl FromStr for Policy {
    /// What is wrong, and what to do.
    type Err = [String; 2];

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut sections = text.split('-');
        let name = sections.next().unwrap_or_default();
        let rand = name == "rand";
        let mut numbers = Numbers::default();
        for section in sections {
            numbers.read(section, rand)?;
        }
        let choice = if rand {
            let mut operations = RAND;
            if numbers.increasing {
                operations = operations.map(increasing);
            }
            Choice::Rand {
                operations,
                count: numbers.count,
                probability: numbers.probability,
                level: numbers.level,
            }
        } else {
            Choice::Auto(rows(name)?)
        };
        let spread = match numbers.spread {
            uniform if uniform > 100.0 => f64::INFINITY,
            spread => spread,
        };
        Ok(Self {
            choice,
            spread,
            largest: numbers.largest,
        })
    }
}

fn rows(name: &str) -> Result<Vec<Row>, [String; 2]> {
    let rows = match name.strip_suffix('r').unwrap_or(name) {
        "v0" => tables::V0,
        "original" => tables::ORIGINAL,
        "cifar10" => tables::CIFAR10,
        _ => {
            let known = [
                "rand",
                "v0",
                "v0r",
                "original",
                "originalr",
                "cifar10",
                "cifar10r",
            ];
            return Err([
                format!("there is no policy `{name}`"),
                suggestion(name, known),
            ]);
        }
    };
    let growing = |operation| match operation {
        Posterize | PosterizeOriginal => PosterizeIncreasing,
        other => other,
    };
    Ok(match name.ends_with('r') {
        false => rows.to_vec(),
        true => rows
            .map(|row| row.map(|(o, p, l)| (growing(o), p, l)))
            .to_vec(),
    })
}

/// The variant that changes a picture more at a higher level.
fn increasing(operation: Operation) -> Operation {
    match operation {
        Posterize => PosterizeIncreasing,
        Solarize => SolarizeIncreasing,
        Color => ColorIncreasing,
        Contrast => ContrastIncreasing,
        Brightness => BrightnessIncreasing,
        Sharpness => SharpnessIncreasing,
        other => other,
    }
}

/// What stands behind the dashes, on the scale of 10.
struct Numbers {
    level: f64,
    count: usize,
    probability: f64,
    spread: f64,
    largest: f64,
    increasing: bool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            level: 10.0,
            count: 2,
            probability: 0.5,
            spread: 0.0,
            largest: 10.0,
            increasing: false,
        }
    }
}

impl Numbers {
    fn read(&mut self, section: &str, rand: bool) -> Result<(), [String; 2]> {
        let digits = section
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(section.len());
        let (key, text) = section.split_at(digits);
        let known: &[&str] = match rand {
            true => &["m", "n", "p", "mstd", "mmax", "inc"],
            false => &["mstd"],
        };
        if !known.contains(&key) {
            let problem = format!("`{section}` is no section of it");
            let help = format!(
                "A section is one of {}, and a number, as in mstd0.5",
                known.join(", ")
            );
            return Err([problem, help]);
        }
        let (least, most) = match key {
            "m" | "mmax" => (0.0, 30.0),
            "n" => (1.0, 16.0),
            "p" | "inc" => (0.0, 1.0),
            _ => (0.0, 1e6),
        };
        let whole = matches!(key, "n" | "inc");
        let value = text
            .parse::<f64>()
            .ok()
            .filter(|value| (least..=most).contains(value) && !(whole && value.fract() > 0.0))
            .ok_or_else(|| {
                let kind = if whole { "a whole number" } else { "a number" };
                let help = format!("`{key}` is followed by {kind} from {least} to {most}");
                [format!("`{section}` cannot be"), help]
            })?;
        match key {
            "m" => self.level = value,
            "n" => self.count = value as usize,
            "p" => self.probability = value,
            "mstd" => self.spread = value,
            "mmax" => self.largest = value,
            _ => self.increasing = value > 0.0,
        }
        Ok(())
    }
}
