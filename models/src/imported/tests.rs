use triaxis_engine::Mode;
use triaxis_engine::ops::Activation;

use super::*;
use crate::{Naming, Network, Scaling, Spec};

fn layer(name: &str, inputs: &[usize], op: LayerOp) -> Layer {
    Layer {
        name: name.into(),
        inputs: inputs.into(),
        op,
    }
}

fn conv(width: usize, kernel: usize, padding: usize) -> LayerOp {
    LayerOp::Conv {
        width,
        kernel,
        stride: 1,
        padding: Margin::Pixels(padding),
        groups: 1,
        bias: true,
    }
}

/// A convolution, a branch that is gated and added, a pool, and a linear layer of what is left.
fn small() -> Spec {
    let relu = LayerOp::Activation {
        kind: Activation::Relu,
    };
    let pool = LayerOp::MaxPool {
        kernel: 3,
        stride: 2,
        padding: Margin::Same,
    };
    let head = LayerOp::Linear {
        width: 5,
        bias: false,
    };
    Spec {
        name: "small".into(),
        resolution: 4,
        num_classes: 5,
        network: Network::Imported(Imported {
            style: Style::default(),
            dropout: 0.0,
            layers: vec![
                layer("conv", &[0], conv(6, 3, 1)),
                layer("norm", &[1], LayerOp::BatchNorm { eps: 1e-3 }),
                layer("norm", &[2], relu),
                layer("", &[3], LayerOp::GlobalAvgPool),
                layer("squeeze", &[4], conv(6, 1, 0)),
                layer("", &[3, 5], LayerOp::Gate),
                layer("", &[3, 6], LayerOp::Add),
                layer("pool", &[7], pool),
                layer("head", &[8], head),
                layer("head", &[9], LayerOp::Bias),
            ],
        }),
    }
}

fn layers(spec: &mut Spec) -> &mut Vec<Layer> {
    match &mut spec.network {
        Network::Imported(net) => &mut net.layers,
        other => panic!("{other:?}"),
    }
}

fn drawn(spec: &Spec) -> Graph {
    let mut g = Graph::new(Mode::Train);
    let images = g.input("images", [2, spec.resolution, spec.resolution, 3]);
    spec.network
        .forward(&mut g, images, spec.num_classes)
        .unwrap();
    g
}

#[test]
fn layers_are_drawn_under_their_names_and_the_head_has_a_number_a_class() {
    let mut spec = small();
    spec.check().unwrap();
    let g = drawn(&spec);
    let shape = |g: &Graph, name: &str| g.shape(g.find(name).unwrap()).0;
    assert_eq!(shape(&g, "conv.weight"), [3, 3, 3, 6]);
    assert_eq!(shape(&g, "norm.running_var"), [1, 1, 1, 6]);
    // Two by two pixels are left.
    assert_eq!(shape(&g, "head.weight"), [2, 2, 6, 5]);
    assert_eq!(shape(&g, "head.bias"), [1, 1, 1, 5]);
    assert_eq!(spec.network.stride(), 2);
    assert_eq!(spec.network.stem_width(), 6);
    assert_eq!(spec.network.stage_path(0), None);

    spec.num_classes = 7;
    spec.network.set_drop(0.25, 0.5);
    let g = drawn(&spec);
    assert_eq!(shape(&g, "head.bias"), [1, 1, 1, 7]);
    let dropouts = g.nodes().filter(|&id| g.node(id).op.name() == "dropout");
    assert_eq!(dropouts.count(), 1);
}

#[test]
fn features_end_before_the_last_mean() {
    let spec = small();
    let mut g = Graph::new(Mode::Evaluate);
    let images = g.input("images", [1, 4, 4, 3]);
    let features = spec.network.features(&mut g, images).unwrap();
    assert_eq!(g.shape(features).0, [1, 4, 4, 6]);
    assert!(g.find("squeeze.weight").is_none());
}

#[test]
fn a_file_says_the_same_network() {
    let spec = small();
    let text = spec.to_toml();
    assert_eq!(Spec::from_toml(&text).unwrap(), spec, "{text}");
    for part in ["padding = \"same\"", "kind = \"relu\"", "op = \"gate\""] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn layers_that_make_no_network_are_refused() {
    let refused = |change: fn(&mut Vec<Layer>), expected: &str| {
        let mut spec = small();
        change(layers(&mut spec));
        let error = spec.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(spec.complexity().is_err(), "drawing checks, too");
    };
    refused(
        |layers| layers[2].inputs = vec![3],
        "layers[2] reads 3, expected 0 to 2",
    );
    refused(
        |layers| layers[6].inputs = vec![3],
        "layers[6] reads 1 values, expected 2",
    );
    refused(
        |layers| layers[0].op = conv(6, 0, 1),
        "layers[0].kernel is 0, expected 1 to 1024",
    );
    refused(
        |layers| layers[0].op = conv(70_000, 1, 0),
        "layers[0].width is 70000",
    );
    refused(
        |layers| {
            if let LayerOp::Conv { groups, .. } = &mut layers[0].op {
                *groups = 4;
            }
        },
        "layers[0].groups is 4, which does not divide the 6 channels",
    );
    refused(|layers| layers.clear(), "the number of layers is 0");
    refused(
        |layers| layers[0].name = "a".repeat(300),
        "a name of 300 bytes",
    );

    let mut spec = small();
    layers(&mut spec).truncate(3);
    let error = spec.complexity().unwrap_err().to_string();
    assert!(
        error.starts_with("the last layer makes 4×4×6 numbers"),
        "{error}"
    );
    let mut spec = small();
    layers(&mut spec)[1].name = "conv".into();
    let error = spec.complexity().unwrap_err().to_string();
    assert!(error.contains("two tensors are named conv."), "{error}");
}

#[test]
fn the_names_of_a_list_of_layers_are_its_own() {
    let network = small().network;
    let name = "conv.weight";
    assert_eq!(
        Naming::Timm.from_ours(&network, name).as_deref(),
        Some(name)
    );
    assert_eq!(Naming::Pycls.to_ours(&network, name), None);
    let recognised = Naming::recognise(&network, [name, "head.bias"].into_iter());
    assert_eq!(recognised, Some(Naming::Timm));
}

#[test]
fn a_list_of_layers_is_not_scaled() {
    let error = small().scaled(Scaling::new(2.0, 1.0, 1.0)).unwrap_err();
    assert!(error.to_string().contains("has no stages"), "{error}");
}
