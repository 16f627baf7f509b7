//! How a network wants its pictures when it is evaluated.

use super::{DataError, Fit, Interpolation, MAX_SIDE, Views};

/// What is done to a picture before a network is asked about it, by timm's rule: the shorter side becomes
/// `⌊size / crop_pct⌋` pixels, the middle `size × size` are cut, and of each channel, on a scale where white is 1, the
/// mean is taken away and the rest divided by the deviation.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Preprocess {
    /// Side of what the network sees, in pixels.
    pub size: usize,
    /// The part of the shorter side that it sees, above 0, at most 1.
    pub crop_pct: f64,
    /// How pixels are weighed.
    pub interpolation: Interpolation,
    /// Of red, green and blue.
    pub mean: [f32; 3],
    /// Of red, green and blue.
    pub std: [f32; 3],
}

/// Means and deviations of ImageNet's pictures.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// timm's networks by crop: name and side of the pictures. From timm 1.0.31, `get_pretrained_cfg(name)`, which is the
/// configuration of each network's first tag; all are bicubic and, but for two networks, of [`IMAGENET`]'s numbers.
const TIMM: [(f64, &[(&str, usize)]); 13] = [
    (
        0.875,
        &[
            ("efficientnet_b0", 224),
            ("efficientnet_b2", 256),
            ("efficientnet_b3", 288),
            ("efficientnet_b4", 320),
            ("tf_efficientnet_b0", 224),
            ("tinynet_a", 192),
            ("tinynet_b", 188),
            ("tinynet_c", 184),
            ("tinynet_d", 152),
            ("tinynet_e", 106),
            ("regnetx_002", 224),
            ("regnetx_004", 224),
            ("regnetx_006", 224),
            ("regnetx_040", 224),
            ("regnetx_064", 224),
            ("regnetx_120", 224),
            ("regnety_002", 224),
            ("regnety_006", 224),
            ("regnety_008", 224),
            ("resnext101_32x4d", 224),
        ],
    ),
    (0.882, &[("tf_efficientnet_b1", 240)]),
    (0.89, &[("tf_efficientnet_b2", 260)]),
    (0.9, &[("efficientnet_b1", 240)]),
    (0.904, &[("tf_efficientnet_b3", 300)]),
    (0.922, &[("tf_efficientnet_b4", 380)]),
    (0.934, &[("tf_efficientnet_b5", 456)]),
    (
        0.942,
        &[("efficientnet_b6", 528), ("tf_efficientnet_b6", 528)],
    ),
    (
        0.949,
        &[("efficientnet_b7", 600), ("tf_efficientnet_b7", 600)],
    ),
    (
        0.95,
        &[
            ("regnety_032", 224),
            ("regnety_040", 224),
            ("regnety_064", 224),
            ("regnety_080", 224),
            ("regnety_120", 224),
            ("regnety_160", 224),
            ("regnetz_005", 224),
            ("resnet18", 224),
            ("resnet34", 224),
            ("resnet50", 224),
            ("resnet101", 224),
            ("resnet152", 224),
            ("resnext50_32x4d", 224),
        ],
    ),
    (
        0.965,
        &[
            ("regnetx_008", 224),
            ("regnetx_016", 224),
            ("regnetx_032", 224),
            ("regnetx_080", 224),
            ("regnetx_160", 224),
            ("regnetx_320", 224),
            ("regnety_004", 224),
            ("regnety_016", 224),
            ("regnety_320", 224),
        ],
    ),
    (
        1.0,
        &[
            ("efficientnet_b5", 448),
            ("regnetz_040", 256),
            ("regnetz_040_h", 256),
        ],
    ),
    // pycls tests at 256 / 224 of the side.
    (
        0.875,
        &[
            ("regnety_500mf", 224),
            ("regnety_4gf", 240),
            ("regnetz_500mf", 224),
            ("regnetz_4gf", 256),
        ],
    ),
];

impl Preprocess {
    /// As this project trains: the shorter side becomes `size` pixels, bilinear.
    #[must_use]
    pub fn trained(size: usize) -> Self {
        Self {
            size,
            crop_pct: 1.0,
            interpolation: Interpolation::Bilinear,
            mean: IMAGENET.0,
            std: IMAGENET.1,
        }
    }

    /// As the public weights of the network of that name want it. A network may have weights that want something else:
    /// then their page says so. Where timm squashes the picture (`efficientnet_b5`), here its middle is taken.
    #[must_use]
    pub fn published(model: &str) -> Option<Self> {
        let found = TIMM.iter().find_map(|(crop, models)| {
            let (_, size) = models.iter().find(|(name, _)| *name == model)?;
            Some((*crop, *size))
        });
        let (crop_pct, size) = found?;
        let mut preprocess = Self {
            crop_pct,
            interpolation: Interpolation::Bicubic,
            ..Self::trained(size)
        };
        match model {
            "efficientnet_b1" => (preprocess.mean, preprocess.std) = ([0.5; 3], [0.5; 3]),
            "regnety_500mf" | "regnety_4gf" | "regnetz_500mf" | "regnetz_4gf"
            | "resnext101_32x4d" => preprocess.interpolation = Interpolation::Bilinear,
            _ => {}
        }
        Some(preprocess)
    }

    /// Pixels of the shorter side before the middle is cut: `⌊size / crop_pct⌋`.
    #[must_use]
    pub fn resized(&self) -> usize {
        (self.size as f64 / self.crop_pct).floor() as usize
    }

    /// How squares of the size are cut from a picture.
    #[must_use]
    pub fn fit(&self, views: Views) -> Fit {
        Fit {
            side: self.size,
            resized: self.resized(),
            interpolation: self.interpolation,
            views,
        }
    }

    /// Refuses numbers that make no picture.
    ///
    /// # Errors
    ///
    /// [`DataError::Option`] with the number and what was expected.
    pub fn check(&self) -> Result<(), DataError> {
        let refuse = |option: String, problem: &str, advice: &str| {
            Err(DataError::Option {
                option,
                problem: problem.into(),
                advice: advice.into(),
            })
        };
        if !(self.crop_pct > 0.0 && self.crop_pct <= 1.0) {
            let option = format!("--crop-pct {}", self.crop_pct);
            return refuse(
                option,
                "is no part of a side",
                "give a number above 0, at most 1",
            );
        }
        if self.size == 0 || self.resized() > MAX_SIDE {
            let option = format!("--img-size {}, --crop-pct {}", self.size, self.crop_pct);
            return refuse(option, "the size is out of range", "give 1 to 16384 pixels");
        }
        if !self.mean.iter().all(|x| x.is_finite())
            || !self.std.iter().all(|x| x.is_finite() && *x > 0.0)
        {
            let option = format!("--mean {:?} --std {:?}", self.mean, self.std);
            return refuse(
                option,
                "cannot be",
                "give finite numbers, deviations above 0",
            );
        }
        Ok(())
    }
}
