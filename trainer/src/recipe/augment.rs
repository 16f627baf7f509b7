//! How training pictures are changed, anew in every epoch.

use serde::{Deserialize, Serialize};
use triaxis_engine::ops;

use super::{
    Recipe,
    validate::{refuse, whole, within},
};
use crate::data::{
    Augmentation, ColorJitter, CropRule, DeviceAugmentation, EraseMode, Lighting, Policy,
    RandomErasing, Resampling, ResizedCrop,
};
use crate::error::{Error, Result};

/// Who cuts, mirrors and colours training pictures. Light, erasing and mixing are the device's in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The threads that decode.
    #[default]
    Cpu,
    /// The device, from pictures that are fitted to the network's side once: for small pictures, which stay in memory.
    Gpu,
}

/// How training pictures are changed. As it stands by default: fitted to the network's side, and no more than that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Who cuts, mirrors and colours.
    pub device: Place,
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
    /// Deviation of the light that is added along the principal axes of ImageNet's colours; 0 is none. pycls has 0.1.
    pub lighting: f64,
    /// Probability of random erasing.
    pub reprob: f64,
    /// What stands in the place of what was erased.
    pub remode: EraseMode,
    /// Most rectangles that are erased of a picture.
    pub recount: usize,
    /// Parameter of CutMix's Beta distribution; 0 is no CutMix, unless `cutmix_minmax` is given.
    pub cutmix: f64,
    /// Least and largest side of CutMix's rectangle, in parts of the picture's, in place of `cutmix`.
    pub cutmix_minmax: Option<[f64; 2]>,
    /// Probability that a batch is mixed at all.
    pub mixup_prob: f64,
    /// Probability of CutMix where there is mixup, too.
    pub mixup_switch_prob: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            device: Place::default(),
            scale: None,
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            crop_rule: CropRule::default(),
            train_interpolation: Resampling::default(),
            aa: None,
            fill: [128; 3],
            color_jitter: [0.0; 4],
            lighting: 0.0,
            reprob: 0.0,
            remode: EraseMode::default(),
            recount: 1,
            cutmix: 0.0,
            cutmix_minmax: None,
            mixup_prob: 1.0,
            mixup_switch_prob: 0.5,
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
        for (name, value) in [
            ("augment.reprob", self.reprob),
            ("augment.mixup_prob", self.mixup_prob),
            ("augment.mixup_switch_prob", self.mixup_switch_prob),
        ] {
            within(name, value, 0.0, 1.0, "0 and 1")?;
        }
        whole("augment.recount", self.recount, 1, 8)?;
        within(
            "augment.lighting",
            self.lighting,
            0.0,
            100.0,
            "0 (off) and 100",
        )?;
        within("augment.cutmix", self.cutmix, 0.0, 1e3, "0 (off) and 1000")?;
        if let Some([least, most]) = self.cutmix_minmax
            && !(least >= 0.0 && least <= most && most <= 1.0)
        {
            let problem = "must be two parts of a side, 0 to 1, the smaller first";
            let value = format!("[{least}, {most}]");
            return Err(refuse("augment.cutmix_minmax", value, problem, correct));
        }
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
        self.what_the_device_cannot()
    }

    fn what_the_device_cannot(&self) -> Result<()> {
        let bilinear = matches!(
            self.train_interpolation,
            Resampling::Bilinear | Resampling::Opencv
        );
        let unable = [
            ("aa", self.aa.is_some()),
            ("color_jitter's hue", self.color_jitter[3] > 0.0),
            ("train_interpolation but bilinear", !bilinear),
        ];
        match unable
            .iter()
            .find(|(_, asked)| *asked && self.device == Place::Gpu)
        {
            None => Ok(()),
            Some((what, _)) => Err(refuse(
                "augment.device",
                "gpu",
                &format!("has no {what}"),
                "Leave that out, or give --augment cpu",
            )),
        }
    }

    fn policy(&self) -> Result<Option<Policy>> {
        let parse = |text: &String| {
            text.parse().map_err(|[problem, help]: [String; 2]| {
                Error::config(format!("augment.aa = \"{text}\""), problem, help)
            })
        };
        self.aa.as_ref().map(parse).transpose()
    }

    fn crop(&self) -> Option<ResizedCrop> {
        self.scale.map(|scale| ResizedCrop {
            scale,
            ratio: self.ratio,
            rule: self.crop_rule,
        })
    }

    /// Whether the host mirrors: where it does something that comes after, or the device makes more of a picture than to
    /// normalise it.
    fn follows_moves(&self) -> bool {
        let more = self.lighting > 0.0 || self.reprob > 0.0;
        self.device == Place::Cpu && (self.aa.is_some() || self.jitter().is_some() || more)
    }

    /// Whether batches may be mixed by rectangles.
    pub fn cuts(&self) -> bool {
        self.cutmix > 0.0 || self.cutmix_minmax.is_some()
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
        if table.device == Place::Gpu {
            return Ok(None);
        }
        let (policy, jitter) = (table.policy()?, table.jitter());
        let augmentation = Augmentation {
            crop: table.crop(),
            moves: table.follows_moves().then(|| self.moves()),
            policy,
            jitter,
            resampling: table.train_interpolation,
            fill: table.fill,
        };
        Ok((!augmentation.is_nothing()).then_some(augmentation))
    }

    /// What is left to the device, which normalises in any case.
    pub fn on_device(&self) -> OnDevice {
        let table = &self.augment;
        let gpu = table.device == Place::Gpu;
        if !gpu && table.lighting == 0.0 && table.reprob == 0.0 {
            return OnDevice::Alike(match table.follows_moves() {
                true => ops::Augment::default(),
                false => self.moves(),
            });
        }
        OnDevice::Each(DeviceAugmentation {
            crop: table.crop().filter(|_| gpu),
            moves: gpu.then(|| self.moves()),
            jitter: table.jitter().filter(|_| gpu),
            lighting: Lighting {
                std: table.lighting,
            },
            erasing: RandomErasing {
                probability: table.reprob,
                mode: table.remode,
                count: table.recount,
            },
        })
    }

    fn moves(&self) -> ops::Augment {
        ops::Augment {
            flip: self.hflip as f32,
            crop: self.crop_padding,
            ..ops::Augment::default()
        }
    }
}

