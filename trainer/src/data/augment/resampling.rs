//! How training finds the colour between pixels.

use super::warp::Sampling;
use crate::{
    data::{
        Interpolation, Picture,
        fit::{resize, resize_as_opencv},
    },
    random::Stream,
};

/// How training finds the colour between pixels, where a part of a picture is resized and where AutoAugment and RandAugment
/// warp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resampling {
    /// Triangle, wider where a picture shrinks, as Pillow's `BILINEAR`.
    #[default]
    Bilinear,
    /// Cubic, wider where a picture shrinks, as Pillow's `BICUBIC`.
    Bicubic,
    /// One of these two for each picture, as timm's `random`.
    Random,
    /// Between the four nearest pixels, whatever the reduction, as OpenCV's `INTER_LINEAR` and with it pycls. Shrinking
    /// aliases.
    Opencv,
}

impl Resampling {
    /// One of the three that are not random.
    pub(super) fn draw(self, random: &mut Stream) -> Self {
        match self {
            Self::Random if random.uniform() < 0.5 => Self::Bilinear,
            Self::Random => Self::Bicubic,
            chosen => chosen,
        }
    }

    /// The whole picture in another size.
    pub(super) fn resize(self, picture: &Picture, width: usize, height: usize) -> Picture {
        match self {
            Self::Opencv => resize_as_opencv(picture, width, height),
            _ => resize(picture, width, height, self.interpolation()),
        }
    }

    /// The nearest that a whole picture is fitted with.
    pub(super) fn interpolation(self) -> Interpolation {
        match self {
            Self::Bicubic => Interpolation::Bicubic,
            _ => Interpolation::Bilinear,
        }
    }

    pub(super) fn sampling(self) -> Sampling {
        match self {
            Self::Bicubic => Sampling::Bicubic,
            _ => Sampling::Bilinear,
        }
    }
}
