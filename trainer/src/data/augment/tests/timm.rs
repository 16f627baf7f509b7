//! Every operator on twenty pictures, each at a level of its own, against timm and Pillow: `tests/golden/augment_timm.py` says how
//! they were made.

use std::io::Read;

use flate2::read::GzDecoder;
use safetensors::SafeTensors;

use super::pillow::{expect, golden, levels};
use crate::data::{
    Picture,
    augment::{
        operation::Operation::{self, *},
        warp::{Sampling, Warp},
    },
};

/// All operators, by timm's names.
const OPERATORS: [(&str, Operation); 22] = [
    ("AutoContrast", AutoContrast),
    ("Equalize", Equalize),
    ("Invert", Invert),
    ("Rotate", Rotate),
    ("Posterize", Posterize),
    ("PosterizeIncreasing", PosterizeIncreasing),
    ("PosterizeOriginal", PosterizeOriginal),
    ("Solarize", Solarize),
    ("SolarizeIncreasing", SolarizeIncreasing),
    ("SolarizeAdd", SolarizeAdd),
    ("Color", Color),
    ("ColorIncreasing", ColorIncreasing),
    ("Contrast", Contrast),
    ("ContrastIncreasing", ContrastIncreasing),
    ("Brightness", Brightness),
    ("BrightnessIncreasing", BrightnessIncreasing),
    ("Sharpness", Sharpness),
    ("SharpnessIncreasing", SharpnessIncreasing),
    ("ShearX", ShearX),
    ("ShearY", ShearY),
    ("TranslateXRel", TranslateX),
    ("TranslateYRel", TranslateY),
];

/// The twenty pictures of one name.
fn pictures(file: &SafeTensors<'_>, name: &str) -> Vec<Picture> {
    let tensor = file.tensor(name).unwrap();
    let [count, height, width, 3] = tensor.shape()[..] else {
        panic!("{name} is {:?}", tensor.shape())
    };
    assert_eq!(count, 20, "{name}");
    tensor
        .data()
        .chunks_exact(height * width * 3)
        .map(|rgb| Picture {
            width,
            height,
            rgb: rgb.to_vec(),
        })
        .collect()
}

#[test]
fn every_operator_gives_timms_bytes_on_twenty_pictures() {
    let packed = golden("augment_timm.safetensors.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let sources = pictures(&file, "pictures");
    let numbers: Vec<f64> = file
        .tensor("levels")
        .unwrap()
        .data()
        .chunks_exact(8)
        .map(|eight| f64::from_le_bytes(eight.try_into().unwrap()))
        .collect();
    // Of those that move pixels, the file holds a bicubic form, too.
    let mut compared = 0;
    for (name, operation) in OPERATORS {
        for (sampling, name) in [
            (Sampling::Bilinear, name.to_owned()),
            (Sampling::Bicubic, format!("{name}, bicubic")),
        ] {
            if file.tensor(&name).is_err() {
                assert_eq!(sampling, Sampling::Bicubic, "{name} is missing");
                continue;
            }
            let warp = Warp {
                sampling,
                fill: [128; 3],
            };
            let expected = pictures(&file, &name);
            for (i, (source, expected)) in sources.iter().zip(&expected).enumerate() {
                let step = operation.at(numbers[2 * i] / 10.0, numbers[2 * i + 1]);
                let mut got = source.clone();
                step.apply(&mut got, warp);
                let case = format!("{name}, picture {i}, {step:?}");
                expect(&case, &got, expected, levels(&step));
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 22 + 5);
    assert_eq!(file.names().len(), compared + 2);
}
