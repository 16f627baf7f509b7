//! Pictures out of nothing: ten classes of coloured, textured shapes, for a first run without any download.
//!
//! A class is a shape (disc, square, triangle, ring, cross) with a texture (stripes, checks). Position, scale, rotation,
//! colours, lighting and clutter are random and independent of the class, every shape covers the same area and every
//! texture half of it, so that neither colour nor mean tells the class. What is left to a linear classifier is the faint
//! outline of figures that are usually lighter than their background; a small convolutional network sees far more.

use super::{DataError, Dataset, Fingerprint, Picture};
use crate::random::Stream;

const SHAPES: [&str; 5] = ["disc", "square", "triangle", "ring", "cross"];
const TEXTURES: [&str; 2] = ["striped", "checked"];
/// How often the figure is lighter than its background.
const LIGHTER: f32 = 0.85;
/// Points a pixel and axis: edges and stripes are averaged, not jagged.
const SUPERSAMPLING: usize = 2;

type Colour = [f32; 3];

/// Generated pictures, a pure function of (seed, split, index).
#[derive(Debug, Clone)]
pub struct Synthetic {
    classes: Vec<String>,
    split: String,
    seed: u64,
    count: usize,
    side: usize,
}

impl Synthetic {
    /// `count` pictures of `side × side` pixels; splits of different names share no picture. Classes take turns.
    #[must_use]
    pub fn new(seed: u64, split: &str, count: usize, side: usize) -> Self {
        let name = |texture| move |shape| format!("{texture}-{shape}");
        Self {
            classes: TEXTURES
                .iter()
                .flat_map(|texture| SHAPES.iter().map(name(texture)))
                .collect(),
            split: split.to_owned(),
            seed,
            count,
            side: side.max(1),
        }
    }
}

impl Dataset for Synthetic {
    fn len(&self) -> usize {
        self.count
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, index: usize) -> usize {
        index % self.classes.len()
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let mut random = Stream::new(
            self.seed,
            0,
            index as u32,
            &format!("synthetic-{}", self.split),
        );
        let label = self.label(index);
        Ok(paint(
            label % SHAPES.len(),
            label / SHAPES.len(),
            self.side,
            &mut random,
        ))
    }

    fn name(&self, index: usize) -> String {
        format!("synthetic {} picture {index}", self.split)
    }

    fn fingerprint(&self) -> Fingerprint {
        let key = format!("{} {} {} {}", self.seed, self.split, self.count, self.side);
        Fingerprint {
            pictures: self.count,
            bytes: (self.count * self.side * self.side * 3) as u64,
            hash: blake3::hash(key.as_bytes()).to_hex().to_string(),
        }
    }
}

