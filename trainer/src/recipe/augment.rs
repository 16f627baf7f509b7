//! How training pictures are changed, anew in every epoch.

use serde::{Deserialize, Serialize};
use triaxis_engine::ops;

use super::{
    Recipe,
    validate::{refuse, within},
};
use crate::data::{Augmentation, ColorJitter, CropRule, Policy, Resampling, ResizedCrop};
use crate::error::{Error, Result};

/// How training pictures are changed on the threads that decode them. As it stands by default: fitted to the network's side, and
/// no more than that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Least and largest share of a picture's area that a random part of it has, which is resized to `img_size`; left out:
    /// the middle of the picture. ImageNet's recipes have `[0.08, 1.0]`.
    pub scale: Option<[f64; 2]>,
    /// Least and largest width over height of that part.
    pub ratio: [f64; 2],
    /// Whether that part is drawn as timm or as pycls draws it.
    pub crop_rule: CropRule,
    /// How the colour between pixels is found, where pictures are resized and where `aa` moves pixels.
    pub train_interpolation: Resampling,
    /// AutoAugment (`v0`, `original`, `cifar10`) or RandAugment (`rand-m9-mstd0.5-inc1`), see [`Policy`]; left out: neither.
    pub aa: Option<String>,
    /// Red, green and blue that `aa` brings in from outside of a picture, 0 to 255.
    pub fill: [u8; 3],
    /// Largest changes of brightness, contrast, saturation (factors around 1) and hue (parts of the circle, at most 0.5).
    pub color_jitter: [f64; 4],
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            scale: None,
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            crop_rule: CropRule::default(),
            train_interpolation: Resampling::default(),
            aa: None,
            fill: [128; 3],
            color_jitter: [0.0; 4],
        }
    }
}

impl Augment {
    pub(super) fn validate(&self) -> Result<()> {
        let correct = "Correct it in the recipe or on the command line";
        if let Some([least, most]) = self.scale
            && !(least > 0.0 && least <= most && most <= 1.0)
        {
            let problem = "must be two shares of the area, above 0, at most 1, the smaller first";
            return Err(refuse(
                "augment.scale",
                format!("[{least}, {most}]"),
                problem,
                correct,
            ));
        }
        let [least, most] = self.ratio;
        if !(least >= 0.01 && least <= most && most <= 100.0) {
            let problem = "must be two widths over heights of 0.01 to 100, the smaller first";
            return Err(refuse(
                "augment.ratio",
                format!("[{least}, {most}]"),
                problem,
                correct,
            ));
        }
        self.policy()?;
        for (name, value, most) in [
            ("brightness", self.color_jitter[0], 10.0),
            ("contrast", self.color_jitter[1], 10.0),
            ("saturation", self.color_jitter[2], 10.0),
            ("hue", self.color_jitter[3], 0.5),
        ] {
            let name = format!("augment.color_jitter, {name}");
            within(&name, value, 0.0, most, &format!("0 and {most}"))?;
        }
        if self.aa.is_some() && self.jitter().is_some() {
            return Err(refuse(
                "augment.color_jitter",
                format!("{:?}", self.color_jitter),
                "has no place beside augment.aa, which changes colours itself (timm would leave the jitter out, unsaid)",
                "Leave one of them out",
            ));
        }
        Ok(())
    }

    fn policy(&self) -> Result<Option<Policy>> {
        let parse = |text: &String| {
            text.parse().map_err(|[problem, help]: [String; 2]| {
                Error::config(format!("augment.aa = \"{text}\""), problem, help)
            })
        };
        self.aa.as_ref().map(parse).transpose()
    }

    /// Whether the host does something that comes after moving and mirroring.
    fn follows_moves(&self) -> bool {
        self.aa.is_some() || self.jitter().is_some()
    }

    fn jitter(&self) -> Option<ColorJitter> {
        let [brightness, contrast, saturation, hue] = self.color_jitter;
        self.color_jitter
            .iter()
            .any(|most| *most > 0.0)
            .then_some(ColorJitter {
                brightness,
                contrast,
                saturation,
                hue,
            })
    }
}

impl Recipe {
    /// What the threads that decode do to each picture of an epoch; `None` where they only fit it.
    ///
    /// # Errors
    ///
    /// An `augment.aa` that is no policy.
    pub fn on_host(&self) -> Result<Option<Augmentation>> {
        let table = &self.augment;
        let (policy, jitter) = (table.policy()?, table.jitter());
        let augmentation = Augmentation {
            crop: table.scale.map(|scale| ResizedCrop {
                scale,
                ratio: table.ratio,
                rule: table.crop_rule,
            }),
            moves: table.follows_moves().then(|| self.moves()),
            policy,
            jitter,
            resampling: table.train_interpolation,
            fill: table.fill,
        };
        Ok((!augmentation.is_nothing()).then_some(augmentation))
    }

