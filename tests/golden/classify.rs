//! Full-size networks at their own resolution through [`Classifier`], from weights by name to logits, against timm's.

use triaxis::checkpoint::NamedTensor;
use triaxis::data::{Picture, Preprocess};
use triaxis::engine::{Graph, Mode};
use triaxis::models::{Model, zoo};
use triaxis::{Classifier, ClassifierOptions, Weights};

use super::formula;

/// How far a logit may be off.
const MOST: f64 = 1e-3;
/// How far nine in ten of them may be.
const MOST_OF_NINE: f64 = 1e-4;

fn check(model: &str) {
    let facts = &super::json("classify.json")[model];
    let mut spec = zoo(model).unwrap();
    let preprocess = Preprocess {
        crop_pct: 1.0,
        ..Preprocess::published(model).unwrap()
    };
    assert_eq!(facts["size"].as_u64().unwrap() as usize, preprocess.size);
    spec.resolution = preprocess.size;
    let variance = facts["variance"].as_f64().unwrap() as f32;

    let mut g = Graph::new(Mode::Evaluate);
    let images = g.input("images", [1, spec.resolution, spec.resolution, 3]);
    spec.forward(&mut g, images).unwrap();
    let parameters = g.parameters().iter().map(|p| {
        let shape = p.options.layout.file_shape(g.shape(p.value));
        NamedTensor {
            name: p.name.clone(),
            data: formula::parameter(&p.name, &shape),
            shape,
        }
    });
    let buffers = g.buffers().iter().map(|b| {
        let count = g.shape(b.value).count();
        let number = if b.name.ends_with("var") {
            variance
        } else {
            0.0
        };
        NamedTensor {
            name: b.name.clone(),
            shape: vec![count],
            data: vec![number; count],
        }
    });
    let weights = Weights {
        tensors: parameters.chain(buffers).collect(),
        ..Weights::default()
    };
    let options = ClassifierOptions {
        preprocess: Some(preprocess),
        ..ClassifierOptions::default()
    };
    let classifier = Classifier::open(crate::gpu(), &spec, &weights, options).unwrap();
    let picture = Picture {
        width: preprocess.size,
        height: preprocess.size,
        rgb: formula::bytes("picture", preprocess.size * preprocess.size * 3),
    };
    let got = classifier.logits(&[picture]).unwrap().remove(0);
    let expected = super::numbers(&facts["logits"]);
    assert_eq!(got.len(), expected.len());
    let pairs = got.iter().zip(&expected);
    let mut off: Vec<f64> = pairs.map(|(a, b)| (f64::from(*a) - b).abs()).collect();
    off.sort_by(f64::total_cmp);
    let (most, nine_tenths) = (off[off.len() - 1], off[off.len() * 9 / 10]);
    let found = format!("{model}: logits are off by {most:.1e}, nine in ten by {nine_tenths:.1e}");
    println!("{found}; timm's f32 by {}", facts["f32_error"]);
    assert!(most <= MOST && nine_tenths <= MOST_OF_NINE, "{found}");
}

#[test]
fn efficientnet_b0_classifies_as_timms_does() {
    check("efficientnet_b0");
}

#[test]
fn tf_efficientnet_b0_classifies_as_timms_does() {
    check("tf_efficientnet_b0");
}

#[test]
fn tinynet_e_classifies_as_timms_does() {
    check("tinynet_e");
}

#[test]
fn regnety_004_classifies_as_timms_does() {
    check("regnety_004");
}

#[test]
fn regnetz_005_classifies_as_timms_does() {
    check("regnetz_005");
}

#[test]
fn resnet18_classifies_as_timms_does() {
    check("resnet18");
}

#[test]
fn resnext50_32x4d_classifies_as_timms_does() {
    check("resnext50_32x4d");
}
