//! `engine::ops::augment`: normalisation; moved and flipped pictures, drawn alike here and on the device.

use triaxis::engine::ops::{Augment, augment};
use triaxis::engine::{DType, philox::draw, philox::hash};

use crate::{Case, Differences, EPOCH, Input, SEED, data_index, random};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let moving = Augment {
        flip: 0.5,
        crop: 3,
        ..Augment::default()
    };
    vec![
        case("one pixel", [1, 1, 1, 3], Augment::default()),
        case("normalised", [3, 5, 7, 3], Augment::default()),
        case("moved and flipped", [3, 5, 7, 3], moving),
        case("larger", [40, 32, 32, 3], moving),
    ]
}

/// Pictures of 224 and of 32 pixels a side, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let moves = Augment {
        flip: 0.5,
        crop: 4,
        ..Augment::default()
    };
    vec![
        case("normalised_224", [n, 224, 224, 3], Augment::default()),
        case("moved_224", [n, 224, 224, 3], moves),
        case("moved_32", [n, 32, 32, 3], moves),
    ]
}

fn case(name: &str, shape: [usize; 4], options: Augment) -> Case {
    let bytes = bytes(shape.iter().product());
    Case {
        name: format!("augment {name}"),
        inputs: vec![Input::whole(shape, DType::U8, bytes)],
        apply: Box::new(move |g, v| augment(g, v[0], options)),
        reference: Box::new(move |v| reference(&v[0], shape, &options, SEED, EPOCH)),
        differences: Differences::None,
    }
}

/// Bytes, the same each time.
pub(super) fn bytes(count: usize) -> Vec<f64> {
    random(5, count)
        .iter()
        .map(|x| ((x + 0.5) * 256.0).floor())
        .collect()
}

/// What is drawn for a picture: rows down, columns right, whether it is flipped.
fn moves(options: &Augment, seed: u64, epoch: u32, image: usize) -> (i64, i64, bool) {
    let words = draw(seed, epoch, data_index(image), hash("augment"), 0);
    let shift = |word: u32| {
        let shifts = 2 * options.crop as i64 + 1;
        ((i64::from(word >> 16) * shifts) >> 16) - options.crop as i64
    };
    let flipped = f64::from(words[2] >> 8) >= f64::from(1.0 - options.flip) * f64::from(1 << 24);
    (shift(words[0]), shift(words[1]), flipped)
}

