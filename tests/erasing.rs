//! What random erasing leaves of pictures on the device, by its statistics.

use triaxis::data::{DeviceAugmentation, EraseMode, Key, Lighting, RandomErasing};
use triaxis::engine::ops::{Augment, Erased, augment_each, table_rows};
use triaxis::engine::{DType, Graph, Mode, Plan};

use crate::{EPOCH, SEED, data_index, gpu};

const SIDE: usize = 16;
const COUNT: usize = 400;

/// The numbers of each picture's rectangle, row by row, from pictures of one grey; all else has to be that grey, normalised.
fn erased(mode: EraseMode) -> Vec<(Erased, Vec<[f64; 3]>)> {
    let device = DeviceAugmentation {
        crop: None,
        moves: None,
        jitter: None,
        lighting: Lighting { std: 0.0 },
        erasing: RandomErasing {
            probability: 1.0,
            mode,
            count: 1,
        },
    };
    let drawn: Vec<_> = (0..COUNT)
        .map(|i| {
            let key = Key {
                seed: SEED,
                epoch: EPOCH,
                index: data_index(i),
            };
            device.draw(SIDE, key)
        })
        .collect();
    let normal = Augment::default();
    let mut g = Graph::new(Mode::Train);
    let pictures = g.input_of("pictures", [COUNT, SIDE, SIDE, 3], DType::U8);
    let table = g.input("table", [COUNT, 1, table_rows(1), 4]);
    let y = augment_each(&mut g, pictures, table, normal).unwrap();
    let mut plan = Plan::compile(gpu(), &g, &[y]).unwrap();
    let rgb = vec![[128, 128, 128, 0]; COUNT * SIDE * SIDE].concat();
    plan.write_raw(pictures, &rgb).unwrap();
    let rows: Vec<f32> = drawn.iter().flat_map(|drawn| drawn.rows(1)).collect();
    plan.write(table, &rows).unwrap();
    crate::write_randomness(&plan, SEED, EPOCH);
    plan.run().unwrap();
    let all = plan.read(y).unwrap();

    let grey = |c: usize| (128.0 / 255.0 - f64::from(normal.mean[c])) / f64::from(normal.std[c]);
    let mut found = Vec::new();
    for (numbers, drawn) in all.chunks_exact(SIDE * SIDE * 3).zip(&drawn) {
        let [erased] = drawn.erased[..] else {
            continue;
        };
        let [left, top, right, bottom] = erased.rectangle;
        let mut inside = Vec::new();
        for (i, pixel) in numbers.chunks_exact(3).enumerate() {
            let pixel: [f64; 3] = std::array::from_fn(|c| f64::from(pixel[c]));
            let (row, column) = (i / SIDE, i % SIDE);
            if (left..right).contains(&column) && (top..bottom).contains(&row) {
                inside.push(pixel);
                continue;
            }
            for (c, number) in pixel.into_iter().enumerate() {
                assert!(
                    (number - grey(c)).abs() < 1e-5,
                    "pixel {i} outside of {:?} is {number}",
                    erased.rectangle
                );
            }
        }
        found.push((erased, inside));
    }
    assert!(found.len() > COUNT * 9 / 10, "{}", found.len());
    found
}

/// Expects mean 0 and variance 1, within four standard errors.
fn assert_normal(what: &str, numbers: &[f64]) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|x| x * x).sum::<f64>() / count;
    assert!(
        mean.abs() < 4.0 / count.sqrt(),
        "{what}: the mean is {mean}"
    );
    assert!(
        (variance - 1.0).abs() < 4.0 * (2.0 / count).sqrt(),
        "{what}: the variance is {variance}"
    );
}

/// Expects no correlation, within four standard errors.
fn assert_independent(what: &str, pairs: &[[f64; 2]]) {
    let count = pairs.len() as f64;
    let product = pairs.iter().map(|[a, b]| a * b).sum::<f64>() / count;
    assert!(product.abs() < 4.0 / count.sqrt(), "{what}: {product}");
}

#[test]
fn a_constant_that_erases_is_the_mean_colour() {
    for (erased, pixels) in erased(EraseMode::Const) {
        assert!(
            pixels.iter().all(|pixel| *pixel == [0.0; 3]),
            "{erased:?}: {pixels:?}"
        );
    }
}

#[test]
fn a_random_colour_fills_a_rectangle_and_is_normal_from_picture_to_picture() {
    let mut colours = Vec::new();
    for (erased, pixels) in erased(EraseMode::Rand) {
        for pixel in &pixels {
            assert_eq!(pixel.map(|x| x as f32), erased.colour, "{erased:?}");
        }
        colours.push(erased.colour.map(f64::from));
    }
    assert_normal("colours", &colours.concat());
    let channels: Vec<_> = colours
        .iter()
        .map(|[red, green, _]| [*red, *green])
        .collect();
    assert_independent("channels", &channels);
    let pictures: Vec<_> = colours
        .windows(2)
        .map(|two| [two[0][0], two[1][0]])
        .collect();
    assert_independent("pictures", &pictures);
}

#[test]
fn noise_is_normal_and_its_own_in_every_pixel_channel_and_picture() {
    let found = erased(EraseMode::Pixel);
    let pixels: Vec<[f64; 3]> = found
        .iter()
        .flat_map(|(_, pixels)| pixels.clone())
        .collect();
    assert!(pixels.len() > 10_000, "{}", pixels.len());
    for c in 0..3 {
        let channel: Vec<f64> = pixels.iter().map(|pixel| pixel[c]).collect();
        assert_normal(&format!("channel {c}"), &channel);
        let two: Vec<_> = pixels.iter().map(|p| [p[c], p[(c + 1) % 3]]).collect();
        assert_independent(&format!("channel {c} and the next"), &two);
    }
    // One pixel and the next, which may be below and far to the left.
    let next: Vec<_> = pixels
        .windows(2)
        .map(|two| [two[0][0], two[1][0]])
        .collect();
    assert_independent("pixels", &next);
    // The first pixel of a picture's rectangle and of the next picture's.
    let firsts = found.windows(2).map(|two| [two[0].1[0][0], two[1].1[0][0]]);
    assert_independent("pictures", &firsts.collect::<Vec<_>>());
    // Of 30,000 normal numbers, some lie beyond 3 and none beyond 6.
    let most = pixels.concat().iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!((3.0..6.0).contains(&most), "{most}");
}
