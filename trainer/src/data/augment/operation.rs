//! The operators that AutoAugment and RandAugment choose from, and what a level means to each.

use super::{
    enhance, table,
    warp::{self, Warp},
};
use crate::data::Picture;

/// What may be done to a picture. Of some there are several, which differ in what a level means: `Increasing` ones change
/// the picture more at a higher level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    PosterizeIncreasing,
    /// As the paper of AutoAugment has it: 4 to 8 bits are kept.
    PosterizeOriginal,
    Solarize,
    SolarizeIncreasing,
    SolarizeAdd,
    Color,
    ColorIncreasing,
    Contrast,
    ContrastIncreasing,
    Brightness,
    BrightnessIncreasing,
    Sharpness,
    SharpnessIncreasing,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
}

/// An operator with its number: degrees, a factor, a threshold or bits, a share of the side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    AutoContrast,
    Equalize,
    Invert,
    Rotate(f64),
    Posterize(u32),
    Solarize(i64),
    SolarizeAdd(i64),
    Color(f32),
    Contrast(f32),
    Brightness(f32),
    Sharpness(f32),
    ShearX(f64),
    ShearY(f64),
    TranslateX(f64),
    TranslateY(f64),
}

impl Operation {
    /// What `level` means, from 0 to 1 and beyond where a recipe allows it; `sign`, -1 or 1, counts where an operator has
    /// two directions.
    ///
    /// The ranges are those of the EfficientNet code for TPUs, which timm and pycls took over, but that at least one bit is
    /// kept, as in pycls: with none a picture is black.
    pub(super) fn at(self, level: f64, sign: f64) -> Step {
        let bits = (level * 4.0) as u32;
        let threshold = ((level * 256.0) as i64).min(256);
        let enhanced = (0.1 + 1.8 * level) as f32;
        let moved_on = (1.0 + sign * 0.9 * level).max(0.1) as f32;
        match self {
            Self::AutoContrast => Step::AutoContrast,
            Self::Equalize => Step::Equalize,
            Self::Invert => Step::Invert,
            Self::Rotate => Step::Rotate(sign * 30.0 * level),
            Self::Posterize => Step::Posterize(bits.max(1)),
            Self::PosterizeIncreasing => Step::Posterize(4_u32.saturating_sub(bits).max(1)),
            Self::PosterizeOriginal => Step::Posterize(4 + bits),
            Self::Solarize => Step::Solarize(threshold),
            Self::SolarizeIncreasing => Step::Solarize(256 - threshold),
            Self::SolarizeAdd => Step::SolarizeAdd(((level * 110.0) as i64).min(128)),
            Self::Color => Step::Color(enhanced),
            Self::ColorIncreasing => Step::Color(moved_on),
            Self::Contrast => Step::Contrast(enhanced),
            Self::ContrastIncreasing => Step::Contrast(moved_on),
            Self::Brightness => Step::Brightness(enhanced),
            Self::BrightnessIncreasing => Step::Brightness(moved_on),
            Self::Sharpness => Step::Sharpness(enhanced),
            Self::SharpnessIncreasing => Step::Sharpness(moved_on),
            Self::ShearX => Step::ShearX(sign * 0.3 * level),
            Self::ShearY => Step::ShearY(sign * 0.3 * level),
            Self::TranslateX => Step::TranslateX(sign * 0.45 * level),
            Self::TranslateY => Step::TranslateY(sign * 0.45 * level),
        }
    }
}

impl Step {
    /// Does it.
    pub(super) fn apply(self, picture: &mut Picture, warp: Warp) {
        match self {
            Self::AutoContrast => table::auto_contrast(picture),
            Self::Equalize => table::equalize(picture),
            Self::Invert => table::invert(picture),
            Self::Rotate(degrees) => warp::rotate(picture, degrees, warp),
            Self::Posterize(bits) => table::posterize(picture, bits),
            Self::Solarize(threshold) => table::solarize(picture, threshold),
            Self::SolarizeAdd(add) => table::solarize_add(picture, add),
            Self::Color(factor) => enhance::color(picture, factor),
            Self::Contrast(factor) => enhance::contrast(picture, factor),
            Self::Brightness(factor) => enhance::brightness(picture, factor),
            Self::Sharpness(factor) => enhance::sharpness(picture, factor),
            Self::ShearX(factor) => warp::shear_x(picture, factor, warp),
            Self::ShearY(factor) => warp::shear_y(picture, factor, warp),
            Self::TranslateX(share) => warp::translate_x(picture, share, warp),
            Self::TranslateY(share) => warp::translate_y(picture, share, warp),
        }
    }
}
