//! Networks that may be advised: those of the zoo, and families scaled by rules.

use triaxis_models::scaling::tiny;
use triaxis_models::{Network, Scaling, Spec, Strategy, entries};

use super::family::Family;
use crate::error::{Error, Result};

/// Networks that families are scaled from, each with its family.
const BASES: [(&str, Family); 12] = [
    ("efficientnet_b0", Family::EfficientNet),
    ("tf_efficientnetv2_b0", Family::EfficientNetV2),
    ("mobilenetv2_100", Family::MobileNetV2),
    ("regnetx_004", Family::RegNetX),
    ("regnety_500mf", Family::RegNetY),
    ("regnety_4gf", Family::RegNetY),
    ("regnetz_500mf", Family::RegNetZ),
    ("regnetz_4gf", Family::RegNetZ),
    ("resnet18", Family::ResNet),
    ("resnet50", Family::ResNet),
    ("resnext50_32x4d", Family::ResNeXt),
    ("efficientnet_b0", Family::TinyNet),
];

/// How a candidate came about.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// It is in the zoo.
    AsPublished,
    /// Its growth is shared between the axes by the strategy of this name.
    Shares(String),
    /// By EfficientNet's rule and rounding.
    Compound,
    /// By TinyNet's rule.
    Tiny,
}

impl Rule {
    /// The rule of this name: that of a [`Strategy`], `phi` or `tiny`.
    ///
    /// # Errors
    ///
    /// A name that is none, with those there are.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "phi" => Self::Compound,
            "tiny" => Self::Tiny,
            name => {
                name.parse::<Strategy>().map_err(|error| {
                    Error::config(
                        "--strategy",
                        error.to_string(),
                        "EfficientNet's rule is phi, TinyNet's is tiny",
                    )
                })?;
                Self::Shares(name.to_owned())
            }
        })
    }

    /// The name as `triaxis scale --strategy` takes it; none of a network of the zoo.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::AsPublished => None,
            Self::Shares(name) => Some(name),
            Self::Compound => Some("phi"),
            Self::Tiny => Some("tiny"),
        }
    }
}

/// A network with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The network for ImageNet's 1000 classes, at its own resolution.
    pub spec: Spec,
    /// Its family.
    pub family: Family,
    /// The network that it was scaled from; its own name for one of the zoo.
    pub base: String,
    /// How.
    pub rule: Rule,
    /// Growth of the base's multiply-adds that was asked for; 1 for one of the zoo.
    pub factor: f64,
}

/// A base and a rule: candidates of every size.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    base: Spec,
    family: Family,
    rule: Rule,
}

impl Line {
    /// Every base of these families by every rule. EfficientNet's rule is applied to its own family and its relatives,
    /// TinyNet's to EfficientNet-B0 alone, as in their papers.
    ///
    /// # Errors
    ///
    /// Those of the zoo.
    pub fn all(families: &[Family], rules: &[Rule]) -> Result<Vec<Self>> {
        let mut lines = Vec::new();
        for (name, family) in BASES.iter().filter(|(_, f)| families.contains(f)) {
            let base = triaxis_models::zoo(name)?;
            for rule in rules {
                let meant = match rule {
                    Rule::AsPublished => false,
                    Rule::Tiny => *family == Family::TinyNet,
                    Rule::Compound => {
                        matches!(base.network, Network::EfficientNet(_))
                            && *family != Family::TinyNet
                    }
                    Rule::Shares(_) => *family != Family::TinyNet,
                };
                if meant {
                    lines.push(Self {
                        base: base.clone(),
                        family: *family,
                        rule: rule.clone(),
                    });
                }
            }
        }
        Ok(lines)
    }

    /// The network of this line that has about `factor` times the base's multiply-adds; `None` where there is none: too
    /// small for its strides, too large, or outside of what TinyNet's rule knows.
    ///
    /// # Errors
    ///
    /// Those of a strategy's name.
    pub fn at(&self, factor: f64) -> Result<Option<Candidate>> {
        let scaled = match &self.rule {
            Rule::AsPublished => return Ok(None),
            Rule::Shares(name) => self.base.scaled(name.parse::<Strategy>()?.at(factor)),
            Rule::Compound => self.base.scaled(Scaling::compound(factor)),
            Rule::Tiny => self.tiny(factor),
        };
        let Ok(spec) = scaled else { return Ok(None) };
        let rule = self.rule.name().unwrap_or_default();
        // As `triaxis scale` names it: of phi a number alone is the exponent.
        let times = if self.rule == Rule::Compound { "x" } else { "" };
        let candidate = Candidate {
            spec: Spec {
                name: format!("{}-{rule}-{times}{}", self.base.name, short(factor)),
                ..spec
            },
            family: self.family,
            base: self.base.name.clone(),
            rule: self.rule.clone(),
            factor,
        };
        Ok(Some(candidate))
    }

