//! Seven published networks with weights by formula: logits and loss of a training step and of an evaluation.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use triaxis::engine::Mode;
use triaxis::models::zoo;

use super::file::Tensors;
use super::formula;
use super::run::{Outcome, Task, largest_difference, length};

/// Batch-norm buffers and lengths of activations may be off by this part of what PyTorch's f32 logits are off by.
const FACTOR: f64 = 10.0;

fn check(model: &str, file: &str) {
    let tensors = Tensors::load(&format!("{file}.safetensors"));
    let facts = super::json(&format!("{file}.json"));
    let mut spec = zoo(model).unwrap();
    spec.resolution = facts["resolution"].as_u64().unwrap() as usize;
    let eps = spec.network.style_mut().eps;
    assert_eq!(eps, facts["bn_eps"].as_f64().unwrap(), "{model}: eps");
    // The evaluation of the golden runs uses the statistics of their one training batch.
    spec.network.style_mut().momentum = 1.0;
    let buffers: BTreeMap<String, Vec<f32>> = tensors
        .under("eval_bn.")
        .map(|(name, x)| (name.into(), x.iter().map(|&x| x as f32).collect()))
        .collect();
    let parts = facts["activations"]["train"].as_object().unwrap();
    let run = |mode, buffers| {
        let task = Task {
            spec: &spec,
            mode,
            images: formula::images(spec.resolution),
            targets: tensors.f32s("target"),
            weights: &formula::parameter,
            buffers,
            parts: parts.keys().cloned().collect(),
            gradients: false,
        };
        task.run()
    };

    let train = run(Mode::Train, BTreeMap::new());
    compare(model, "train", &train, &tensors, &facts);
    let error = facts["f32_vs_f64"]["logits_train"].as_f64().unwrap();
    assert_eq!(train.buffers.len(), buffers.len(), "{model}: buffers");
    for (name, expected) in tensors.under("eval_bn.") {
        let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let got = largest_difference(&train.buffers[name], expected);
        assert!(
            got <= FACTOR * error * largest,
            "{model}: {name} differs by {got:e}"
        );
    }
    let eval = run(Mode::Evaluate, buffers);
    compare(model, "eval", &eval, &tensors, &facts);
}

fn compare(model: &str, mode: &str, got: &Outcome, tensors: &Tensors, facts: &Map<String, Json>) {
    let error = facts["f32_vs_f64"][format!("logits_{mode}")]
        .as_f64()
        .unwrap();
    let difference = largest_difference(&got.logits, tensors.get(&format!("logits_{mode}_f64")));
    println!("{model} {mode}: logits differ by {difference:.1e}, PyTorch's f32 by {error:.1e}");
    assert!(
        difference <= FACTOR * error,
        "{model}: {mode} logits differ by {difference:e}, allowed {:e}",
        FACTOR * error
    );
    let loss = match mode {
        "train" => tensors.get("loss_train_f64")[0],
        _ => tensors.get("loss_eval")[0],
    };
    let difference = (f64::from(got.loss) - loss).abs();
    assert!(
        difference <= FACTOR * error,
        "{model}: {mode} loss {}, expected {loss}",
        got.loss
    );
    for (part, facts) in facts["activations"][mode].as_object().unwrap() {
        let l2 = length(got.parts[part].iter().map(|&x| f64::from(x)));
        let expected = facts["l2"].as_f64().unwrap();
        assert!(
            (l2 - expected).abs() <= FACTOR * error * expected,
            "{model}: {mode} output of {part} has length {l2}, expected {expected}"
        );
    }
}

#[test]
fn efficientnet_b0_computes_what_timms_does() {
    check("efficientnet_b0", "full_efficientnet_b0_r64");
}

#[test]
fn tf_efficientnet_b0_pads_and_normalises_as_tensorflow() {
    check("tf_efficientnet_b0", "full_tf_efficientnet_b0_r64");
}

#[test]
fn tinynet_e_computes_what_timms_does_at_odd_sides() {
    check("tinynet_e", "full_tinynet_e_r53");
}

#[test]
fn regnetz_005_computes_what_timms_does() {
    check("regnetz_005", "full_regnetz_005_r64");
}

#[test]
fn regnety_004_computes_what_timms_does() {
    check("regnety_004", "full_regnety_004_r64");
}

#[test]
fn resnet50_computes_what_timms_does() {
    check("resnet50", "full_resnet50_r64");
}

#[test]
fn resnext50_32x4d_computes_what_timms_does() {
    check("resnext50_32x4d", "full_resnext50_32x4d_r64");
}
