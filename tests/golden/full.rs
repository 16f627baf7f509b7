//! Thirteen published networks with weights by formula: logits, loss and gradients of a training step, and an evaluation.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use triaxis::engine::ops::Activation;
use triaxis::engine::{DType, Mode, VariantTable};
use triaxis::models::{Naming, Network, zoo};

use super::file::Tensors;
use super::formula;
use super::run::{Outcome, Task, largest_difference, length};

/// What may be off by this many times what PyTorch's f32 is off by: logits, losses, batch-norm buffers, lengths of
/// activations, gradients.
const FACTOR: f64 = 10.0;
/// A gradient that is zero in theory may be this long.
const ZERO: f64 = 1e-4;
/// Gradients of a network with ReLU may be off by this part of their length: one input that is nearly zero falls on the
/// other side, and all that flows through it with it.
const FLIPPED: f64 = 1e-2;
/// In the last layers, which have few pixels, one such input may weigh more. So gradients of these networks may be right in
/// one of so many runs, whose images are longer by some rounding errors: batch norms undo that, but an input that is zero
/// but for rounding falls to one side or to the other. What is wrong for another reason is wrong in all of them.
const ROUNDINGS: u8 = 6;

fn check(model: &str, naming: Naming, file: &str) {
    let tensors = Tensors::load(&format!("{file}.safetensors"));
    let facts = super::json(&format!("{file}.json"));
    let mut spec = zoo(model).unwrap();
    spec.resolution = facts["resolution"].as_u64().unwrap() as usize;
    let eps = spec.network.style_mut().eps;
    assert_eq!(eps, facts["bn_eps"].as_f64().unwrap(), "{model}: eps");
    // The evaluation of the golden runs uses the statistics of their one training batch.
    spec.network.style_mut().momentum = 1.0;
    let network = &spec.network;
    let buffers: BTreeMap<String, Vec<f32>> = tensors
        .under("eval_bn.")
        .map(|(name, x)| {
            let numbers = x.iter().map(|&x| x as f32).collect();
            (our_name(network, naming, name), numbers)
        })
        .collect();
    let parts = facts["activations"]["train"].as_object().unwrap();
    let images = facts["input_name"].as_str().unwrap();
    let run = |mode, buffers, gradients, rounding: u8| {
        let longer = 1.0 + f32::from(rounding) * 4.0 * f32::EPSILON;
        let images = formula::images(images, spec.resolution);
        let task = Task {
            fused: None,
            variants: VariantTable::default(),
            spec: &spec,
            mode,
            images: images.into_iter().map(|x| x * longer).collect(),
            targets: tensors.f32s("target"),
            // The formula hashes the names that the golden run's library has.
            weights: &|name, shape| {
                formula::parameter(&naming.from_ours(network, name).unwrap(), shape)
            },
            buffers,
            parts: parts.keys().cloned().collect(),
            gradients,
            stored: DType::F32,
        };
        task.run()
    };

    let train = run(Mode::Train, BTreeMap::new(), facts.contains_key("grads"), 0);
    compare(file, "train", &train, &tensors, &facts);
    let error = facts["f32_vs_f64"]["logits_train"].as_f64().unwrap();
    assert_eq!(train.buffers.len(), buffers.len(), "{file}: buffers");
    for (name, expected) in tensors.under("eval_bn.") {
        let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let got = &train.buffers[&our_name(network, naming, name)];
        let got = largest_difference(got, expected);
        assert!(
            got <= FACTOR * error * largest,
            "{file}: {name} differs by {got:e}"
        );
    }
    if let Some(expected) = facts.get("grads") {
        let expected = expected.as_object().unwrap();
        let compare = |run: &Outcome| compare_gradients(file, network, naming, run, expected);
        let mut compared = compare(&train);
        let relu = network.clone().style_mut().activation == Activation::Relu;
        for rounding in (1..ROUNDINGS).filter(|_| relu) {
            if let Err(off) = &compared {
                println!("{off}");
                compared = compare(&run(Mode::Train, BTreeMap::new(), true, rounding));
            }
        }
        compared.unwrap();
    }
    let eval = run(Mode::Evaluate, buffers, false, 0);
    compare(file, "eval", &eval, &tensors, &facts);
}

fn our_name(network: &Network, naming: Naming, name: &str) -> String {
    let ours = naming.to_ours(network, name);
    ours.unwrap_or_else(|| panic!("we have no {naming} tensor {name}"))
}

