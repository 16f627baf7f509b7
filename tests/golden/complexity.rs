//! Multiply-adds, parameters and activations equal pycls's and timm's, to the last one.

use serde_json::{Value as Json, json};
use triaxis::engine::{Complexity, Graph, Mode};
use triaxis::models::{MbStage, Model, Network, RegNetStage, ResNetStage, Spec, zoo};

/// What one image of this side costs.
fn count(spec: &Spec, resolution: usize) -> Complexity {
    let mut g = Graph::new(Mode::Evaluate);
    let images = g.input("images", [1, resolution, resolution, 3]);
    spec.forward(&mut g, images)
        .unwrap_or_else(|e| panic!("{}: {e}", spec.name));
    g.complexity()
}

fn check(spec: &Spec, counts: &Json) {
    let expected = Complexity {
        flops: counts["flops"].as_u64().unwrap(),
        params: counts["params"].as_u64().unwrap(),
        acts: counts["acts"].as_u64().unwrap(),
    };
    let resolution = int(&counts["resolution"]);
    let got = count(spec, resolution);
    assert_eq!(got, expected, "{} at {resolution} pixels", spec.name);
}

fn int(value: &Json) -> usize {
    value.as_u64().expect("a whole number") as usize
}

#[test]
fn every_configuration_of_the_papers_is_in_the_zoo_and_costs_what_pycls_counts() {
    let models = super::json("complexity.json");
    assert_eq!(models.len(), 68);
    for (name, model) in &models {
        let counts = model["counts"].as_array().unwrap();
        assert_eq!(counts.len(), 2, "{name}");
        for name in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
            let spec = zoo(&name).unwrap();
            assert_eq!(spec.resolution, int(&counts[0]["resolution"]), "{name}");
            counts.iter().for_each(|counts| check(&spec, counts));
            let stages = model["stages"].as_array().unwrap();
            assert_eq!(&self::stages(&spec.network), stages, "{name}");
        }
    }
}

/// The stages of a network as complexity.json writes them.
fn stages(network: &Network) -> Vec<Json> {
    match network {
        Network::EfficientNet(net) => {
            let stage = |s: &MbStage| {
                json!({
                    "depth": s.depth, "width": s.width, "kernel": s.kernel, "stride": s.stride,
                    "expansion": s.expansion, "group_width": s.group_width,
                })
            };
            net.stages.iter().map(stage).collect()
        }
        Network::RegNet(net) => {
            let stage = |s: &RegNetStage| {
                json!({
                    "depth": s.depth, "width": s.width, "kernel": s.kernel, "stride": s.stride,
                    "bottleneck_mul": net.bottleneck, "group_width": s.group_width,
                })
            };
            net.stages.iter().map(stage).collect()
        }
        Network::ResNet(net) => {
            let stage = |s: &ResNetStage| {
                json!({
                    "depth": s.depth, "width": s.width, "kernel": 3, "stride": s.stride,
                    "bottleneck_mul": net.bottleneck, "group_width": s.group_width,
                })
            };
            net.stages.iter().map(stage).collect()
        }
        other => panic!("no rows of {other:?}"),
    }
}

#[test]
fn the_zoo_costs_what_timms_networks_do() {
    let models = super::json("timm_networks.json");
    assert!(models.len() >= 69, "{}", models.len());
    for (name, model) in models {
        let mut spec = zoo(&name).unwrap();
        let counts = model["counts"].as_array().unwrap();
        assert_eq!(spec.resolution, int(&counts[0]["resolution"]), "{name}");
        assert_eq!(spec.network.style_mut().eps, model["eps"], "{name}");
        counts.iter().for_each(|counts| check(&spec, counts));
    }
}

#[test]
fn the_repositorys_own_networks_cost_what_their_files_say() {
    let specs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs");
    for (file, flops) in [("demo.toml", 1.1..1.2), ("cifar.toml", 2.6..2.7)] {
        let spec = Spec::load(specs.join(file)).unwrap();
        assert_eq!((spec.resolution, spec.num_classes), (32, 10), "{file}");
        assert_eq!(spec.name, file.trim_end_matches(".toml"));
        let millions = count(&spec, 32).flops as f64 / 1e6;
        assert!(
            flops.contains(&millions),
            "{file}: {millions} million multiply-adds"
        );
    }
}
