//! Which parameters of a network learn, and how fast: what is frozen, and rates that fall towards the images.

use std::collections::{HashMap, HashSet};

use triaxis_engine::{Graph, Mode, Result};
use triaxis_models::Model;

use crate::drawing::head;
use crate::error::Error;
use crate::recipe::Recipe;

/// The pattern for everything but the classifier.
const BODY: &str = "body";

/// What a recipe says of a network's single parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Tuning {
    /// Names of the parameters that stay as they are.
    pub(super) frozen: HashSet<String>,
    /// What learning rates are multiplied by, by the parameters' names.
    rates: HashMap<String, f32>,
    /// The classifier's parameters begin so.
    head: String,
    /// Patterns that name no parameter.
    unmatched: Vec<String>,
    /// First parts of the names, for the message that goes with them.
    parts: Vec<String>,
}

impl Tuning {
    /// Draws `model` for its names.
    pub(super) fn new(model: &dyn Model, recipe: &Recipe) -> Result<Self> {
        let mut g = Graph::new(Mode::Evaluate);
        let side = recipe.img_size.unwrap_or_else(|| model.resolution());
        let image = g.input("image", [1, side, side, 3]);
        let logits = model.forward(&mut g, image)?;
        let head = head(&g, logits);
        let names: Vec<String> = g.parameters().iter().map(|p| p.name.clone()).collect();
        let mut tuning = Self {
            head,
            ..Self::default()
        };
        tuning.freeze(&names, &recipe.freeze);
        tuning.rates = tuning.layer_rates(&names, recipe.layer_decay);
        Ok(tuning)
    }

    /// Whether every pattern named something and something is left to learn.
    pub(super) fn check(&self, recipe: &Recipe) -> crate::error::Result<()> {
        if let Some(pattern) = self.unmatched.first() {
            return Err(Error::config(
                format!("freeze = {pattern}"),
                "no parameter's name begins so",
                format!(
                    "Names begin with {}; `{BODY}` is all but the classifier",
                    self.parts.join(", ")
                ),
            ));
        }
        if self.frozen.len() == self.rates.len() {
            return Err(Error::config(
                format!("freeze = {}", recipe.freeze.join(" ")),
                "nothing is left to learn",
                "Freeze less",
            ));
        }
        Ok(())
    }

    /// Whether a parameter is the classifier's.
    pub(super) fn is_head(&self, name: &str) -> bool {
        name.starts_with(&self.head)
    }

    /// What a parameter's learning rate is multiplied by.
    pub(super) fn rate(&self, name: &str) -> f32 {
        self.rates.get(name).copied().unwrap_or(1.0)
    }

    fn freeze(&mut self, names: &[String], patterns: &[String]) {
        for name in names {
            let part = name.split('.').next().unwrap_or_default();
            if self.parts.last().is_none_or(|last| last != part) {
                self.parts.push(part.to_owned());
            }
        }
        for pattern in patterns {
            let before = self.frozen.len();
            let meant = |name: &&String| match pattern.as_str() {
                BODY => !self.is_head(name),
                _ => matches(pattern, name),
            };
            let found: Vec<String> = names.iter().filter(meant).cloned().collect();
            let known = found.iter().any(|name| self.frozen.contains(name));
            self.frozen.extend(found);
            if self.frozen.len() == before && !known {
                self.unmatched.push(pattern.clone());
            }
        }
    }

    /// `decay` to the power of how many layers lie between a parameter's and the classifier: the stem is a layer, each
    /// block, and what lies behind the last of them.
    fn layer_rates(&self, names: &[String], decay: f64) -> HashMap<String, f32> {
        let (mut layers, mut layer, mut present) = (Vec::new(), 0usize, None);
        for (i, name) in names.iter().enumerate() {
            let key = match self.is_head(name) {
                true => Some(self.head.as_str()),
                false => block(name),
            };
            layer += usize::from(i > 0 && key != present);
            present = key;
            layers.push(layer);
        }
        let factor = |&at: &usize| decay.powi((layer - at) as i32) as f32;
        let each = names.iter().zip(&layers);
        each.map(|(name, at)| (name.clone(), factor(at))).collect()
    }
}

/// The block that a parameter or node belongs to, by its name: `blocks.2.0` of `blocks.2.0.conv.weight`, `s1.b1` of
/// `s1.b1.se.fc1.bias`; `None` before the first and behind the last.
pub(super) fn block(name: &str) -> Option<&str> {
    let numbered = |part: &str| {
        let digits = part.strip_prefix('b').unwrap_or(part);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut end = name.find('.')?;
    let mut found = false;
    while let Some(rest) = name.get(end + 1..) {
        let part = rest.split('.').next().unwrap_or_default();
        if !numbered(part) {
            break;
        }
        end += 1 + part.len();
        found = true;
    }
    found.then(|| &name[..end])
}

/// Whether a pattern, in which `*` stands for any text, is a name or the beginning of one up to a dot.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => name
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.any(|at| matches(after, &rest[at..]) || after.is_empty())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_by_their_numbers() {
        for (name, expected) in [
            ("blocks.2.0.conv_pw.weight", Some("blocks.2.0")),
            ("blocks.2.0", Some("blocks.2.0")),
            ("s1.b12.se.fc1.bias", Some("s1.b12")),
            ("layer4.1.bn3.weight", Some("layer4.1")),
            ("conv1.weight", None),
            ("stem.bn.weight", None),
            ("classifier.weight", None),
            ("", None),
        ] {
            assert_eq!(block(name), expected, "{name}");
        }
    }

    #[test]
    fn a_pattern_is_a_name_or_the_beginning_of_one() {
        for (pattern, name, expected) in [
            ("blocks.0", "blocks.0.0.conv.weight", true),
            ("blocks.1", "blocks.10.0.conv.weight", false),
            ("blocks.*.bn1", "blocks.3.1.bn1.weight", true),
            ("*.weight", "conv_stem.weight", true),
            ("*bn", "stem.bn.bias", true),
            ("*", "head.fc.bias", true),
            ("conv", "conv_stem.weight", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_body_is_all_but_the_classifier_and_rates_fall_towards_the_stem() {
        let spec = triaxis_models::Spec::find("regnety_004").unwrap();
        let recipe = Recipe {
            freeze: vec!["body".into()],
            layer_decay: 0.5,
            img_size: Some(32),
            ..Recipe::default()
        };
        let tuning = Tuning::new(&spec, &recipe).unwrap();
        tuning.check(&recipe).unwrap();
        assert!(tuning.frozen.contains("stem.conv.weight"));
        assert!(!tuning.frozen.contains("head.fc.weight"));
        // 16 blocks, the stem before them, the classifier behind.
        assert_eq!(tuning.rate("head.fc.bias"), 1.0);
        assert_eq!(tuning.rate("s4.b6.conv3.bn.weight"), 0.5);
        assert_eq!(tuning.rate("s1.b1.conv1.conv.weight"), 0.5f32.powi(16));
        assert_eq!(tuning.rate("stem.bn.bias"), 0.5f32.powi(17));
        for (pattern, problem) in [
            ("stages", "no parameter's name begins so"),
            ("*", "nothing is left"),
        ] {
            let recipe = Recipe {
                freeze: vec![pattern.into()],
                ..recipe.clone()
            };
            let tuning = Tuning::new(&spec, &recipe).unwrap();
            let error = tuning.check(&recipe).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
