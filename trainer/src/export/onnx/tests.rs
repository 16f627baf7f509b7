use std::collections::{HashMap, HashSet};

use prost::Message;
use triaxis_engine::{Graph, Init, ops};
use triaxis_models::layers::{Conv, Style, conv, conv_norm_act, linear};
use triaxis_models::{Model, Spec, engine, zoo};

use super::*;
use crate::drawing::tests::weights;

/// The file's graph as a reader gets it, after the checks that every file must pass.
fn parsed(model: &dyn Model, batch_norms: BatchNorms) -> proto::Graph {
    let options = OnnxOptions {
        batch_norms,
        metadata: vec![("mean".into(), "0.5".into())],
    };
    let bytes = onnx(model, &weights(model), &options).unwrap();
    let file = proto::Model::decode(bytes.as_slice()).unwrap();
    assert_eq!(file.opset_import[0].version, Some(17));
    assert_eq!(file.metadata_props[0].key.as_deref(), Some("mean"));
    let graph = file.graph.unwrap();
    let name = |info: &proto::ValueInfo| info.name.clone().unwrap();
    let mut defined = HashSet::from([name(&graph.input[0])]);
    for tensor in &graph.initializer {
        let numbers: i64 = tensor.dims.iter().product();
        let bytes = tensor.raw_data.as_ref().unwrap().len();
        assert_eq!(bytes, numbers as usize * 4, "{:?}", tensor.name);
        assert!(
            defined.insert(tensor.name.clone().unwrap()),
            "{:?}",
            tensor.name
        );
    }
    let mut nodes = HashSet::new();
    let mut read = HashSet::new();
    for node in &graph.node {
        assert!(nodes.insert(node.name.clone().unwrap()), "{:?}", node.name);
        for input in &node.input {
            assert!(defined.contains(input), "{:?} reads {input}", node.name);
            read.insert(input.clone());
        }
        for output in &node.output {
            assert!(defined.insert(output.clone()), "{output} is made twice");
        }
    }
    assert!(defined.contains(&name(&graph.output[0])));
    for tensor in &graph.initializer {
        assert!(
            read.contains(tensor.name.as_ref().unwrap()),
            "{:?}",
            tensor.name
        );
    }
    graph
}

/// How many operators of each kind there are.
fn kinds(graph: &proto::Graph) -> HashMap<&str, usize> {
    let mut kinds = HashMap::new();
    for node in &graph.node {
        *kinds.entry(node.op_type.as_deref().unwrap()).or_default() += 1;
    }
    kinds
}

fn attribute<'a>(node: &'a proto::Node, name: &str) -> &'a proto::Attribute {
    let found = node
        .attribute
        .iter()
        .find(|a| a.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("{:?} has no {name}", node.name))
}

fn small(name: &str, resolution: usize) -> Spec {
    let spec = zoo(name).unwrap();
    Spec { resolution, ..spec }
}

#[test]
fn every_family_becomes_a_file_that_holds_together() {
    for name in [
        "efficientnet_b0",
        "tf_efficientnet_b0",
        "regnety_004",
        "regnetz_005",
        "resnet18",
        "resnext50_32x4d",
    ] {
        let spec = small(name, 32);
        for batch_norms in [BatchNorms::Folded, BatchNorms::Kept] {
            let graph = parsed(&spec, batch_norms);
            let kinds = kinds(&graph);
            assert_eq!(kinds["Gemm"], 1, "{name}");
            let norms = kinds.get("BatchNormalization").copied().unwrap_or(0);
            let all = weights(&spec)
                .iter()
                .filter(|t| t.name.ends_with("running_var"))
                .count();
            let expected = if batch_norms == BatchNorms::Kept {
                all
            } else {
                0
            };
            assert_eq!(norms, expected, "{name}");
        }
    }
}

#[test]
fn b0_has_its_layers_under_public_names() {
    let graph = parsed(&small("efficientnet_b0", 224), BatchNorms::Folded);
    let kinds = kinds(&graph);
    // 49 with a batch norm, 32 of squeeze-and-excite.
    assert_eq!(kinds["Conv"], 81);
    // One for each activation, one for each gate.
    assert_eq!(kinds["Mul"], 33 + 16 + 16);
    assert_eq!((kinds["Add"], kinds["GlobalAveragePool"]), (9, 17));
    let tensor = |name: &str| {
        graph
            .initializer
            .iter()
            .find(|t| t.name.as_deref() == Some(name))
            .unwrap()
    };
    assert_eq!(tensor("conv_stem.weight").dims, [32, 3, 3, 3]);
    assert_eq!(tensor("conv_stem.bias").dims, [32]);
    assert_eq!(tensor("blocks.1.0.conv_dw.weight").dims, [96, 1, 3, 3]);
    assert_eq!(tensor("classifier.weight").dims, [1000, 1280]);
    let depthwise = graph
        .node
        .iter()
        .find(|n| n.name.as_deref() == Some("blocks.1.0.conv_dw/Conv"))
        .unwrap();
    assert_eq!(attribute(depthwise, "group").i, Some(96));
    assert_eq!(attribute(depthwise, "pads").ints, [1, 1, 1, 1]);
    let sides = graph.input[0]
        .kind
        .clone()
        .unwrap()
        .tensor
        .unwrap()
        .shape
        .unwrap();
    let sides: Vec<_> = sides.dim.into_iter().map(|d| (d.value, d.param)).collect();
    let fixed = |side| (Some(side), None);
    assert_eq!(
        sides,
        [(None, Some("N".into())), fixed(3), fixed(224), fixed(224)]
    );
}