/// Augmented pictures in f64.
fn reference(
    pictures: &[f64],
    [n, h, w, _]: [usize; 4],
    options: &Augment,
    seed: u64,
    epoch: u32,
) -> Vec<f64> {
    let mut y = Vec::new();
    for image in 0..n {
        let (down, right, flipped) = moves(options, seed, epoch, image);
        for row in 0..h {
            for column in 0..w {
                let mirrored = if flipped { w - 1 - column } else { column };
                let (from_row, from_column) = (row as i64 + down, mirrored as i64 + right);
                let inside =
                    (0..h as i64).contains(&from_row) && (0..w as i64).contains(&from_column);
                for c in 0..3 {
                    let byte = if inside {
                        pictures
                            [((image * h + from_row as usize) * w + from_column as usize) * 3 + c]
                    } else {
                        options.fill[c].into()
                    };
                    y.push((byte / 255.0 - f64::from(options.mean[c])) / f64::from(options.std[c]));
                }
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use triaxis::data::{Augmentation, Key, Picture};
    use triaxis::engine::{DType, Graph, Mode, Plan, ops};

    use super::*;
    use crate::gpu;

    #[test]
    fn augment_matches_reference() {
        crate::check_all(&cases());
    }

    /// Runs `options` on 40 pictures of 6×5 and compares with the reference of `expected`.
    fn check(mode: Mode, options: Augment, expected: &Augment, seed: u64, epoch: u32) {
        let shape = [40, 6, 5, 3];
        let mut g = Graph::new(mode);
        let pictures = g.input_of("pictures", shape, DType::U8);
        let y = ops::augment(&mut g, pictures, options).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[y]).unwrap();
        let numbers = bytes(shape.iter().product());
        let raw: Vec<u8> = numbers
            .chunks(3)
            .flat_map(|p| [p[0] as u8, p[1] as u8, p[2] as u8, 0])
            .collect();
        plan.write_raw(pictures, &raw).unwrap();
        crate::write_randomness(&plan, seed, epoch);
        plan.run().unwrap();
        let expected = reference(&numbers, shape, expected, seed, epoch);
        for (i, (got, expected)) in plan.read(y).unwrap().iter().zip(expected).enumerate() {
            assert!(
                (f64::from(*got) - expected).abs() < 1e-5,
                "[{i}] is {got}, expected {expected}"
            );
        }
    }

    #[test]
    fn pictures_move_as_seed_epoch_and_index_say() {
        let options = Augment {
            flip: 0.5,
            crop: 4,
            fill: [255, 7, 0],
            ..Augment::default()
        };
        let draws: Vec<_> = (0..40).map(|i| moves(&options, SEED, 2, i)).collect();
        assert!(
            draws.iter().any(|d| d.0 == -4) && draws.iter().any(|d| d.1 == 4),
            "{draws:?}"
        );
        let flipped = draws.iter().filter(|d| d.2).count();
        assert!((10..30).contains(&flipped), "{flipped} of 40 are flipped");
        check(Mode::Train, options, &options, SEED, 2);
        check(Mode::Train, options, &options, 7, 2);
    }

    #[test]
    fn the_host_moves_pictures_as_the_device_does() {
        let options = Augment {
            flip: 0.5,
            crop: 2,
            fill: [9, 200, 77],
            ..Augment::default()
        };
        let (shape, picture) = ([40, 6, 6, 3], 6 * 6 * 3);
        let sources: Vec<u8> = bytes(40 * picture).iter().map(|b| *b as u8).collect();
        let run = |sources: &[u8], options: Augment| {
            let mut g = Graph::new(Mode::Train);
            let pictures = g.input_of("pictures", shape, DType::U8);
            let y = ops::augment(&mut g, pictures, options).unwrap();
            let mut plan = Plan::compile(gpu(), &g, &[y]).unwrap();
            let words = sources.chunks(3).flat_map(|p| [p[0], p[1], p[2], 0]);
            plan.write_raw(pictures, &words.collect::<Vec<u8>>())
                .unwrap();
            crate::write_randomness(&plan, SEED, EPOCH);
            plan.run().unwrap();
            plan.read(y).unwrap()
        };
        let host = Augmentation {
            moves: Some(options),
            ..Augmentation::default()
        };
        let moved = sources.chunks(picture).enumerate().flat_map(|(i, rgb)| {
            let source = Picture {
                width: 6,
                height: 6,
                rgb: rgb.to_vec(),
            };
            let (seed, epoch, index) = (SEED, EPOCH, data_index(i));
            host.apply(&source, 6, Key { seed, epoch, index }).rgb
        });
        let moved: Vec<u8> = moved.collect();
        assert_ne!(moved, sources);
        assert_eq!(run(&moved, Augment::default()), run(&sources, options));
    }

    #[test]
    fn evaluation_only_normalises() {
        let options = Augment {
            flip: 0.5,
            crop: 4,
            ..Augment::default()
        };
        check(Mode::Evaluate, options, &Augment::default(), SEED, 1);
    }

    #[test]
    fn augment_refuses_what_no_picture_can_be() {
        let mut g = Graph::new(Mode::Train);
        let numbers = g.input("numbers", [1, 4, 4, 3]);
        let pictures = g.input_of("pictures", [1, 4, 4, 3], DType::U8);
        let mut refused = |x, options| ops::augment(&mut g, x, options).unwrap_err().to_string();
        assert_eq!(
            refused(numbers, Augment::default()),
            "augment: numbers is F32, expected U8"
        );
        let flat = Augment {
            std: [1.0, 0.0, 1.0],
            ..Augment::default()
        };
        assert_eq!(
            refused(pictures, flat),
            "augment: std is 0, expected a number of more than 0"
        );
        let wide = Augment {
            crop: 4,
            ..Augment::default()
        };
        let error = refused(pictures, wide);
        assert!(error.contains("more than 4 pixels a side"), "{error}");
    }
}
