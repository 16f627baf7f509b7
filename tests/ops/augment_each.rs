//! `engine::ops::augment_each`: parts, mirror images, colours, light and rectangles, each picture its own; against plain loops,
//! against the host's own pictures, and against the noise that its key draws.

use triaxis::engine::ops::{Alteration, Augment, Erased, Tone, augment_each, table_rows};
use triaxis::engine::philox::{draw, hash, unit};
use triaxis::engine::{DType, Shape};

use crate::ops::augment::bytes;
use crate::{Case, Differences, EPOCH, Input, SEED, data_index};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let none = Alteration::none;
    let all = Alteration {
        part: [1, 2, 4, 3],
        mirrored: true,
        tones: vec![
            (Tone::Saturation, 1.5),
            (Tone::Contrast, 0.75),
            (Tone::Brightness, 1.25),
        ],
        light: [0.0625, -0.125, 0.25],
        erased: vec![hidden([0, 1, 3, 4], 0.0), hidden([2, 3, 7, 5], 0.5)],
    };
    vec![
        case("one pixel", [1, 1], &[none([1, 1])]),
        case("as they are", [5, 7], &[none([5, 7]), none([5, 7])]),
        case("all at once", [5, 8], &[all.clone(), none([5, 8]), all]),
        case(
            "a pixel grows",
            [4, 3],
            &[Alteration {
                part: [2, 3, 1, 1],
                ..none([4, 3])
            }],
        ),
        case(
            "contrast first",
            [4, 4],
            &[Alteration {
                tones: vec![(Tone::Contrast, 1.75)],
                ..none([4, 4])
            }],
        ),
    ]
}

/// Pictures of 224 pixels a side, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let one = Alteration {
        part: [10, 20, 112, 168],
        mirrored: true,
        tones: vec![
            (Tone::Brightness, 1.25),
            (Tone::Contrast, 0.75),
            (Tone::Saturation, 1.5),
        ],
        light: [0.01, 0.02, 0.03],
        erased: vec![hidden([30, 40, 130, 90], 1.0)],
    };
    vec![case("all_224", [224, 224], &vec![one; n])]
}

fn hidden(rectangle: [usize; 4], noise: f32) -> Erased {
    Erased {
        rectangle,
        colour: [0.5, -1.0, 2.0],
        noise,
    }
}

fn case(name: &str, [h, w]: [usize; 2], each: &[Alteration]) -> Case {
    let shape = [each.len(), h, w, 3];
    let rectangles = each.iter().map(|a| a.erased.len()).max().unwrap_or(0);
    let rows = each
        .iter()
        .flat_map(|a| a.rows(rectangles))
        .map(f64::from)
        .collect();
    let each = each.to_vec();
    Case {
        name: format!("augment_each {name}"),
        inputs: vec![
            Input::whole(shape, DType::U8, bytes(shape.iter().product())),
            Input::of(Shape([each.len(), 1, table_rows(rectangles), 4]), rows).constant(),
        ],
        apply: Box::new(|g, v| augment_each(g, v[0], v[1], Augment::default())),
        reference: Box::new(move |v| {
            let pictures = v[0].chunks(h * w * 3).zip(&each).enumerate();
            pictures
                .flat_map(|(i, (picture, a))| reference(picture, [h, w], a, data_index(i)))
                .collect()
        }),
        differences: Differences::None,
    }
}