#[test]
fn same_padding_puts_the_odd_pixel_behind_and_narrow_groups_are_unbundled() {
    let graph = parsed(&small("tf_efficientnet_b0", 32), BatchNorms::Kept);
    assert_eq!(attribute(&graph.node[0], "pads").ints, [0, 0, 1, 1]);
    let graph = parsed(&small("resnext50_32x4d", 32), BatchNorms::Kept);
    let grouped = graph
        .initializer
        .iter()
        .find(|t| t.name.as_deref() == Some("layer1.0.conv2.weight"))
        .unwrap();
    assert_eq!(grouped.dims, [128, 4, 3, 3]);
}

/// A convolution whose output is read twice, a weight that is read twice, and all that the families do not have.
struct Odd;

impl Model for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    fn resolution(&self) -> usize {
        8
    }

    fn num_classes(&self) -> usize {
        5
    }

    fn forward(
        &self,
        g: &mut Graph,
        images: triaxis_engine::Value,
    ) -> engine::Result<triaxis_engine::Value> {
        let style = Style {
            activation: ops::Activation::Relu6,
            ..Style::default()
        };
        let x = conv(g, "conv1", images, Conv::to(6), &style)?;
        let y = triaxis_models::layers::norm(g, "bn1", x, ops::Activation::HardSwish, &style)?;
        let x = ops::add(g, x, y)?;
        let x = conv_norm_act(g, ["conv2", "bn2"], x, Conv::to(6), &style)?;
        let x = ops::avg_pool(g, x, ops::Pool::default(), ops::Divisor::Pixels)?;
        let weight = g.parameter(
            "twice",
            [1, 1, 6, 6],
            triaxis_engine::ParameterOptions {
                layout: triaxis_engine::Layout::Conv,
                ..Default::default()
            },
        )?;
        let x = ops::conv2d(g, x, weight, ops::Conv2d::default())?;
        let x = ops::conv2d(g, x, weight, ops::Conv2d::default())?;
        let x = ops::global_avg_pool(g, x)?;
        let x = linear(g, "hidden", x, 7, Init::Constant(0.0))?;
        let x = ops::activation(g, x, ops::Activation::Relu)?;
        linear(g, "head", x, 5, Init::Constant(0.0))
    }
}

#[test]
fn a_norm_whose_convolution_has_other_readers_is_kept() {
    let graph = parsed(&Odd, BatchNorms::Folded);
    let kinds = kinds(&graph);
    assert_eq!(kinds["BatchNormalization"], 1);
    for (kind, count) in [
        ("Clip", 1),
        ("HardSwish", 1),
        ("AveragePool", 1),
        ("Gemm", 2),
        ("Flatten", 1),
        ("Conv", 4),
    ] {
        assert_eq!(kinds[kind], count, "{kind}");
    }
    let twice = graph
        .initializer
        .iter()
        .filter(|t| t.name.as_deref().unwrap().starts_with("twice"));
    assert_eq!(twice.count(), 1);
}

/// A network with an operator that only training has.
struct Strange;

impl Model for Strange {
    fn name(&self) -> &str {
        "strange"
    }

    fn resolution(&self) -> usize {
        4
    }

    fn num_classes(&self) -> usize {
        3
    }

    fn forward(
        &self,
        g: &mut Graph,
        images: triaxis_engine::Value,
    ) -> engine::Result<triaxis_engine::Value> {
        g.scope("pixels", |g| ops::column_sum(g, images))
    }
}

#[test]
fn an_operator_without_onnx_form_is_named() {
    let error = onnx(&Strange, &[], &OnnxOptions::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(
        text.starts_with("pixels.column_sum: this operator has no ONNX form"),
        "{text}"
    );
}

#[test]
fn weights_of_another_network_are_refused() {
    let mut weights = weights(&Odd);
    weights.pop();
    let error = onnx(&Odd, &weights, &OnnxOptions::default()).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("1 missing"), "{error}");
}