/// What the device does to training pictures.
#[derive(Clone, Debug, PartialEq)]
pub enum OnDevice {
    /// All are moved and mirrored by one rule, if at all.
    Alike(ops::Augment),
    /// Each as its row of a table says.
    Each(DeviceAugmentation),
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
        let gpu = |change: fn(&mut Augment)| {
            with(|a| {
                a.device = Place::Gpu;
                change(a);
            })
        };
        let padded = Recipe {
            crop_padding: 2,
            ..gpu(|_| ())
        };
        let cases: [(&str, Recipe); 19] = [
            ("augment.reprob = 1.5", with(|a| a.reprob = 1.5)),
            ("augment.recount = 9", with(|a| a.recount = 9)),
            ("augment.lighting = -1", with(|a| a.lighting = -1.0)),
            ("augment.cutmix = NaN", with(|a| a.cutmix = f64::NAN)),
            (
                "augment.cutmix_minmax = [0.8, 0.2]",
                with(|a| a.cutmix_minmax = Some([0.8, 0.2])),
            ),
            ("augment.mixup_prob = 2", with(|a| a.mixup_prob = 2.0)),
            (
                "augment.device = gpu: has no aa",
                gpu(|a| a.aa = Some("v0".into())),
            ),
            (
                "augment.device = gpu: has no color_jitter's hue",
                gpu(|a| a.color_jitter[3] = 0.1),
            ),
            (
                "augment.device = gpu: has no train_interpolation but bilinear",
                gpu(|a| a.train_interpolation = Resampling::Bicubic),
            ),
            ("crop_padding = 2", padded),
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
        assert_eq!(cropped.on_device(), OnDevice::Alike(cropped.moves()));
        let augmented = with(|a| a.aa = Some("v0".into()));
        assert_eq!(
            host(&augmented).unwrap().moves,
            Some(Recipe::default().moves())
        );
        let normalised = OnDevice::Alike(ops::Augment::default());
        assert_eq!(augmented.on_device(), normalised);
        let lit = with(|a| a.lighting = 0.1);
        assert!(host(&lit).unwrap().moves.is_some());
        assert!(matches!(lit.on_device(), OnDevice::Each(each) if each.moves.is_none()));
        let on_gpu = with(|a| (a.device, a.scale) = (Place::Gpu, Some([0.08, 1.0])));
        assert_eq!(host(&on_gpu), None);
        assert!(matches!(on_gpu.on_device(), OnDevice::Each(each) if each.crop.is_some()));
    }
}