fn reference(picture: &[f64], [h, w]: [usize; 2], a: &Alteration, index: u32) -> Vec<f64> {
    let mut pixels = resized(picture, [h, w], a);
    for (tone, factor) in &a.tones {
        let mean = (pixels.iter().map(grey).sum::<f64>() / (h * w) as f64 + 0.5).floor();
        for pixel in &mut pixels {
            let dull = match tone {
                Tone::Brightness => 0.0,
                Tone::Contrast => mean,
                Tone::Saturation => grey(pixel),
            };
            *pixel = pixel.map(|x| {
                (dull + f64::from(*factor) * (x - dull))
                    .clamp(0.0, 255.0)
                    .floor()
            });
        }
    }
    let normal = Augment::default();
    let mut y = Vec::new();
    for (i, pixel) in pixels.iter().enumerate() {
        let (row, column) = (i / w, i % w);
        let mut value: Vec<f64> = (0..3)
            .map(|c| {
                let light = f64::from(a.light[c]);
                (pixel[c] / 255.0 + light - f64::from(normal.mean[c])) / f64::from(normal.std[c])
            })
            .collect();
        for (r, erased) in a.erased.iter().enumerate() {
            let [left, top, right, bottom] = erased.rectangle;
            if (left..right).contains(&column) && (top..bottom).contains(&row) {
                let place = |row_of_table: usize| ((row_of_table * h + row) * w + column) as u32;
                let words = |r| draw(SEED, EPOCH, index, hash("augment_each"), place(r));
                let (one, two) = (words(4 + 2 * r), words(5 + 2 * r));
                let pairs = [[one[0], one[1]], [one[2], one[3]], [two[0], two[1]]];
                for c in 0..3 {
                    value[c] =
                        f64::from(erased.colour[c]) + f64::from(erased.noise) * normal_of(pairs[c]);
                }
            }
        }
        y.extend(value);
    }
    y
}

fn normal_of([a, b]: [u32; 2]) -> f64 {
    (-2.0 * (1.0 - f64::from(unit(a))).ln()).sqrt()
        * (std::f64::consts::TAU * f64::from(unit(b))).cos()
}

fn grey(pixel: &[f64; 3]) -> f64 {
    let [r, g, b] = pixel.map(|x| x as u64);
    ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as f64
}

