//! What one recipe has changed against another, and whether a run may go on under the change.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use super::Recipe;

/// A value that two recipes do not share.
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
        let (before, now) = (leaves(self), leaves(now));
        let find = |leaves: &[(String, Value)], name: &str| {
            let found = leaves.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone())
        };
        let mut seen = HashSet::from(["workers", "data.resident"]);
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
}

/// The numbers and words of a recipe under their names.
fn leaves(recipe: &Recipe) -> Vec<(String, Value)> {
    let table = serde_json::to_value(recipe);
    let table = table.expect("a recipe is made of numbers, words and tables of them");
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
