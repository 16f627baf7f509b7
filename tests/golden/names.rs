//! Parameters and buffers have the names and shapes of public checkpoints.

use std::collections::BTreeMap;

use triaxis::engine::{Graph, Layout, Mode};
use triaxis::models::{Model, Naming, Network, Status, entries, zoo};

/// Names and shapes in files, of everything that a checkpoint of this network holds.
fn shapes(model: &str) -> (Network, BTreeMap<String, Vec<usize>>) {
    let spec = zoo(model).unwrap();
    let mut g = Graph::new(Mode::Train);
    // Shapes do not depend on the resolution; batch norm wants more than one number a channel.
    let images = g.input("images", [2, 64, 64, 3]);
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

fn check(naming: Naming) {
    let mut checked = 0;
    for (key, expected) in super::json("keys.json") {
        let (project, model) = key.split_once(':').unwrap();
        if project != naming.to_string() {
            continue;
        }
        checked += 1;
        let expected: BTreeMap<String, Vec<usize>> = serde_json::from_value(expected).unwrap();
        let (network, shapes) = shapes(model);
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

#[test]
fn the_names_and_shapes_of_every_network_that_timm_has_are_timms() {
    let models = super::json("timm_networks.json");
    for (model, facts) in &models {
        let (_, shapes) = shapes(model);
        assert_eq!(shapes.len(), facts["state"]["tensors"], "{model}");
        let line = |(name, shape): (&String, &Vec<usize>)| {
            let sides: String = shape.iter().map(|side| format!(" {side}")).collect();
            format!("{name}{sides}")
        };
        let mut lines: Vec<String> = shapes.iter().map(line).collect();
        lines.sort();
        let hash = blake3::hash(lines.join("\n").as_bytes()).to_hex();
        assert_eq!(hash.as_str(), facts["state"]["blake3"], "{model}");
    }
    for entry in entries().filter(|e| e.status == Status::Released) {
        // timm has no ResNeXt of 152 layers.
        let known = models.contains_key(entry.name) || entry.name == "resnext152_32x4d";
        assert!(known, "{} is not compared with timm's", entry.name);
    }
}
