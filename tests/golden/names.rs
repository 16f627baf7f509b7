//! Parameters and buffers have the names and shapes of public checkpoints.

use std::collections::BTreeMap;

use triaxis::engine::{Graph, Layout, Mode};
use triaxis::models::{Model, zoo};

#[test]
fn parameters_and_buffers_are_named_and_shaped_as_timms() {
    for (model, keys) in super::json("keys.json") {
        let expected: BTreeMap<String, Vec<usize>> = serde_json::from_value(keys).unwrap();
        let spec = zoo(&model).unwrap();
        let mut g = Graph::new(Mode::Train);
        let images = g.input("images", [2, spec.resolution, spec.resolution, 3]);
        spec.forward(&mut g, images).unwrap();
        let parameters = g.parameters().iter().map(|p| {
            (
                p.name.clone(),
                p.options.layout.file_shape(g.shape(p.value)),
            )
        });
        let buffers = g
            .buffers()
            .iter()
            .map(|b| (b.name.clone(), Layout::Vector.file_shape(g.shape(b.value))));
        let got: BTreeMap<String, Vec<usize>> = parameters.chain(buffers).collect();
        for (name, shape) in &expected {
            assert_eq!(got.get(name), Some(shape), "{model}: {name}");
        }
        for name in got.keys() {
            assert!(expected.contains_key(name), "{model}: {name} is not timm's");
        }
    }
}