/// The part as the whole, bilinear, mirrored where asked; rows, then columns, a byte between.
fn resized(picture: &[f64], [h, w]: [usize; 2], a: &Alteration) -> Vec<[f64; 3]> {
    let [left, top, width, height] = a.part;
    let taps = |i: usize, side: usize, part: usize| {
        let at = (i as f64 + 0.5) * part as f64 / side as f64 - 0.5;
        let clamped = |x: f64| x.clamp(0.0, part as f64 - 1.0) as usize;
        (
            clamped(at.floor()),
            clamped(at.floor() + 1.0),
            at - at.floor(),
        )
    };
    let mut pixels = Vec::new();
    for row in 0..h {
        for column in 0..w {
            let column = if a.mirrored { w - 1 - column } else { column };
            let (x0, x1, dx) = taps(column, w, width);
            let (y0, y1, dy) = taps(row, h, height);
            pixels.push([0, 1, 2].map(|c| {
                let byte = |x: usize, y: usize| picture[((top + y) * w + left + x) * 3 + c];
                let line = |y| (byte(x0, y) * (1.0 - dx) + byte(x1, y) * dx + 0.5).floor();
                (line(y0) * (1.0 - dy) + line(y1) * dy + 0.5).floor()
            }));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use triaxis::data::{
        Augmentation, ColorJitter, CropRule, DeviceAugmentation, EraseMode, Key, Lighting, Picture,
        RandomErasing, ResizedCrop,
    };
    use triaxis::engine::{Graph, Mode, Plan, ops};

    use super::*;

    const SIDE: usize = 24;
    const COUNT: usize = 16;

    /// Levels of all bytes of 16 pictures, cut, mirrored and coloured by the host and by the device from one key each.
    fn levels(crop: Option<ResizedCrop>, jitter: Option<ColorJitter>) -> [Vec<f32>; 2] {
        let moves = Augment {
            flip: 0.5,
            ..Augment::default()
        };
        let host = Augmentation {
            crop,
            jitter,
            moves: Some(moves),
            ..Augmentation::default()
        };
        let device = DeviceAugmentation {
            crop,
            jitter,
            moves: Some(moves),
            lighting: Lighting { std: 0.0 },
            erasing: RandomErasing {
                probability: 0.0,
                mode: EraseMode::Const,
                count: 1,
            },
        };
        let rgb: Vec<u8> = bytes(COUNT * SIDE * SIDE * 3)
            .iter()
            .map(|byte| *byte as u8)
            .collect();
        let key = |i| Key {
            seed: SEED,
            epoch: EPOCH,
            index: data_index(i),
        };
        let pictures = rgb.chunks(SIDE * SIDE * 3).enumerate();
        let expected = pictures.flat_map(|(i, rgb)| {
            let picture = Picture {
                width: SIDE,
                height: SIDE,
                rgb: rgb.to_vec(),
            };
            host.apply(&picture, SIDE, key(i)).rgb
        });
        let rows: Vec<f32> = (0..COUNT)
            .flat_map(|i| device.draw(SIDE, key(i)).rows(1))
            .collect();

        let plain = Augment {
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Augment::default()
        };
        let mut g = Graph::new(Mode::Train);
        let pictures = g.input_of("pictures", [COUNT, SIDE, SIDE, 3], DType::U8);
        let table = g.input("table", [COUNT, 1, table_rows(1), 4]);
        let y = ops::augment_each(&mut g, pictures, table, plain).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
        let words: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 0]).collect();
        plan.write_raw(pictures, &words).unwrap();
        plan.write(table, &rows).unwrap();
        crate::write_randomness(&plan, SEED, EPOCH);
        plan.run().unwrap();
        let got = plan.read(y).unwrap().iter().map(|x| x * 255.0).collect();
        [got, expected.map(f32::from).collect()]
    }

    #[track_caller]
    fn expect(what: &str, [got, expected]: [Vec<f32>; 2], most: f32, share: f64) {
        let off: Vec<f32> = got
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .collect();
        let worst = off.iter().copied().fold(0.0, f32::max);
        assert!(worst < most + 0.01, "{what}: {worst} levels off");
        let equal = off.iter().filter(|off| **off < 0.01).count() as f64 / off.len() as f64;
        assert!(equal > share, "{what}: {equal} of all bytes are equal");
    }

    #[test]
    fn the_device_augments_pictures_as_the_host_does() {
        let crop = |rule| ResizedCrop {
            scale: [0.08, 1.0],
            ratio: [0.75, 4.0 / 3.0],
            rule,
        };
        let jitter = |brightness, contrast, saturation| ColorJitter {
            brightness,
            contrast,
            saturation,
            hue: 0.0,
        };
        // Both round twice in a resize, and of the product of a sum one may round less: a fused multiply-add.
        expect("mirrored", levels(None, None), 0.0, 0.999);
        expect(
            "timm's crop",
            levels(Some(crop(CropRule::Timm)), None),
            2.0,
            0.98,
        );
        expect(
            "pycls's crop",
            levels(Some(crop(CropRule::Pycls)), None),
            2.0,
            0.98,
        );
        expect(
            "brightness",
            levels(None, Some(jitter(0.4, 0.0, 0.0))),
            1.0,
            0.98,
        );
        expect(
            "contrast",
            levels(None, Some(jitter(0.0, 0.4, 0.0))),
            1.0,
            0.98,
        );
        expect(
            "saturation",
            levels(None, Some(jitter(0.0, 0.0, 0.4))),
            1.0,
            0.98,
        );
        expect(
            "all colours",
            levels(None, Some(jitter(0.4, 0.4, 0.4))),
            2.0,
            0.97,
        );
    }

    #[test]
    fn augment_each_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn augment_each_refuses_tables_that_do_not_fit() {
        let mut g = Graph::new(Mode::Train);
        let pictures = g.input_of("pictures", [2, 4, 4, 3], DType::U8);
        for (name, shape) in [
            ("short", [2, 1, 2, 4]),
            ("odd", [2, 1, 5, 4]),
            ("other", [3, 1, 4, 4]),
            ("narrow", [2, 1, 4, 3]),
        ] {
            let table = g.input(name, shape);
            let error = ops::augment_each(&mut g, pictures, table, Augment::default())
                .unwrap_err()
                .to_string();
            assert!(error.contains("a table n×1×rows×4"), "{error}");
        }
        let numbers = g.input("numbers", [2, 4, 4, 3]);
        let table = g.input("table", [2, 1, 4, 4]);
        let error = ops::augment_each(&mut g, numbers, table, Augment::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "augment_each: numbers is F32, expected U8"
        );
    }
}