/// One picture; lengths are in units of its side, the middle is (0, 0).
fn paint(shape: usize, texture: usize, side: usize, random: &mut Stream) -> Picture {
    let light = if random.uniform() < LIGHTER {
        1.0
    } else {
        -1.0
    };
    let (ground, figure) = (
        0.5 - light * random.range(0.08, 0.2),
        0.5 + light * random.range(0.08, 0.2),
    );
    let background = Background::new(ground, random);
    let clutter: Vec<Blob> = (0..2 + random.below(3))
        .map(|_| Blob::new(random))
        .collect();
    let figure = Figure::new(shape, texture, figure, random);
    let (lamp, slope) = (
        random.range(0.0, std::f32::consts::TAU),
        random.range(0.0, 0.5),
    );
    let (lamp_x, lamp_y) = (slope * lamp.cos(), slope * lamp.sin());
    let noise = random.range(0.01, 0.04);
    let mut rgb = Vec::with_capacity(side * side * 3);
    let fine = side * SUPERSAMPLING;
    let at = |i: usize| (i as f32 + 0.5) / fine as f32 - 0.5;
    for row in 0..side {
        for column in 0..side {
            let mut sum = [0.0; 3];
            for point in 0..SUPERSAMPLING * SUPERSAMPLING {
                let x = at(column * SUPERSAMPLING + point % SUPERSAMPLING);
                let y = at(row * SUPERSAMPLING + point / SUPERSAMPLING);
                let behind = || {
                    let blob = clutter.iter().find(|blob| blob.covers(x, y));
                    blob.map_or_else(|| background.colour(x, y), |blob| blob.colour)
                };
                let colour = figure.colour(x, y).unwrap_or_else(behind);
                let light = 1.0 + lamp_x * x + lamp_y * y;
                (0..3).for_each(|c| sum[c] += colour[c] * light);
            }
            let grain = noise * random.normal();
            for value in sum {
                let value = value / (SUPERSAMPLING * SUPERSAMPLING) as f32 + grain;
                rgb.push((value * 255.0).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    Picture {
        width: side,
        height: side,
        rgb,
    }
}

/// A random tint whose three channels have this mean.
fn tint(mean: f32, random: &mut Stream) -> Colour {
    let raw = [(); 3].map(|()| random.range(-0.2, 0.2));
    let shift = mean - raw.iter().sum::<f32>() / 3.0;
    raw.map(|value| value + shift)
}

/// Soft waves between two tints: texture that is not the figure's.
struct Background {
    colours: [Colour; 2],
    waves: [[f32; 3]; 3],
}

impl Background {
    fn new(mean: f32, random: &mut Stream) -> Self {
        let contrast = random.range(0.0, 0.08);
        Self {
            colours: [tint(mean - contrast, random), tint(mean + contrast, random)],
            waves: [(); 3].map(|()| {
                let (angle, pitch) = (
                    random.range(0.0, std::f32::consts::TAU),
                    random.range(1.0, 6.0),
                );
                let frequency = std::f32::consts::TAU * pitch;
                [
                    frequency * angle.cos(),
                    frequency * angle.sin(),
                    random.range(0.0, std::f32::consts::TAU),
                ]
            }),
        }
    }

    fn colour(&self, x: f32, y: f32) -> Colour {
        let wave = |[fx, fy, phase]: [f32; 3]| (fx * x + fy * y + phase).sin();
        let mix = 0.5 + self.waves.into_iter().map(wave).sum::<f32>() / 6.0;
        let [a, b] = self.colours;
        [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * mix)
    }
}

/// A small plain ellipse in the way.
struct Blob {
    centre: [f32; 2],
    turn: [f32; 2],
    radii: [f32; 2],
    colour: Colour,
}

impl Blob {
    fn new(random: &mut Stream) -> Self {
        let angle = random.range(0.0, std::f32::consts::TAU);
        Self {
            centre: [random.range(-0.5, 0.5), random.range(-0.5, 0.5)],
            turn: [angle.cos(), angle.sin()],
            radii: [random.range(0.03, 0.1), random.range(0.03, 0.1)],
            colour: {
                let mean = random.range(0.25, 0.75);
                tint(mean, random)
            },
        }
    }

    fn covers(&self, x: f32, y: f32) -> bool {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        let [cos, sin] = self.turn;
        let (u, v) = (
            (cos * x + sin * y) / self.radii[0],
            (cos * y - sin * x) / self.radii[1],
        );
        u * u + v * v < 1.0
    }
}

/// The shape that the picture is of.
struct Figure {
    shape: usize,
    texture: usize,
    centre: [f32; 2],
    turn: [f32; 2],
    scale: f32,
    /// Stripes run at their own angle, so that the shape's rotation says nothing.
    grain: [f32; 2],
    pitch: f32,
    phase: [f32; 2],
    colours: [Colour; 2],
}

impl Figure {
    fn new(shape: usize, texture: usize, mean: f32, random: &mut Stream) -> Self {
        let (angle, grain) = (
            random.range(0.0, std::f32::consts::TAU),
            random.range(0.0, std::f32::consts::TAU),
        );
        let contrast = random.range(0.12, 0.25);
        Self {
            shape,
            texture,
            centre: [random.range(-0.12, 0.12), random.range(-0.12, 0.12)],
            turn: [angle.cos(), angle.sin()],
            // The radius of the disc of the same area.
            scale: random.range(0.24, 0.33),
            grain: [grain.cos(), grain.sin()],
            pitch: random.range(0.18, 0.26),
            phase: [random.uniform(), random.uniform()],
            colours: [tint(mean - contrast, random), tint(mean + contrast, random)],
        }
    }

    /// The figure's colour where it covers the point.
    fn colour(&self, x: f32, y: f32) -> Option<Colour> {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        let [cos, sin] = self.turn;
        let (u, v) = (
            (cos * x + sin * y) / self.scale,
            (cos * y - sin * x) / self.scale,
        );
        if !covers(self.shape, u, v) {
            return None;
        }
        let [cos, sin] = self.grain;
        let along =
            |p: f32, phase: f32| ((p / self.pitch + phase).floor() as i32).rem_euclid(2) as usize;
        // Stripes and checks are half a pitch wide.
        let stripe = along(2.0 * (cos * x + sin * y), self.phase[0]);
        let cross = along(2.0 * (cos * y - sin * x), self.phase[1]);
        Some(
            self.colours[if self.texture == 0 {
                stripe
            } else {
                stripe ^ cross
            }],
        )
    }
}

/// Whether the shape, of area π, covers the point.
fn covers(shape: usize, x: f32, y: f32) -> bool {
    let r2 = x * x + y * y;
    match shape {
        0 => r2 < 1.0,
        // Half the side is √π / 2.
        1 => x.abs().max(y.abs()) < 0.886_23,
        // An equilateral triangle: the distance from its middle to a side is √(π / 3√3).
        2 => {
            let far = 0.777_56;
            let slanted = 0.866_03 * x.abs() + 0.5 * y;
            -y < far && slanted < far
        }
        // Outer radius √(1 + 0.75²), inner 0.75.
        3 => (0.5625..1.5625).contains(&r2),
        // Two bars of half length a and half width a / 3: area 20 a² / 9.
        _ => {
            let (long, short) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
            long < 1.189 && short < 1.189 / 3.0
        }
    }
}
