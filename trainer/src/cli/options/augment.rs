//! How training pictures are changed, as options by timm's names.

use clap::Args;

use crate::data::{CropRule, EraseMode, Resampling};
use crate::error::{Error, Result};
use crate::recipe::{Augment, Place, choice};

/// What an option leaves out keeps the recipe's value.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AugmentOptions {
    /// Train on random parts of the pictures of this share of their area, such as 0.08 1, resized; off
    #[arg(long, num_args = 1..=2, value_names = ["LEAST", "MOST"], help_heading = "Augmentation")]
    scale: Option<Vec<String>>,
    /// Width over height of those parts
    #[arg(long, num_args = 2, value_names = ["LEAST", "MOST"], help_heading = "Augmentation")]
    ratio: Option<Vec<f64>>,
    /// Draw those parts as timm or as pycls does
    #[arg(long, value_name = "RULE", help_heading = "Augmentation")]
    crop_rule: Option<String>,
    /// How training pictures are resized: bilinear, bicubic, random (one of these) or opencv (bilinear, unsmoothed)
    #[arg(long, value_name = "KIND", help_heading = "Augmentation")]
    train_interpolation: Option<String>,
    /// AutoAugment or RandAugment: v0, original, cifar10, rand-m9-mstd0.5-inc1 ...; off
    #[arg(long, value_name = "POLICY", help_heading = "Augmentation")]
    aa: Option<String>,
    /// Largest changes of brightness, contrast and saturation, one number for all or three, and of hue, a fourth
    #[arg(long, num_args = 1..=4, value_name = "FACTOR", help_heading = "Augmentation")]
    color_jitter: Option<Vec<f64>>,
    /// Deviation of light along the axes of ImageNet's colours, such as 0.1
    #[arg(long, value_name = "STD", help_heading = "Augmentation")]
    lighting: Option<f64>,
    /// Who cuts, mirrors and colours: cpu (the threads that decode) or gpu
    #[arg(long = "augment", value_name = "PLACE", help_heading = "Augmentation")]
    device: Option<String>,
    /// Probability of random erasing
    #[arg(long, value_name = "P", help_heading = "Augmentation")]
    reprob: Option<f64>,
    /// What stands there then: pixel (noise), rand (a colour) or const (the mean)
    #[arg(long, value_name = "MODE", help_heading = "Augmentation")]
    remode: Option<String>,
    /// Most rectangles that are erased of a picture
    #[arg(long, value_name = "COUNT", help_heading = "Augmentation")]
    recount: Option<usize>,
    /// CutMix's alpha; 0 is none
    #[arg(long, value_name = "ALPHA", help_heading = "Augmentation")]
    cutmix: Option<f64>,
    /// Sides of CutMix's rectangle in parts of the picture's, in place of --cutmix
    #[arg(long, num_args = 2, value_names = ["LEAST", "MOST"], help_heading = "Augmentation")]
    cutmix_minmax: Option<Vec<f64>>,
    /// Probability that a batch is mixed
    #[arg(long, value_name = "P", help_heading = "Augmentation")]
    mixup_prob: Option<f64>,
    /// Probability of CutMix where there is mixup, too
    #[arg(long, value_name = "P", help_heading = "Augmentation")]
    mixup_switch_prob: Option<f64>,
}

/// Two shares of an area, or `off`.
fn scale(words: &[String]) -> Result<Option<[f64; 2]>> {
    let numbers: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    match (words, &numbers[..]) {
        ([word], _) if word == "off" => Ok(None),
        ([_, _], [least, most]) => Ok(Some([*least, *most])),
        _ => Err(Error::config(
            format!("--scale {}", words.join(" ")),
            "is no range",
            "Give two shares of the area, such as --scale 0.08 1, or --scale off",
        )),
    }
}

/// The largest changes of brightness, contrast, saturation and hue.
fn jitter(factors: &[f64]) -> Result<[f64; 4]> {
    match *factors {
        [all] => Ok([all, all, all, 0.0]),
        [brightness, contrast, saturation] => Ok([brightness, contrast, saturation, 0.0]),
        [brightness, contrast, saturation, hue] => Ok([brightness, contrast, saturation, hue]),
        _ => Err(Error::config(
            "--color-jitter",
            format!("expected one, three or four numbers, got {}", factors.len()),
            "Give one for brightness, contrast and saturation, or each of them, and hue as a fourth",
        )),
    }
}

impl AugmentOptions {
    /// Sets what is given.
    pub(super) fn apply(&self, augment: &mut Augment) -> Result<()> {
        if let Some(words) = &self.scale {
            augment.scale = scale(words)?;
        }
        if let Some([least, most]) = self.ratio.as_deref() {
            augment.ratio = [*least, *most];
        }
        if let Some(word) = &self.crop_rule {
            augment.crop_rule = choice("--crop-rule", word, [CropRule::Timm, CropRule::Pycls])?;
        }
        if let Some(word) = &self.train_interpolation {
            let known = [
                Resampling::Bilinear,
                Resampling::Bicubic,
                Resampling::Random,
                Resampling::Opencv,
            ];
            augment.train_interpolation = choice("--train-interpolation", word, known)?;
        }
        if let Some(policy) = &self.aa {
            augment.aa = (policy != "off").then(|| policy.clone());
        }
        if let Some(word) = &self.device {
            augment.device = choice("--augment", word, [Place::Cpu, Place::Gpu])?;
        }
        if let Some(word) = &self.remode {
            let known = [EraseMode::Pixel, EraseMode::Rand, EraseMode::Const];
            augment.remode = choice("--remode", word, known)?;
        }
        if let Some([least, most]) = self.cutmix_minmax.as_deref() {
            augment.cutmix_minmax = Some([*least, *most]);
        }
        super::set(&mut augment.lighting, self.lighting);
        super::set(&mut augment.reprob, self.reprob);
        super::set(&mut augment.recount, self.recount);
        super::set(&mut augment.cutmix, self.cutmix);
        super::set(&mut augment.mixup_prob, self.mixup_prob);
        super::set(&mut augment.mixup_switch_prob, self.mixup_switch_prob);
        if let Some(factors) = &self.color_jitter {
            augment.color_jitter = jitter(factors)?;
        }
        Ok(())
    }
}
