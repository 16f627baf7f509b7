//! Pictures as timm hands them to a network, and single pictures as data.

use std::{fs, path::PathBuf};

use super::sample;
use crate::data::{
    DataError, Dataset, Files, Fit, Interpolation, Picture, Preprocess, Views, fit_views,
    read_picture,
};

/// The formula of `tests/golden/preprocess.py`.
fn source(width: usize, height: usize) -> Picture {
    let value = |i: usize| {
        let (c, x, y) = (i % 3, i / 3 % width, i / 3 / width);
        (((7 * x + 3 * y + 50 * c) ^ (x * y)) & 255) as u8
    };
    Picture {
        width,
        height,
        rgb: (0..width * height * 3).map(value).collect(),
    }
}

#[test]
fn pixels_are_those_of_timm_and_pillow() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/preprocess");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let parts: Vec<&str> = name.split('_').collect();
        let (width, height) = parts[0].split_once('x').unwrap();
        let preprocess = Preprocess {
            crop_pct: parts[2].parse().unwrap(),
            interpolation: match parts[3] {
                "bilinear" => Interpolation::Bilinear,
                "bicubic" => Interpolation::Bicubic,
                other => panic!("{other}"),
            },
            ..Preprocess::trained(parts[1].parse().unwrap())
        };
        let source = source(width.parse().unwrap(), height.parse().unwrap());
        let got = &fit_views(&source, &preprocess.fit(Views::Centre))[0];
        let expected = read_picture(&path).unwrap();
        assert_eq!((got.width, got.height), (expected.width, expected.height));
        let pairs = got.rgb.iter().zip(&expected.rgb);
        let off = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= 2, "{name}: {off} levels off");
        cases += 1;
    }
    assert_eq!(cases, 7);
}

#[test]
fn published_networks_of_the_zoo_have_their_numbers() {
    let b0 = Preprocess::published("efficientnet_b0").unwrap();
    assert_eq!((b0.size, b0.resized()), (224, 256));
    let b1 = Preprocess::published("efficientnet_b1").unwrap();
    assert_eq!((b1.resized(), b1.mean), (266, [0.5; 3]));
    let e = Preprocess::published("tinynet_e").unwrap();
    assert_eq!((e.size, e.resized()), (106, 121));
    let z = Preprocess::published("regnetz_4gf").unwrap();
    assert_eq!(
        (z.resized(), z.interpolation),
        (292, Interpolation::Bilinear)
    );
    assert_eq!(Preprocess::published("mine"), None);
    let known = triaxis_models::names()
        .into_iter()
        .filter_map(|name| Preprocess::published(&name));
    assert!(known.map(|p| p.check().unwrap()).count() > 50);
}

#[test]
fn numbers_that_make_no_picture_are_refused_by_their_option() {
    let good = Preprocess::trained(32);
    let cases = [
        (
            Preprocess {
                crop_pct: 0.0,
                ..good
            },
            "--crop-pct 0",
        ),
        (
            Preprocess {
                crop_pct: 1.5,
                ..good
            },
            "--crop-pct 1.5",
        ),
        (
            Preprocess {
                crop_pct: f64::NAN,
                ..good
            },
            "--crop-pct NaN",
        ),
        (Preprocess { size: 0, ..good }, "--img-size 0"),
        (
            Preprocess {
                crop_pct: 1e-9,
                ..good
            },
            "--img-size 32, --crop-pct",
        ),
        (
            Preprocess {
                std: [1.0, 0.0, 1.0],
                ..good
            },
            "--std",
        ),
        (
            Preprocess {
                mean: [f32::NAN; 3],
                ..good
            },
            "--mean",
        ),
    ];
    for (preprocess, part) in cases {
        let error = preprocess.check().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn views_are_the_middle_its_mirror_image_and_the_corners() {
    let picture = sample(9, 7);
    let views = |views| {
        let fit = Fit {
            side: 5,
            resized: 7,
            interpolation: Interpolation::Bilinear,
            views,
        };
        fit_views(&picture, &fit)
    };
    let pixel = |p: &Picture, x: usize, y: usize| p.rgb[(y * p.width + x) * 3..][..3].to_vec();
    let centre = &views(Views::Centre)[0];
    let [middle, mirrored] = &views(Views::Flip)[..] else {
        panic!("two views");
    };
    assert_eq!(middle, centre);
    for (x, y) in [(0, 0), (1, 4), (4, 2)] {
        assert_eq!(pixel(mirrored, x, y), pixel(centre, 4 - x, y));
    }
    let five = views(Views::FiveCrop);
    assert_eq!(five[4], *centre);
    for (view, (left, top)) in five.iter().zip([(0, 0), (4, 0), (0, 2), (4, 2), (2, 1)]) {
        assert_eq!((view.width, view.height), (5, 5));
        for (x, y) in [(0, 0), (3, 1), (4, 4)] {
            assert_eq!(pixel(view, x, y), pixel(&picture, left + x, top + y));
        }
    }
}

#[test]
fn files_are_pictures_of_folders_of_their_own_and_of_pipes() {
    let place = tempfile::tempdir().unwrap();
    let png = |picture: &Picture| {
        let mut bytes = Vec::new();
        let image = image::RgbImage::from_raw(
            picture.width as u32,
            picture.height as u32,
            picture.rgb.clone(),
        );
        image
            .unwrap()
            .write_to(
                &mut std::io::Cursor::new(&mut bytes),
                image::ImageFormat::Png,
            )
            .unwrap();
        bytes
    };
    fs::create_dir_all(place.path().join("b/deep")).unwrap();
    fs::write(place.path().join("b/deep/2.png"), png(&sample(3, 2))).unwrap();
    fs::write(place.path().join("b/notes.txt"), "no picture").unwrap();
    fs::write(place.path().join("a.dat"), png(&sample(4, 2))).unwrap();
    let mut files = Files::default();
    files.add(&place.path().join("a.dat")).unwrap();
    files.add(&place.path().join("b")).unwrap();
    files.add(&place.path().join("gone.png")).unwrap();
    files.add_bytes("-", png(&sample(5, 2)));
    assert_eq!(files.len(), 4);
    for (index, width) in [(0, 4), (1, 3), (3, 5)] {
        assert_eq!(files.picture(index).unwrap(), sample(width, 2));
    }
    assert_eq!(files.name(3), "-");
    assert!(files.name(1).ends_with("2.png"));
    let gone = files.picture(2).unwrap_err();
    assert!(matches!(gone, DataError::Read { .. }) && gone.is_one_picture());
}
