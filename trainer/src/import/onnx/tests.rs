//! Files made byte by byte: small networks, nodes that are refused, and what no exporter writes.

mod computed;
mod damage;
mod file;
mod layers;

use triaxis_models::{Layer, LayerOp, Margin, Network};

use super::*;
use file::{File as Made, node, numbers, tensor};

/// The layers of a network.
fn layers(weights: &Weights) -> &[Layer] {
    match &weights.network.as_ref().unwrap().network {
        Network::Imported(net) => &net.layers,
        other => panic!("{other:?}"),
    }
}

fn imported(file: &Made) -> Weights {
    parse(Path::new("some/net.onnx"), &file.bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The words of the error that a file is refused with.
#[track_caller]
fn refused(file: &Made) -> String {
    let error = parse(Path::new("some/net.onnx"), &file.bytes()).unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("some/net.onnx: "), "{text}");
    text
}

/// A convolution to six channels, a mean, a linear layer of five classes; nodes between the first and the mean read `x` and make
/// `y`.
fn with(nodes: &[Vec<u8>], tensors: &[Vec<u8>]) -> Made {
    let mut file = Made::default();
    file.tensors.extend([
        tensor("conv.weight", &[6, 3, 1, 1]),
        tensor("fc.weight", &[5, 6]),
        tensor("fc.bias", &[5]),
    ]);
    file.tensors.extend_from_slice(tensors);
    let first = node("Conv", &["images", "conv.weight"], &["x"], &[]);
    let mean = node("GlobalAveragePool", &["y"], &["mean"], &[]);
    let flat = node("Flatten", &["mean"], &["flat"], &[]);
    let transposed = [file::int_attribute("transB", 1)];
    let head = node(
        "Gemm",
        &["flat", "fc.weight", "fc.bias"],
        &["logits"],
        &transposed,
    );
    file.nodes.push(first);
    file.nodes.extend_from_slice(nodes);
    file.nodes.extend([mean, flat, head]);
    file
}

#[test]
fn a_network_comes_with_its_weights_and_what_is_known_of_its_pictures() {
    let mut file = with(&[node("Relu", &["x"], &["y"], &[])], &[]);
    let weights = imported(&file);
    let spec = weights.network.clone().unwrap();
    assert_eq!((spec.name.as_str(), spec.resolution), ("net", 8));
    assert_eq!(spec.num_classes, 5);
    let names: Vec<&str> = layers(&weights).iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["conv", "relu_2", "globalaveragepool_3", "fc"]);
    let tensors: Vec<(&str, &[usize])> = weights
        .tensors
        .iter()
        .map(|t| (t.name.as_str(), t.shape.as_slice()))
        .collect();
    let expected: [(&str, &[usize]); 3] = [
        ("conv.weight", &[6, 3, 1, 1]),
        ("fc.bias", &[5]),
        ("fc.weight", &[5, 6]),
    ];
    assert_eq!(tensors, expected);
    assert_eq!(weights.tensors[0].data, numbers(18));
    let preprocess = weights.preprocess.unwrap();
    assert_eq!((preprocess.size, preprocess.crop_pct), (8, 0.875));
    assert!(weights.notes[0].contains("does not say how pictures are prepared"));
    assert!(weights.classes.is_empty());
    let fitted = weights.fit(&spec, &Default::default()).unwrap();
    assert_eq!(fitted.tensors, weights.tensors);
    assert_eq!(weights.num_classes(&spec).unwrap(), Some(5));

    file.producer = "triaxis";
    for (key, value) in [
        ("input.mean", "0.5 0.25 1"),
        ("input.std", "1 2 3"),
        ("input.crop_pct", "0.9"),
        ("input.interpolation", "bicubic"),
        ("classes", "a\nb\nc\nd\ne"),
    ] {
        file.metadata.push([key, value]);
    }
    let weights = imported(&file);
    let preprocess = weights.preprocess.unwrap();
    assert_eq!(
        (preprocess.mean, preprocess.std),
        ([0.5, 0.25, 1.0], [1.0, 2.0, 3.0])
    );
    assert_eq!(preprocess.crop_pct, 0.9);
    assert_eq!(weights.classes, ["a", "b", "c", "d", "e"]);
    assert_eq!(weights.notes, [""; 0]);
    assert_eq!(weights.network.unwrap().name, "graph");

    // What cannot be is as good as not told.
    file.metadata[1][1] = "1 0 3";
    file.metadata[4][1] = "a\nb";
    let weights = imported(&file);
    assert_eq!(weights.preprocess.unwrap().crop_pct, 0.875);
    assert!(weights.classes.is_empty());
    assert_eq!(weights.notes.len(), 2, "{:?}", weights.notes);
}

