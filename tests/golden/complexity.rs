//! Multiply-adds, parameters and activations equal pycls's and timm's, to the last one.

use serde_json::Value as Json;
use triaxis::engine::ops::Activation;
use triaxis::engine::{Complexity, Graph, Mode};
use triaxis::models::{
    EfficientNet, Line, MbBlock, MbStage, Model, Network, RegNet, RegNetStage, ResNet, ResNetBlock,
    ResNetStage, Spec, Stem, Style, zoo,
};

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
fn every_configuration_of_the_papers_costs_what_pycls_counts() {
    let models = super::json("complexity.json");
    assert_eq!(models.len(), 68);
    for (name, model) in &models {
        let counts = model["counts"].as_array().unwrap();
        let spec = Spec {
            name: name.clone(),
            resolution: int(&counts[0]["resolution"]),
            num_classes: 1000,
            network: network(model),
        };
        spec.check().unwrap_or_else(|e| panic!("{name}: {e}"));
        for counts in counts {
            check(&spec, counts);
        }
    }
}

#[test]
fn the_zoo_costs_what_timms_networks_do() {
    let models = super::json("complexity_timm.json");
    assert!(models.len() >= 45, "{}", models.len());
    for (name, counts) in models {
        let spec = zoo(&name).unwrap();
        assert_eq!(spec.resolution, int(&counts["resolution"]), "{name}");
        check(&spec, &counts);
    }
}

#[test]
fn the_zoo_holds_the_scaling_papers_networks() {
    let models = super::json("complexity.json");
    for (ours, theirs) in [
        ("regnety_500mf", "RegNetY-500MF"),
        ("regnety_4gf", "RegNetY-4GF"),
        ("regnetz_500mf", "RegNetZ-500MF"),
        ("regnetz_4gf", "RegNetZ-4GF"),
        ("resnet101", "DDS R-101"),
        ("resnet152", "DDS R-152"),
        ("resnext101_32x4d", "DDS X-101-32x4d"),
        ("resnext152_32x4d", "DDS X-152-32x4d"),
    ] {
        check(&zoo(ours).unwrap(), &models[theirs]["counts"][0]);
    }
}

#[test]
fn lines_generate_the_published_stages() {
    let mut lines = 0;
    for (name, model) in super::json("complexity.json") {
        let Some(line) = model.get("regnet_params") else {
            continue;
        };
        let line_of = Line {
            depth: int(&line["depth"]),
            w0: int(&line["w0"]),
            wa: line["wa"].as_f64().unwrap(),
            wm: line["wm"].as_f64().unwrap(),
            group_width: int(&line["group_w"]),
        };
        let generated = line_of.stages(line["bot_mul"].as_f64().unwrap());
        assert_eq!(generated, regnet_stages(&model), "{name}");
        lines += 1;
    }
    assert!(lines > 30, "{lines}");
}

/// A row of complexity.json as one of our families.
fn network(model: &Json) -> Network {
    let style = Style {
        activation: match model["activation"].as_str() {
            Some("silu") => Activation::Silu,
            Some("relu") => Activation::Relu,
            other => panic!("activation {other:?}"),
        },
        ..Style::default()
    };
    let stem = Stem {
        width: int(&model["stem"]["width"]),
        kernel: int(&model["stem"]["kernel"]),
        stride: int(&model["stem"]["stride"]),
        pool: model["stem"].get("maxpool").is_some(),
    };
    let squeeze = model.get("se_ratio").map_or(0.0, |s| s.as_f64().unwrap());
    let stages = model["stages"].as_array().unwrap();
    if model["family"] == "effnet" {
        let stage = |s: &Json| MbStage {
            block: MbBlock::Mbconv,
            depth: int(&s["depth"]),
            width: int(&s["width"]),
            kernel: int(&s["kernel"]),
            stride: int(&s["stride"]),
            expansion: int(&s["expansion"]),
            group_width: int(&s["group_width"]),
            squeeze,
        };
        return Network::EfficientNet(EfficientNet {
            style,
            stem,
            head: int(&model["head"]),
            stages: stages.iter().map(stage).collect(),
            ..EfficientNet::b0()
        });
    }
    let bottleneck = stages[0]["bottleneck_mul"].as_f64().unwrap();
    if stem.pool {
        let stage = |s: &Json| ResNetStage {
            depth: int(&s["depth"]),
            width: int(&s["width"]),
            group_width: int(&s["group_width"]),
            stride: int(&s["stride"]),
        };
        return Network::ResNet(ResNet {
            stem,
            bottleneck,
            stages: stages.iter().map(stage).collect(),
            ..ResNet::new(ResNetBlock::Bottleneck, [1; 4])
        });
    }
    Network::RegNet(RegNet {
        style,
        stem,
        bottleneck,
        squeeze,
        linear: model["linear"] == true,
        downsample: model["linear"] != true,
        head: int(&model["head"]),
        dropout: 0.0,
        drop_path: 0.0,
        stages: regnet_stages(model),
    })
}

fn regnet_stages(model: &Json) -> Vec<RegNetStage> {
    let stage = |s: &Json| RegNetStage {
        depth: int(&s["depth"]),
        width: int(&s["width"]),
        group_width: int(&s["group_width"]),
        kernel: int(&s["kernel"]),
        stride: int(&s["stride"]),
    };
    model["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(stage)
        .collect()
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
