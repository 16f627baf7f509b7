//! What is drawn, and how often.

use super::sample;
use crate::{
    data::augment::jitter::Change,
    data::{Augmentation, ColorJitter, CropRule, Key, Part, Resampling, ResizedCrop},
    random::Stream,
};

const CROP: ResizedCrop = ResizedCrop {
    scale: [0.08, 1.0],
    ratio: [3.0 / 4.0, 4.0 / 3.0],
    rule: CropRule::Timm,
};

const PYCLS: ResizedCrop = ResizedCrop {
    rule: CropRule::Pycls,
    ..CROP
};

fn parts(crop: ResizedCrop, width: usize, height: usize, count: u32) -> Vec<Option<Part>> {
    (0..count)
        .map(|index| crop.draw(width, height, &mut Stream::new(3, 0, index, "crop")))
        .collect()
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers: Vec<f64> = numbers.collect();
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[test]
fn parts_lie_in_the_picture_and_have_the_asked_areas_and_aspects() {
    for crop in [CROP, PYCLS] {
        for (width, height) in [(500, 375), (375, 500), (7, 9), (1, 1), (300, 20)] {
            for part in parts(crop, width, height, 500).into_iter().flatten() {
                assert!(
                    part.width > 0 && part.left + part.width <= width,
                    "{part:?}"
                );
                assert!(
                    part.height > 0 && part.top + part.height <= height,
                    "{part:?}"
                );
                if width.min(height) >= 375 {
                    let area = (part.width * part.height) as f64 / (width * height) as f64;
                    let aspect = part.width as f64 / part.height as f64;
                    assert!((0.078..1.002).contains(&area), "{area}");
                    assert!((0.74..1.345).contains(&aspect), "{aspect}");
                }
            }
        }
    }
}

/// In a square, a part that is drawn nearly always fits. The logarithm of timm's aspect is uniform: its mean is 0. pycls's
/// aspect is uniform between 3/4 and 4/3 and turned over for every other picture: the mean of its logarithm is 0, too, while that
/// of the larger side over the smaller tells them apart.
#[test]
fn the_two_rules_differ_in_the_distribution_of_aspects() {
    let small = |rule| ResizedCrop {
        scale: [0.05, 0.3],
        rule,
        ..CROP
    };
    let logs = |rule| -> Vec<f64> {
        let parts = parts(small(rule), 4000, 4000, 20_000);
        parts
            .into_iter()
            .map(|p| p.map(|p| (p.width as f64 / p.height as f64).ln()).unwrap())
            .collect()
    };
    let (timm, pycls) = (logs(CropRule::Timm), logs(CropRule::Pycls));
    let most = (4.0_f64 / 3.0).ln();
    // Uniform in -most..most: variance most² / 3.
    let variance = |logs: &[f64]| mean(logs.iter().map(|l| l * l));
    assert!((variance(&timm) / (most * most / 3.0) - 1.0).abs() < 0.03);
    // ∫ ln² a da over 3/4 to 4/3, by its antiderivative a (ln² a - 2 ln a + 2), over 7/12.
    let integral = |a: f64| a * (a.ln().powi(2) - 2.0 * a.ln() + 2.0);
    let expected = (integral(4.0 / 3.0) - integral(0.75)) * 12.0 / 7.0;
    assert!(
        (variance(&pycls) / expected - 1.0).abs() < 0.03,
        "{}",
        variance(&pycls) / expected
    );
    assert!(mean(pycls.iter().copied()).abs() < 0.005 && mean(timm.into_iter()).abs() < 0.005);
}

#[test]
fn every_place_is_taken_but_the_last_by_pycls() {
    let half = |rule| ResizedCrop {
        scale: [0.25, 0.25],
        ratio: [1.0, 1.0],
        rule,
    };
    let lefts = |rule| {
        let mut counts = [0; 6];
        for part in parts(half(rule), 10, 10, 6000).into_iter().flatten() {
            counts[part.left] += 1;
        }
        counts
    };
    let timm = lefts(CropRule::Timm);
    assert!(
        timm.iter().all(|count: &i32| (count - 1000).abs() < 130),
        "{timm:?}"
    );
    let pycls = lefts(CropRule::Pycls);
    assert_eq!(pycls[5], 0);
    assert!(
        pycls[..5].iter().all(|count| (count - 1200).abs() < 140),
        "{pycls:?}"
    );
}

#[test]
fn a_strip_of_which_no_part_fits_gives_its_middle() {
    let whole = ResizedCrop {
        scale: [1.0, 1.0],
        ..CROP
    };
    let part = |width, height| parts(whole, width, height, 1)[0].unwrap();
    let expected = Part {
        left: 93,
        top: 0,
        width: 13,
        height: 10,
    };
    assert_eq!(part(200, 10), expected);
    assert_eq!(
        (part(10, 200).width, part(10, 200).height, part(10, 200).top),
        (10, 13, 93)
    );
    let pycls = ResizedCrop {
        scale: [1.0, 1.0],
        ..PYCLS
    };
    assert_eq!(parts(pycls, 200, 10, 1), [None]);
    let augmentation = Augmentation {
        crop: Some(pycls),
        ..Augmentation::default()
    };
    let square = augmentation.apply(&sample(200, 10), 16, KEY);
    assert_eq!((square.width, square.height), (16, 16));
}

#[test]
fn jitter_draws_factors_around_one_in_every_order() {
    let jitter = ColorJitter {
        brightness: 0.4,
        contrast: 0.2,
        saturation: 1.5,
        hue: 0.0,
    };
    let mut first = [0; 3];
    let mut saturations = Vec::new();
    for index in 0..6000 {
        let tones = jitter.draw(&mut Stream::new(1, 0, index, "color_jitter"));
        assert_eq!(tones.len(), 3, "no turn of the hue was asked for");
        for (place, tone) in tones.into_iter().enumerate() {
            let (kind, within) = match tone {
                Change::Brightness(f) => (0, (0.6..=1.4).contains(&f)),
                Change::Contrast(f) => (1, (0.8..=1.2).contains(&f)),
                Change::Saturation(f) => {
                    saturations.push(f64::from(f));
                    (2, (0.0..=2.5).contains(&f))
                }
                Change::Hue(_) => panic!("{tone:?}"),
            };
            assert!(within, "{tone:?}");
            first[kind] += i32::from(place == 0);
        }
    }
    assert!(
        first.iter().all(|count| (count - 2000).abs() < 180),
        "{first:?}"
    );
    // Uniform in 0 to 2.5, since a factor is not below 0.
    assert!((mean(saturations.into_iter()) - 1.25).abs() < 0.04);
}

const KEY: Key = Key {
    seed: 42,
    epoch: 3,
    index: 7,
};

fn everything() -> Augmentation {
    Augmentation {
        crop: Some(CROP),
        moves: Some(triaxis_engine::ops::Augment {
            flip: 0.5,
            crop: 2,
            ..Default::default()
        }),
        policy: Some("rand-m9-mstd0.5-inc1-p1".parse().unwrap()),
        jitter: Some(ColorJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.1,
        }),
        resampling: Resampling::Random,
        ..Augmentation::default()
    }
}

