//! What the device does to each picture of a batch, drawn on the host, so that both draw alike.

use triaxis_engine::ops::{Alteration, Augment, Tone};

use super::{ColorJitter, Key, Lighting, RandomErasing, ResizedCrop, jitter::Change};

/// What the device does to each picture, in this order; what is left out is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceAugmentation {
    /// A part of the picture, resized.
    pub crop: Option<ResizedCrop>,
    /// Of which only mirroring counts.
    pub moves: Option<Augment>,
    /// Brightness, contrast and saturation; the hue stays.
    pub jitter: Option<ColorJitter>,
    /// Light along the axes of ImageNet's colours.
    pub lighting: Lighting,
    /// Rectangles that are hidden.
    pub erasing: RandomErasing,
}

impl DeviceAugmentation {
    /// What is done to the picture of this key, which is `side` pixels wide and high.
    pub fn draw(&self, side: usize, key: Key) -> Alteration {
        let mut alteration = Alteration::none([side, side]);
        let part = self
            .crop
            .and_then(|crop| crop.draw(side, side, &mut key.stream("crop")));
        if let Some(part) = part {
            alteration.part = [part.left, part.top, part.width, part.height];
        }
        if let Some(moves) = self.moves {
            alteration.mirrored = moves.draw(key.seed, key.epoch, key.index).flipped;
        }
        if let Some(jitter) = self.jitter {
            let changes = jitter.draw(&mut key.stream("color_jitter"));
            alteration.tones = changes.into_iter().filter_map(tone).collect();
        }
        if self.lighting.std > 0.0 {
            alteration.light = self.lighting.draw(&mut key.stream("lighting"));
        }
        alteration.erased = self.erasing.draw(side, &mut key.stream("random_erasing"));
        alteration
    }
}

fn tone(change: Change) -> Option<(Tone, f32)> {
    match change {
        Change::Brightness(factor) => Some((Tone::Brightness, factor)),
        Change::Contrast(factor) => Some((Tone::Contrast, factor)),
        Change::Saturation(factor) => Some((Tone::Saturation, factor)),
        Change::Hue(_) => None,
    }
}
