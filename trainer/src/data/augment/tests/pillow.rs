//! Every operator against Pillow's own numbers: `tests/golden/augment.py` says how they were made.

use std::{fs, path::PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::data::{
    Part, Picture, Resampling,
    augment::{
        jitter::Change,
        operation::{Operation, Step},
        warp::{Sampling, Warp},
    },
    fit::cut,
};

pub(super) fn golden(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read(folder.join(name)).unwrap()
}

fn picture(file: &SafeTensors<'_>, name: &str) -> Picture {
    let tensor = file.tensor(name).unwrap();
    let rgb = match tensor.dtype() {
        Dtype::U8 => tensor.data().to_vec(),
        Dtype::F32 => tensor
            .data()
            .chunks_exact(4)
            .map(|four| (255.0 * f32::from_le_bytes(four.try_into().unwrap())).round() as u8)
            .collect(),
        other => panic!("{name} is {other:?}"),
    };
    Picture {
        height: tensor.shape()[0],
        width: tensor.shape()[1],
        rgb,
    }
}

#[track_caller]
pub(super) fn expect(name: &str, got: &Picture, expected: &Picture, most: u8) {
    assert_eq!(
        (got.width, got.height),
        (expected.width, expected.height),
        "{name}"
    );
    let pairs = got.rgb.iter().zip(&expected.rgb).enumerate();
    for (i, (got, expected)) in pairs {
        assert!(
            got.abs_diff(*expected) <= most,
            "{name}: byte {i} is {got}, expected {expected}, {most} levels more or less"
        );
    }
}

/// How far each operator may be off: those that move pixels by two levels, the others by one.
pub(super) fn levels(step: &Step) -> u8 {
    use Step::{Rotate, ShearX, ShearY, TranslateX, TranslateY};
    let moves = matches!(
        step,
        Rotate(_) | ShearX(_) | ShearY(_) | TranslateX(_) | TranslateY(_)
    );
    if moves { 2 } else { 1 }
}

/// The operator that pycls calls `name`, at its value `v`.
fn of_pycls(name: &str, v: f64) -> Step {
    match name {
        "auto_contrast" => Step::AutoContrast,
        "equalize" => Step::Equalize,
        "invert" => Step::Invert,
        "rotate" => Step::Rotate(v),
        "posterize" => Operation::Posterize.at(v / 4.0, 1.0),
        "posterize_inc" => Operation::PosterizeIncreasing.at(v / 4.0, 1.0),
        "solarize" => Operation::Solarize.at(v / 256.0, 1.0),
        "solarize_inc" => Operation::SolarizeIncreasing.at(v / 256.0, 1.0),
        "solarize_add" => Operation::SolarizeAdd.at(v / 110.0, 1.0),
        "color" => Operation::Color.at((v - 0.1) / 1.8, 1.0),
        "contrast" => Operation::Contrast.at((v - 0.1) / 1.8, 1.0),
        "brightness" => Operation::Brightness.at((v - 0.1) / 1.8, 1.0),
        "sharpness" => Operation::Sharpness.at((v - 0.1) / 1.8, 1.0),
        "color_inc" => Operation::ColorIncreasing.at(v.abs() / 0.9, v.signum()),
        "contrast_inc" => Operation::ContrastIncreasing.at(v.abs() / 0.9, v.signum()),
        "brightness_inc" => Operation::BrightnessIncreasing.at(v.abs() / 0.9, v.signum()),
        "sharpness_inc" => Operation::SharpnessIncreasing.at(v.abs() / 0.9, v.signum()),
        "shear_x" => Operation::ShearX.at(v.abs() / 0.3, v.signum()),
        "shear_y" => Operation::ShearY.at(v.abs() / 0.3, v.signum()),
        "trans_x" => Operation::TranslateX.at(v.abs() / 0.45, v.signum()),
        "trans_y" => Operation::TranslateY.at(v.abs() / 0.45, v.signum()),
        other => panic!("pycls has no `{other}`"),
    }
}

#[test]
fn operators_of_pycls_give_pillows_bytes() {
    let bytes = golden("augment.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let input = picture(&file, "input");
    let warp = Warp {
        sampling: Sampling::Bilinear,
        fill: [128; 3],
    };
    let mut cases = 0;
    for name in file.names() {
        let Some((operator, v)) = name.split_once("|v=") else {
            continue;
        };
        let step = of_pycls(operator, v.parse().unwrap());
        let mut got = input.clone();
        step.apply(&mut got, warp);
        expect(name, &got, &picture(&file, name), levels(&step));
        cases += 1;
    }
    assert_eq!(cases, 111);
}

#[test]
fn operators_at_odd_sizes_give_pillows_bytes() {
    let bytes = golden("augment_odd.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let input = picture(&file, "input");
    let mut cases = 0;
    for name in file.names() {
        let parts: Vec<&str> = name.split('|').collect();
        let resampling = match parts.get(1) {
            Some(&"bicubic") => Resampling::Bicubic,
            _ => Resampling::Bilinear,
        };
        let last = parts[parts.len() - 1];
        let v = || -> f64 { last.strip_prefix("v=").unwrap().parse().unwrap() };
        let step = match parts[0] {
            "input" => continue,
            "crop" => {
                let numbers: Vec<usize> = last.split(' ').map(|n| n.parse().unwrap()).collect();
                let [left, top, width, height, side] = numbers[..] else {
                    panic!("{name}")
                };
                let part = Part {
                    left,
                    top,
                    width,
                    height,
                };
                let got = resampling.resize(&cut(&input, part), side, side);
                expect(name, &got, &picture(&file, name), 2);
                cases += 1;
                continue;
            }
            "hue" => {
                let mut got = input.clone();
                Change::Hue(v() as f32).apply(&mut got);
                expect(name, &got, &picture(&file, name), 1);
                cases += 1;
                continue;
            }
            "posterize" => Step::Posterize(v() as u32),
            "solarize" => Step::Solarize(v() as i64),
            "color" => Step::Color(v() as f32),
            "contrast" => Step::Contrast(v() as f32),
            "brightness" => Step::Brightness(v() as f32),
            "sharpness" => Step::Sharpness(v() as f32),
            "shear_x" => Step::ShearX(v()),
            "shear_y" => Step::ShearY(v()),
            "trans_x" => Step::TranslateX(v()),
            "trans_y" => Step::TranslateY(v()),
            operator => of_pycls(operator, v()),
        };
        let mut got = input.clone();
        let warp = Warp {
            sampling: resampling.sampling(),
            fill: [128; 3],
        };
        step.apply(&mut got, warp);
        expect(name, &got, &picture(&file, name), levels(&step));
        cases += 1;
    }
    assert_eq!(cases, 59);
}

#[test]
fn resized_pictures_are_those_of_pillow_and_opencv() {
    let bytes = golden("augment.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let source = picture(&file, "resize_input_45x61");
    for (name, resampling) in [
        ("pil_bilinear_u8_17x24", Resampling::Bilinear),
        ("pil_bilinear_u8_80x96", Resampling::Bilinear),
        ("pil_bicubic_u8_17x24", Resampling::Bicubic),
        ("cv2_linear_f32_17x24", Resampling::Opencv),
        ("cv2_linear_f32_32x32", Resampling::Opencv),
    ] {
        let expected = picture(&file, name);
        let got = resampling.resize(&source, expected.width, expected.height);
        expect(name, &got, &expected, 2);
    }
}