#[test]
fn a_picture_depends_on_seed_epoch_and_index_alone() {
    let (augmentation, source) = (everything(), sample(61, 45));
    let one = augmentation.apply(&source, 32, KEY);
    assert_eq!(
        (one.width, one.height, one.rgb.len()),
        (32, 32, 32 * 32 * 3)
    );
    assert_eq!(one, augmentation.apply(&source, 32, KEY));
    let others = [
        Key { seed: 43, ..KEY },
        Key { epoch: 4, ..KEY },
        Key { index: 8, ..KEY },
    ];
    for key in others {
        assert_ne!(one, augmentation.apply(&source, 32, key), "{key:?}");
    }
}

#[test]
fn nothing_leaves_a_picture_as_it_is() {
    let source = sample(32, 32);
    assert_eq!(Augmentation::default().apply(&source, 32, KEY), source);
    assert!(Augmentation::default().is_nothing() && !everything().is_nothing());
}

#[test]
fn any_picture_survives_everything() {
    for (width, height) in [(1, 1), (2, 900), (900, 2), (3, 5), (16_384, 1)] {
        for index in 0..40 {
            let key = Key { index, ..KEY };
            let got = everything().apply(&sample(width, height), 9, key);
            assert_eq!(got.rgb.len(), 9 * 9 * 3);
        }
    }
}
