//! Brightness, contrast, saturation and hue, each moved at random, in random order.

use super::enhance;
use crate::{data::Picture, random::Stream};

/// torchvision's `ColorJitter`: the factors of brightness, contrast and saturation are uniform within so much of 1, but not
/// below 0; the hue turns by a uniform part of the circle, at most so much either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorJitter {
    /// Largest change of the brightness factor.
    pub brightness: f64,
    /// Largest change of the contrast factor.
    pub contrast: f64,
    /// Largest change of the saturation factor.
    pub saturation: f64,
    /// Largest turn of the hue, at most 0.5.
    pub hue: f64,
}

/// A change that is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// Every byte against black.
    Brightness(f32),
    /// Every byte against the picture's mean grey.
    Contrast(f32),
    /// Colour against its grey.
    Saturation(f32),
    /// A turn of the hue, in circles.
    Hue(f32),
}

impl ColorJitter {
    /// The changes for one picture, in the order in which they are made; what cannot change is left out.
    pub(super) fn draw(&self, random: &mut Stream) -> Vec<Change> {
        let mut factor =
            |most: f64| random.range((1.0 - most).max(0.0) as f32, (1.0 + most) as f32);
        let mut tones = vec![
            (self.brightness, Change::Brightness(factor(self.brightness))),
            (self.contrast, Change::Contrast(factor(self.contrast))),
            (self.saturation, Change::Saturation(factor(self.saturation))),
            (
                self.hue,
                Change::Hue(random.range(-self.hue as f32, self.hue as f32)),
            ),
        ];
        random.shuffle(&mut tones);
        tones.retain(|(most, _)| *most > 0.0);
        tones.into_iter().map(|(_, tone)| tone).collect()
    }
}

impl Change {
    pub(super) fn apply(self, picture: &mut Picture) {
        match self {
            Self::Brightness(factor) => enhance::brightness(picture, factor),
            Self::Contrast(factor) => enhance::contrast(picture, factor),
            Self::Saturation(factor) => enhance::color(picture, factor),
            Self::Hue(turn) => turn_hue(picture, turn),
        }
    }
}

/// Turns the hue in 255 steps a circle, by way of Pillow's HSV of whole numbers.
fn turn_hue(picture: &mut Picture, turn: f32) {
    let steps = (turn * 255.0) as i32;
    for pixel in picture.rgb.chunks_exact_mut(3) {
        let [hue, saturation, value] = hsv([pixel[0], pixel[1], pixel[2]]);
        // Bytes wrap around, as torchvision has them.
        let hue = (i32::from(hue) + steps).rem_euclid(256) as u8;
        pixel.copy_from_slice(&rgb([hue, saturation, value]));
    }
}

/// Hue, saturation, value of a colour (Smith 1978), in bytes; what follows the point falls off.
fn hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let value = red.max(green).max(blue);
    let least = red.min(green).min(blue);
    if value == least {
        return [0, 0, value];
    }
    let range = f32::from(value - least);
    let [r, g, b] = [red, green, blue].map(|byte| f32::from(value - byte) / range);
    let sixths = match value {
        _ if red == value => b - g,
        _ if green == value => 2.0 + r - b,
        _ => 4.0 + g - r,
    };
    let hue = (f64::from(sixths) / 6.0 + 1.0) % 1.0;
    let saturation = f64::from(range / f32::from(value));
    [(hue * 255.0) as u8, (saturation * 255.0) as u8, value]
}

/// The colour of a hue, a saturation and a value, rounded.
fn rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    let sixths = f32::from(hue) * 6.0 / 255.0;
    let (sector, f) = (sixths.floor(), sixths.fract());
    let share = f32::from(saturation) / 255.0;
    let scaled = |by: f32| (f32::from(value) * by).round() as u8;
    let p = scaled(1.0 - share);
    let q = scaled(1.0 - share * f);
    let t = scaled(1.0 - share * (1.0 - f));
    match sector as u32 % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}
