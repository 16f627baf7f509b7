//! Parameters and buffers have the names and shapes of public checkpoints.

use std::collections::BTreeMap;

use triaxis::engine::{Graph, Layout, Mode};
use triaxis::models::{Model, Naming, Network, zoo};

/// Names and shapes in files, of everything that a checkpoint of this network holds.
fn shapes(model: &str) -> (Network, BTreeMap<String, Vec<usize>>) {
    let spec = zoo(model).unwrap();
    let mut g = Graph::new(Mode::Train);
    let images = g.input("images", [2, spec.resolution, spec.resolution, 3]);
    spec.forward(&mut g, images).unwrap();
    let parameters = g.parameters().iter().map(|p| {
        let shape = p.options.layout.file_shape(g.shape(p.value));
        (p.name.clone(), shape)
    });
    let buffers = g
        .buffers()
        .iter()
        .map(|b| (b.name.clone(), Layout::Vector.file_shape(g.shape(b.value))));
    let shapes = parameters.chain(buffers).collect();
    (spec.network, shapes)
}

/// The zoo's name for another project's network.
fn ours(model: &str) -> &str {
    match model {
        "EN-B0" => "efficientnet_b0",
        "RegNetY-500MF" => "regnety_500mf",
        "RegNetZ-500MF" => "regnetz_500mf",
        "RegNetY-4GF-224" => "regnety_040",
        "regnet_y_400mf" => "regnety_004",
        "ResNet50" => "resnet50",
        timms => timms,
    }
}

fn check(naming: Naming) {
    let mut checked = 0;
    for (key, expected) in super::json("keys.json") {
        let (project, model) = key.split_once(':').unwrap();
        if project != naming.to_string() {
            continue;
        }
        checked += 1;
        let expected: BTreeMap<String, Vec<usize>> = serde_json::from_value(expected).unwrap();
        let (network, shapes) = shapes(ours(model));
        let count = shapes.len();
        let got: BTreeMap<String, Vec<usize>> = shapes
            .into_iter()
            .map(|(name, shape)| (naming.from_ours(&network, &name).unwrap(), shape))
            .collect();
        assert_eq!(got.len(), count, "{key}: names are not unique");
        for (name, shape) in &expected {
            assert_eq!(got.get(name), Some(shape), "{key}: {name}");
        }
        for name in got.keys() {
            assert!(
                expected.contains_key(name),
                "{key}: {name} is not {naming}'s"
            );
        }
        let recognised = Naming::recognise(&network, expected.keys().map(String::as_str));
        let expected = match network {
            // torchvision's names are timm's.
            Network::ResNet(_) if naming == Naming::Torchvision => Naming::Timm,
            _ => naming,
        };
        assert_eq!(recognised, Some(expected), "{key}");
    }
    assert!(checked >= 3, "{naming}: {checked} networks");
}

#[test]
fn parameters_and_buffers_are_named_and_shaped_as_timms() {
    check(Naming::Timm);
}

#[test]
fn parameters_and_buffers_are_named_and_shaped_as_pyclss() {
    check(Naming::Pycls);
}

#[test]
fn parameters_and_buffers_are_named_and_shaped_as_torchvisions() {
    check(Naming::Torchvision);
}