    /// What is left to the device, which normalises in any case: it moves and mirrors pictures, unless something follows
    /// that on the host.
    pub fn on_device(&self) -> ops::Augment {
        match self.augment.follows_moves() {
            true => ops::Augment::default(),
            false => self.moves(),
        }
    }

    fn moves(&self) -> ops::Augment {
        ops::Augment {
            flip: self.hflip as f32,
            crop: self.crop_padding,
            ..ops::Augment::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Augment)) -> Recipe {
        let mut recipe = Recipe::default();
        change(&mut recipe.augment);
        recipe
    }

    #[test]
    fn impossible_augmentations_are_named() {
        let cases: [(&str, Recipe); 9] = [
            (
                "augment.scale = [0, 1]",
                with(|a| a.scale = Some([0.0, 1.0])),
            ),
            (
                "augment.scale = [0.5, 0.2]",
                with(|a| a.scale = Some([0.5, 0.2])),
            ),
            (
                "augment.scale = [0.1, NaN]",
                with(|a| a.scale = Some([0.1, f64::NAN])),
            ),
            ("augment.ratio = [0, 1]", with(|a| a.ratio = [0.0, 1.0])),
            ("augment.ratio = [2, 1]", with(|a| a.ratio = [2.0, 1.0])),
            (
                "augment.aa = \"rand-m9-x\"",
                with(|a| a.aa = Some("rand-m9-x".into())),
            ),
            (
                "augment.color_jitter, hue = 0.6",
                with(|a| a.color_jitter = [0.0, 0.0, 0.0, 0.6]),
            ),
            (
                "augment.color_jitter, brightness = -1",
                with(|a| a.color_jitter[0] = -1.0),
            ),
            (
                "augment.color_jitter = [0.4, 0.0, 0.0, 0.0]",
                with(|a| (a.aa, a.color_jitter[0]) = (Some("v0".into()), 0.4)),
            ),
        ];
        for (name, recipe) in cases {
            let error = recipe.validate().expect_err(name);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn a_recipe_with_all_of_them_survives_its_file() {
        let text = "[augment]\nscale = [0.08, 1]\ncrop_rule = \"pycls\"\ntrain_interpolation = \"opencv\"\naa = \"v0\"\n";
        let recipe = Recipe::parse(text, "recipe.toml").unwrap();
        recipe.validate().unwrap();
        assert_eq!(recipe.augment.crop_rule, CropRule::Pycls);
        assert_eq!(
            Recipe::parse(&recipe.to_toml(), "args.toml").unwrap(),
            recipe
        );
        assert_ne!(recipe.hash(), Recipe::default().hash());
        let changes = Recipe::default().differences(&recipe);
        assert!(
            changes
                .iter()
                .any(|d| d.to_string() == "augment.aa: none -> \"v0\""),
            "{changes:?}"
        );
    }

    #[test]
    fn a_wrong_word_in_the_table_is_found_with_its_line() {
        let error = |text: &str| Recipe::parse(text, "r.toml").unwrap_err().to_string();
        assert_eq!(
            error("[augment]\nscales = [0.1, 1]\n"),
            "r.toml, line 2: `augment` has no `scales`. Did you mean `scale`?"
        );
        let rule = error("[augment]\ncrop_rule = \"tim\"\n");
        assert!(rule.contains("line 2") && rule.contains("timm"), "{rule}");
        assert!(
            error("augment = 3\n").contains("`augment` is a table"),
            "{rule}"
        );
    }

    #[test]
    fn pictures_are_moved_on_the_host_only_where_something_follows() {
        let host = |recipe: &Recipe| recipe.on_host().unwrap();
        assert_eq!(host(&Recipe::default()), None);
        let cropped = with(|a| a.scale = Some([0.08, 1.0]));
        assert!(host(&cropped).unwrap().moves.is_none());
        assert_eq!(cropped.on_device().flip, 0.5);
        let augmented = with(|a| a.aa = Some("v0".into()));
        assert_eq!(
            host(&augmented).unwrap().moves,
            Some(Recipe::default().moves())
        );
        assert_eq!(augmented.on_device(), ops::Augment::default());
    }
}