/// Compares what is stored of each gradient: its length `l2`, its sum and some of its numbers. Where a gradient is off by
/// a part of its length, its length is off by no more than that, and its sum by no more than that times the root of its
/// size; the numbers estimate that part.
fn compare_gradients(
    file: &str,
    network: &Network,
    naming: Naming,
    outcome: &Outcome,
    expected: &Map<String, Json>,
) -> Result<(), String> {
    let count = outcome.gradients.len();
    assert_eq!(expected.len(), count, "{file}: parameters");
    let relu = network.clone().style_mut().activation == Activation::Relu;
    let least = if relu { FLIPPED } else { 0.0 };
    let mut worst: (f64, &str) = (0.0, "");
    for (name, stored) in expected {
        let got = &outcome.gradients[&our_name(network, naming, name)];
        let numbers = || got.iter().map(|&x| f64::from(x));
        let got_l2 = length(numbers());
        let Some(error) = stored[0].as_f64() else {
            assert!(
                got_l2 <= ZERO,
                "{file}: the gradient of {name} is zero in theory, got length {got_l2}"
            );
            continue;
        };
        let stored = super::numbers(stored);
        let ([l2, sum], samples) = ([stored[1], stored[2]], &stored[3..]);
        let root = (got.len() as f64).sqrt();
        let differences = samples.iter().enumerate().map(|(i, &expected)| {
            let at = i * (got.len() - 1) / (samples.len() - 1);
            (f64::from(got[at]) - expected) / (l2 / root + expected.abs())
        });
        let off = [
            ("length", (got_l2 - l2).abs() / l2),
            ("sum", (numbers().sum::<f64>() - sum).abs() / (l2 * root)),
            (
                "numbers",
                length(differences) / (samples.len() as f64).sqrt(),
            ),
        ];
        let allowed = least.max(FACTOR * error);
        for (what, off) in off {
            if off > allowed {
                return Err(format!(
                    "{file}: the {what} of the gradient of {name} off by {off:e}, allowed {allowed:e}"
                ));
            }
            if off / error > worst.0 {
                worst = (off / error, name);
            }
        }
    }
    println!(
        "{file}: worst gradient {:.1} times PyTorch's f32 error, {}",
        worst.0, worst.1
    );
    Ok(())
}

fn compare(file: &str, mode: &str, got: &Outcome, tensors: &Tensors, facts: &Map<String, Json>) {
    let error = facts["f32_vs_f64"][format!("logits_{mode}")]
        .as_f64()
        .unwrap();
    let difference = largest_difference(&got.logits, tensors.get(&format!("logits_{mode}_f64")));
    println!("{file} {mode}: logits differ by {difference:.1e}, PyTorch's f32 by {error:.1e}");
    assert!(
        difference <= FACTOR * error,
        "{file}: {mode} logits differ by {difference:e}, allowed {:e}",
        FACTOR * error
    );
    let loss = match mode {
        "train" => tensors.get("loss_train_f64")[0],
        _ => tensors.get("loss_eval")[0],
    };
    let difference = (f64::from(got.loss) - loss).abs();
    assert!(
        difference <= FACTOR * error,
        "{file}: {mode} loss {}, expected {loss}",
        got.loss
    );
    for (part, facts) in facts["activations"][mode].as_object().unwrap() {
        let l2 = length(got.parts[part].iter().map(|&x| f64::from(x)));
        let expected = facts["l2"].as_f64().unwrap();
        assert!(
            (l2 - expected).abs() <= FACTOR * error * expected,
            "{file}: {mode} output of {part} has length {l2}, expected {expected}"
        );
    }
}

#[test]
fn efficientnet_b0_computes_what_timms_does() {
    check("efficientnet_b0", Naming::Timm, "full_efficientnet_b0_r64");
}

#[test]
fn tf_efficientnet_b0_pads_and_normalises_as_tensorflow() {
    check(
        "tf_efficientnet_b0",
        Naming::Timm,
        "full_tf_efficientnet_b0_r64",
    );
}

#[test]
fn tinynet_e_computes_what_timms_does_at_odd_sides() {
    check("tinynet_e", Naming::Timm, "full_tinynet_e_r53");
}

#[test]
fn regnetz_005_computes_what_timms_does() {
    check("regnetz_005", Naming::Timm, "full_regnetz_005_r64");
}

#[test]
fn regnety_004_computes_what_timms_does() {
    check("regnety_004", Naming::Timm, "full_regnety_004_r64");
}

#[test]
fn resnet50_computes_what_timms_does() {
    check("resnet50", Naming::Timm, "full_resnet50_r64");
}

#[test]
fn resnext50_32x4d_computes_what_timms_does() {
    check("resnext50_32x4d", Naming::Timm, "full_resnext50_32x4d_r64");
}

#[test]
fn efficientnet_b0_computes_what_pyclss_does() {
    check("efficientnet_b0", Naming::Pycls, "full_pycls_EN-B0_r64");
}

#[test]
fn regnetz_500mf_computes_what_pyclss_does() {
    check(
        "regnetz_500mf",
        Naming::Pycls,
        "full_pycls_RegNetZ-500MF_r64",
    );
}

#[test]
fn regnety_500mf_computes_what_pyclss_does() {
    check(
        "regnety_500mf",
        Naming::Pycls,
        "full_pycls_RegNetY-500MF_r64",
    );
}

#[test]
fn mobilenetv2_035_computes_what_timms_does() {
    check("mobilenetv2_035", Naming::Timm, "full_mobilenetv2_035_r64");
}

#[test]
fn tf_efficientnetv2_b0_computes_what_timms_does() {
    check(
        "tf_efficientnetv2_b0",
        Naming::Timm,
        "full_tf_efficientnetv2_b0_r64",
    );
}

#[test]
fn regnetz_040_activates_its_last_features_as_timms() {
    check("regnetz_040", Naming::Timm, "full_regnetz_040_r64");
}
