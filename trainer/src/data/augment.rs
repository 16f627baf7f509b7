//! What is done to a picture, on the host, between its file and a training batch.
//!
//! All operators work on bytes and give Pillow's numbers, within one level, those that move pixels within two. Whatever is
//! random depends on (seed, epoch, place in the data set, name of the operator) alone.

mod crop;
mod device;
mod enhance;
mod erase;
mod jitter;
mod lighting;
mod operation;
mod policy;
mod resampling;
mod table;
mod tables;
mod warp;

pub use crop::{CropRule, ResizedCrop};
pub use device::DeviceAugmentation;
pub use erase::{EraseMode, RandomErasing};
pub use jitter::ColorJitter;
pub use lighting::Lighting;
pub use policy::Policy;
pub use resampling::Resampling;
use warp::Warp;

use super::{
    Picture,
    fit::{fit, moved},
};
use crate::random::Stream;

/// What is done to a picture, in this order; what is left out is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// A part of the picture, resized; else its middle, resized.
    pub crop: Option<ResizedCrop>,
    /// Moved by whole pixels and mirrored, as [`triaxis_engine::ops::augment`] would; left out where that does.
    pub moves: Option<triaxis_engine::ops::Augment>,
    /// AutoAugment or RandAugment.
    pub policy: Option<Policy>,
    /// Brightness, contrast, saturation and hue.
    pub jitter: Option<ColorJitter>,
    /// How the colour between pixels is found.
    pub resampling: Resampling,
    /// The colour that warps bring in from outside of a picture.
    pub fill: [u8; 3],
}

impl Default for Augmentation {
    /// Nothing; bilinear; grey, as AutoAugment fills.
    fn default() -> Self {
        Self {
            crop: None,
            moves: None,
            policy: None,
            jitter: None,
            resampling: Resampling::default(),
            fill: [128; 3],
        }
    }
}

/// Which picture, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Of the run.
    pub seed: u64,
    /// From 0.
    pub epoch: u32,
    /// The picture's place in the data set.
    pub index: u32,
}

impl Key {
    /// The random numbers of what is called `name`.
    pub fn stream(&self, name: &str) -> Stream {
        Stream::new(self.seed, self.epoch, self.index, name)
    }
}

impl Augmentation {
    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.crop.is_none()
            && self.moves.is_none()
            && self.policy.is_none()
            && self.jitter.is_none()
    }

    /// The picture as a square of `side` pixels, augmented.
    pub fn apply(&self, picture: &Picture, side: usize, key: Key) -> Picture {
        let mut picture = match &self.crop {
            Some(crop) => crop.apply(picture, side, self.resampling, &mut key.stream("crop")),
            None => fit(picture, side, self.resampling.interpolation()),
        };
        if let Some(moves) = &self.moves {
            let drawn = moves.draw(key.seed, key.epoch, key.index);
            picture = moved(&picture, drawn, moves.fill);
        }
        if let Some(policy) = &self.policy {
            let mut random = key.stream("auto_augment");
            for step in policy.draw(&mut random) {
                let sampling = self.resampling.draw(&mut random).sampling();
                step.apply(
                    &mut picture,
                    Warp {
                        sampling,
                        fill: self.fill,
                    },
                );
            }
        }
        if let Some(jitter) = &self.jitter {
            for tone in jitter.draw(&mut key.stream("color_jitter")) {
                tone.apply(&mut picture);
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests;
