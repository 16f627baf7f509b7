//! The inception crop: a part of random size and shape, resized to a square.

use super::Resampling;
use crate::{
    data::{
        Part, Picture,
        fit::{cut, fit},
    },
    random::Stream,
};

/// A part of the picture of random area and aspect (Szegedy et al. 2015, <https://arxiv.org/abs/1409.4842>), resized to the
/// network's side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizedCrop {
    /// Least and largest share of the picture's area.
    pub scale: [f64; 2],
    /// Least and largest width over height.
    pub ratio: [f64; 2],
    /// How shape and place are drawn.
    pub rule: CropRule,
}

/// How the shape and the place of a [`ResizedCrop`] are drawn. Both try ten times to find a part that lies in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CropRule {
    /// As torchvision and timm: the logarithm of the aspect is uniform. Where no part was found, the middle of the nearest
    /// aspect is taken.
    #[default]
    Timm,
    /// As pycls: the aspect is uniform, width and height are exchanged for every other picture, and the last place of a
    /// row or column is never taken. Where no part was found, the shorter side is resized and the middle cut.
    Pycls,
}

/// How often a part is tried.
const TRIES: usize = 10;

impl ResizedCrop {
    /// The part that is drawn of a picture of that size; none where [`CropRule::Pycls`] found none.
    pub fn draw(&self, width: usize, height: usize, random: &mut Stream) -> Option<Part> {
        let [low, high] = self.ratio;
        let mut uniform = |[low, high]: [f64; 2]| low + (high - low) * f64::from(random.uniform());
        let pixels = (width * height) as f64;
        for _ in 0..TRIES {
            let area = uniform(self.scale) * pixels;
            let ratio = match self.rule {
                CropRule::Timm => uniform([low.ln(), high.ln()]).exp(),
                CropRule::Pycls => uniform(self.ratio),
            };
            let side = |area: f64| (area.sqrt().round_ties_even() as usize).max(1);
            let mut sides = [side(area * ratio), side(area / ratio)];
            if self.rule == CropRule::Pycls && uniform([0.0, 1.0]) < 0.5 {
                sides.swap(0, 1);
            }
            let [w, h] = sides;
            if w <= width && h <= height {
                let mut place = |margin: usize| {
                    let places = match self.rule {
                        CropRule::Timm => margin + 1,
                        CropRule::Pycls => margin.max(1),
                    };
                    // One uniform number, so that each try takes as many words of the stream.
                    let at = uniform([0.0, places as f64]) as usize;
                    at.min(places - 1)
                };
                return Some(Part {
                    top: place(height - h),
                    left: place(width - w),
                    width: w,
                    height: h,
                });
            }
        }
        (self.rule == CropRule::Timm).then(|| {
            let [w, h] = [width as f64, height as f64];
            let [w, h] = match w / h {
                aspect if aspect < low => [w, w / low],
                aspect if aspect > high => [h * high, h],
                _ => [w, h],
            };
            let whole = |side: f64, most| (side.round_ties_even() as usize).clamp(1, most);
            let (w, h) = (whole(w, width), whole(h, height));
            Part {
                left: (width - w) / 2,
                top: (height - h) / 2,
                width: w,
                height: h,
            }
        })
    }

    /// A part of the picture as a square of `side` pixels.
    pub(super) fn apply(
        &self,
        picture: &Picture,
        side: usize,
        resampling: Resampling,
        random: &mut Stream,
    ) -> Picture {
        let drawn = self.draw(picture.width, picture.height, random);
        let resampling = resampling.draw(random);
        match drawn {
            Some(part) => resampling.resize(&cut(picture, part), side, side),
            None => fit(picture, side, resampling.interpolation()),
        }
    }
}
