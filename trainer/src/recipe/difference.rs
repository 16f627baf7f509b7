//! What one recipe or network has changed against another, and whether a run may go on under the change.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use triaxis_models::Spec;

use super::Recipe;

/// A value that two recipes, or two networks, do not share.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its name, as in `opt.momentum`.
    pub name: String,
    /// What it was; `None` where the recipe had no such value.
    pub before: Option<Value>,
    /// What it is now.
    pub now: Option<Value>,
}

impl Difference {
    /// Whether a run goes on under it as under the recipe that it began with: more epochs, and whatever only decides
    /// when a run ends.
    pub fn is_safe(&self) -> bool {
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
        match self.name.as_str() {
            "epochs" => number(&self.now) >= number(&self.before),
            "patience" => true,
            _ => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| value.as_ref().map_or("none".into(), Value::to_string);
        write!(
            f,
            "{}: {} -> {}",
            self.name,
            text(&self.before),
            text(&self.now)
        )
    }
}

impl Recipe {
    /// What `now` has changed, in the order of a recipe's values; `workers` and `data.resident`, which decide nothing, are left out.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        between(self, now, &["workers", "data.resident"])
    }
}

/// What the network `now` has changed against the one `before`; their names are left out.
pub fn network_differences(before: &Spec, now: &Spec) -> Vec<Difference> {
    between(before, now, &["name"])
}

fn between(before: &impl Serialize, now: &impl Serialize, left_out: &[&str]) -> Vec<Difference> {
    let (before, now) = (leaves(before), leaves(now));
    let find = |leaves: &[(String, Value)], name: &str| {
        let found = leaves.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    let mut seen: HashSet<&str> = left_out.iter().copied().collect();
    let names = before.iter().chain(&now).map(|(name, _)| name.as_str());
    names
        .filter(|name| seen.insert(name))
        .map(|name| Difference {
            name: name.to_owned(),
            before: find(&before, name),
            now: find(&now, name),
        })
        .filter(|difference| difference.before != difference.now)
        .collect()
}

/// Numbers and words under their names.
fn leaves(of: &impl Serialize) -> Vec<(String, Value)> {
    let table = serde_json::to_value(of);
    let table = table.expect("recipes and networks are made of numbers, words and tables of them");
    let mut leaves = Vec::new();
    flatten("", table, &mut leaves);
    leaves
}

fn flatten(prefix: &str, value: Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let name = match prefix {
                    "" => key,
                    _ => format!("{prefix}.{key}"),
                };
                flatten(&name, value, leaves);
            }
        }
        // The stages of a network.
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (i, value) in list.into_iter().enumerate() {
                flatten(&format!("{prefix}.{i}"), value, leaves);
            }
        }
        Value::Null => {}
        leaf => leaves.push((prefix.to_owned(), leaf)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{ModelEma, Sgd};

    #[test]
    fn differences_are_named_with_both_values() {
        let before = Recipe::default();
        let mut now = Recipe {
            workers: 99,
            clip_grad: Some(2.5),
            model_ema: ModelEma::Off,
            ..before.clone()
        };
        now.opt = crate::recipe::Optimizer::Sgd(Sgd {
            momentum: 0.5,
            ..Sgd::default()
        });
        let told: Vec<String> = before
            .differences(&now)
            .iter()
            .map(ToString::to_string)
            .collect();
        for line in [
            "clip_grad: none -> 2.5",
            "opt.momentum: 0.9 -> 0.5",
            "model_ema.name: \"pycls\" -> \"off\"",
        ] {
            assert!(told.iter().any(|other| other == line), "{told:?}");
        }
        assert!(before.differences(&before).is_empty());
    }

    #[test]
    fn networks_differ_in_what_is_not_their_name() {
        let before = triaxis_models::zoo("efficientnet_b0").unwrap();
        let mut now = Spec {
            name: "another".into(),
            ..before.clone()
        };
        assert_eq!(network_differences(&before, &now), []);
        let text = now.to_toml().replacen("depth = 2", "depth = 7", 1);
        now = Spec::from_toml(&text).unwrap();
        let told = network_differences(&before, &now);
        assert!(
            told.len() == 1 && told[0].to_string().ends_with("stages.1.depth: 2 -> 7"),
            "{told:?}"
        );
    }

    #[test]
    fn only_more_epochs_are_safe() {
        let of = |epochs, lr| {
            let now = Recipe {
                epochs,
                lr,
                ..Recipe::default()
            };
            let differences = Recipe::default().differences(&now);
            differences.iter().all(Difference::is_safe)
        };
        let (epochs, lr) = (Recipe::default().epochs, Recipe::default().lr);
        assert!(of(epochs, lr) && of(epochs + 1, lr));
        assert!(!of(epochs - 1, lr) && !of(epochs, lr / 2.0));
    }
}