#[test]
fn nodes_that_are_not_taken_are_listed_with_what_was_expected() {
    let attribute = |name: &str, ints: &[i64]| [file::ints_attribute(name, ints)];
    let one = |op: &str, attributes: &[Vec<u8>]| node(op, &["x"], &["y"], attributes);
    let two = |op: &str, with: &str| node(op, &["x", with], &["y"], &[]);
    let conv = |attributes: &[Vec<u8>]| node("Conv", &["x", "w"], &["y"], attributes);
    for (made, words) in [
        (one("LRN", &[]), ["LRN", "an operator that is taken"]),
        (two("Concat", "x"), ["Concat", "side by side"]),
        (one("Softmax", &[]), ["Softmax", "axis 1"]),
        (one("HardSigmoid", &[]), ["HardSigmoid", "alpha of 1/6"]),
        (two("Add", "w"), ["Add", "for each of 6 channels"]),
        (two("Mul", "x"), ["Mul", "a number for each channel"]),
        (two("Clip", "five"), ["Clip", "limits of 0 and 6, not 5"]),
        (
            two("Reshape", "five"),
            ["Reshape", "384 numbers of each image"],
        ),
        (two("MatMul", "w"), ["MatMul", "[N, c]"]),
        (
            one("MaxPool", &attribute("kernel_shape", &[2, 3])),
            ["MaxPool", "not [2, 3]"],
        ),
        (
            one("AveragePool", &attribute("kernel_shape", &[9, 9])),
            ["AveragePool", "9×9 window fits on"],
        ),
        (
            one("ReduceMean", &attribute("axes", &[1])),
            ["ReduceMean", "axes 2 and 3"],
        ),
        (
            one("Transpose", &attribute("perm", &[0, 2, 3, 1])),
            ["Transpose", "behind"],
        ),
        (
            conv(&attribute("dilations", &[2, 2])),
            ["Conv", "dilations of 1"],
        ),
        (
            conv(&attribute("strides", &[1, 2])),
            ["Conv", "strides alike"],
        ),
        (
            conv(&attribute("pads", &[0, 1, 1, 0])),
            ["Conv", "not [0, 1, 1, 0]"],
        ),
        (conv(&attribute("pads", &[-1, 0, 0, 0])), ["Conv", "not -1"]),
        (
            conv(&[file::int_attribute("group", 4)]),
            ["Conv", "does not divide"],
        ),
        (
            node("Conv", &["x", "x"], &["y"], &[]),
            ["Conv", "weights that the file holds"],
        ),
    ] {
        let tensors = [tensor("w", &[6, 6, 3, 3]), file::scalar("five", 5.0)];
        let file = with(&[made], &tensors);
        let text = refused(&file);
        assert!(text.contains("one of its nodes"), "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text}");
        }
    }
    // Each once, and what reads them not at all.
    let chain: Vec<Vec<u8>> = (0..20)
        .map(|i| match i {
            19 => node("Relu", &["v18"], &["y"], &[]),
            _ => node("LRN", &["x"], &[&format!("v{i}")], &[]),
        })
        .collect();
    let text = refused(&with(&chain, &[]));
    assert!(
        text.contains("19 of its nodes") && text.contains("and 7 more"),
        "{text}"
    );
}
