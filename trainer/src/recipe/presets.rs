//! The recipes that are built in, by name: the files of `recipes/`.

use std::path::Path;

use super::{Recipe, read};
use crate::error::{Error, Result, suggestion};

/// Name and text of each recipe that needs no file.
pub const PRESETS: [(&str, &str); 6] = [
    (
        "fast-scaling",
        include_str!("../../../recipes/fast-scaling.toml"),
    ),
    (
        "efficientnet",
        include_str!("../../../recipes/efficientnet.toml"),
    ),
    ("finetune", include_str!("../../../recipes/finetune.toml")),
    ("tinynet", include_str!("../../../recipes/tinynet.toml")),
    ("cifar", include_str!("../../../recipes/cifar.toml")),
    ("demo", include_str!("../../../recipes/demo.toml")),
];

/// The recipe that is built in under this name, or in the file of this path.
pub(super) fn find(name: &str) -> Result<Recipe> {
    if let Some((name, text)) = PRESETS.iter().find(|(known, _)| *known == name) {
        return read::parse(text, &format!("the built-in recipe {name}"));
    }
    let path = Path::new(name);
    if path.extension().is_some() || path.exists() {
        return read::load(path);
    }
    let names = PRESETS.map(|(name, _)| name);
    // All are told anyway.
    let near = Some(suggestion(name, names)).filter(|near| near.ends_with('?'));
    let near = near.map_or_else(String::new, |near| near + " ");
    Err(Error::config(
        format!("recipe {name}"),
        "it is neither built in nor a file",
        format!("{near}Built in are {}", names.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{ModelEma, Optimizer, Schedule};
    use super::*;
    use crate::schedule::{Position, learning_rate};

    #[test]
    fn every_built_in_recipe_is_valid_and_of_a_network_that_is_known() {
        for (name, _) in PRESETS {
            let recipe = find(name).unwrap();
            recipe.validate().unwrap();
            triaxis_models::Spec::find(&recipe.model).unwrap();
        }
    }

    #[test]
    fn fast_scaling_is_the_default_for_1024_images_an_update() {
        let recipe = find("fast-scaling").unwrap();
        let expected = Recipe {
            grad_accum_steps: 8,
            crop_pct: 0.875,
            precise_bn: 8192,
            amp: true,
            augment: recipe.augment.clone(),
            ..Recipe::default()
        };
        assert_eq!(recipe, expected);
        assert_eq!(recipe.augment.aa.as_deref(), Some("v0"));
        let at = |epoch| learning_rate(&recipe, Position::epoch(epoch));
        assert_eq!((at(0), recipe.peak_lr()), (0.2, 2.0));
        assert!((at(100) - 2.0 * 0.02).abs() < 1e-12, "{}", at(100));
    }

    #[test]
    fn efficientnet_and_tinynet_drop_their_rate_by_the_staircase() {
        for (name, peak, warm_up) in [("efficientnet", 0.128, 5), ("tinynet", 0.048, 3)] {
            let recipe = find(name).unwrap();
            assert!(matches!(recipe.opt, Optimizer::RmspropTf(_)), "{name}");
            assert!(matches!(recipe.model_ema, ModelEma::Decay(_)), "{name}");
            assert!(matches!(recipe.sched, Schedule::Step(_)), "{name}");
            assert!((recipe.peak_lr() - peak).abs() < 1e-12, "{name}");
            // 7.19 and 7.21 epochs in, on both sides of the third drop.
            let at = |step| {
                let place = Position {
                    epoch: 7,
                    step,
                    steps: 100,
                };
                learning_rate(&recipe, place) / recipe.peak_lr()
            };
            assert!((at(19) - 0.97f64.powi(2)).abs() < 1e-12, "{name}");
            assert!((at(21) - 0.97f64.powi(3)).abs() < 1e-12, "{name}");
            assert!(learning_rate(&recipe, Position::epoch(1)) < recipe.peak_lr());
            assert_eq!(recipe.warmup_epochs, f64::from(warm_up), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_not_built_in_brings_the_one_that_was_meant() {
        let error = find("fastscaling").unwrap_err().to_string();
        assert!(
            error.contains("file. Did you mean `fast-scaling`? Built in are "),
            "{error}"
        );
        let error = find("other").unwrap_err().to_string();
        assert!(error.contains("file. Built in are "), "{error}");
        let error = find("nowhere.toml").unwrap_err().to_string();
        assert!(error.contains("cannot read the recipe"), "{error}");
    }
}