    /// Depth and resolution from the share, the width that is left.
    fn tiny(&self, share: f64) -> triaxis_models::Result<Spec> {
        let flops = |spec: &Spec| Ok(spec.complexity()?.flops);
        let target = (flops(&self.base)? as f64 * share).round() as u64;
        let (_, found) = tiny(&self.base, target, |scaling| scaling, flops)?;
        Ok(found.nearest.spec)
    }
}

/// The networks of the zoo that are of these families; of networks that differ in no more than padding or the last digit
/// of a factor, the first.
///
/// # Errors
///
/// Those of the zoo.
pub fn published(families: &[Family]) -> Result<Vec<Candidate>> {
    let mut all: Vec<(Candidate, [u64; 3])> = Vec::new();
    for entry in entries() {
        let spec = entry.spec()?;
        let family = match entry.name.starts_with("tinynet") {
            true => Family::TinyNet,
            false => Family::of(&spec.network),
        };
        if !families.contains(&family) {
            continue;
        }
        let counts = spec.complexity()?;
        let counts = [counts.flops, counts.params, counts.acts];
        if all
            .iter()
            .any(|(other, known)| other.family == family && *known == counts)
        {
            continue;
        }
        let candidate = Candidate {
            base: spec.name.clone(),
            spec,
            family,
            rule: Rule::AsPublished,
            factor: 1.0,
        };
        all.push((candidate, counts));
    }
    Ok(all.into_iter().map(|(candidate, _)| candidate).collect())
}

/// A number in three digits behind the point at most.
fn short(x: f64) -> String {
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_from_small_to_large_and_end_where_networks_do() {
        let rules = ["dWr", "phi", "tiny"].map(|name| Rule::named(name).unwrap());
        let lines = Line::all(&Family::ALL, &rules).unwrap();
        assert!(lines.len() >= 14, "{}", lines.len());
        for line in lines {
            let flops = |factor| {
                let candidate: Option<Candidate> = line.at(factor).unwrap();
                candidate.map(|c| c.spec.complexity().unwrap().flops)
            };
            let (less, more) = (flops(0.3).unwrap(), flops(0.9).unwrap());
            assert!(less < more, "{line:?}");
            assert_eq!(flops(1e9), None, "{}", line.base.name);
        }
        assert!(Rule::named("dWR").is_err());
    }

    #[test]
    fn a_candidate_is_what_its_command_makes() {
        let rules = [Rule::named("dWr").unwrap()];
        let line = &Line::all(&[Family::RegNetZ], &rules).unwrap()[0];
        let made = line.at(0.577).unwrap().unwrap();
        let base = triaxis_models::zoo("regnetz_500mf").unwrap();
        let scaled = base.scaled(Scaling::fast(0.577)).unwrap();
        assert_eq!(made.spec.network, scaled.network);
        assert_eq!(made.spec.name, "regnetz_500mf-dWr-0.577");
        assert_eq!((made.base.as_str(), made.factor), ("regnetz_500mf", 0.577));
        let rules = [Rule::named("phi").unwrap()];
        let line = &Line::all(&[Family::EfficientNet], &rules).unwrap()[0];
        let name = line.at(2.0).unwrap().unwrap().spec.name;
        assert_eq!(name, "efficientnet_b0-phi-x2");
    }

    #[test]
    fn the_zoo_is_told_once_by_family() {
        let all = published(&[Family::EfficientNet, Family::TinyNet]).unwrap();
        let names: Vec<&str> = all.iter().map(|c| c.spec.name.as_str()).collect();
        assert!(names.contains(&"efficientnet_b0") && names.contains(&"tinynet_e"));
        assert!(
            !names
                .iter()
                .any(|name| name.starts_with("tf_efficientnet_b")),
            "{names:?}"
        );
        let tiny = all.iter().find(|c| c.spec.name == "tinynet_e").unwrap();
        assert_eq!(tiny.family, Family::TinyNet);
    }
}
