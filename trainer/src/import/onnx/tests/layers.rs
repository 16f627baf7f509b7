//! What nodes become, one way of writing it after the other.

use triaxis_engine::ops::Activation;

use super::file::{
    float_attribute, int_attribute, ints_attribute, named, node, scalar, tensor, text_attribute,
    value, whole,
};
use super::*;

/// The operators of the layers between the first convolution and the mean.
pub(super) fn between(nodes: &[Vec<u8>], tensors: &[Vec<u8>]) -> Vec<LayerOp> {
    let weights = imported(&with(nodes, tensors));
    let layers = layers(&weights);
    layers[1..layers.len() - 2].iter().map(|l| l.op).collect()
}

fn activated(kind: Activation) -> Vec<LayerOp> {
    vec![LayerOp::Activation { kind }]
}

#[test]
fn activations_are_known_however_they_are_written() {
    let limits = [scalar("zero", 0.0), scalar("six", 6.0)];
    let constant = |name: &str, number| {
        node(
            "Constant",
            &[],
            &[name],
            &[float_attribute("value_float", number)],
        )
    };
    let sixth = [float_attribute("alpha", 1.0 / 6.0)];
    for (nodes, expected) in [
        (vec![node("Relu", &["x"], &["y"], &[])], Activation::Relu),
        (
            vec![node("Clip", &["x", "zero", "six"], &["y"], &[])],
            Activation::Relu6,
        ),
        (
            vec![
                constant("least", 0.0),
                node("Clip", &["x", "least"], &["y"], &[]),
            ],
            Activation::Relu,
        ),
        (
            vec![node("Sigmoid", &["x"], &["y"], &[])],
            Activation::Sigmoid,
        ),
        (
            vec![
                node("Sigmoid", &["x"], &["s"], &[]),
                node("Mul", &["x", "s"], &["y"], &[]),
            ],
            Activation::Silu,
        ),
        (
            vec![
                node("Sigmoid", &["x"], &["s"], &[]),
                node("Identity", &["s"], &["t"], &[]),
                node("Mul", &["t", "x"], &["y"], &[]),
            ],
            Activation::Silu,
        ),
        (
            vec![
                node("HardSigmoid", &["x"], &["s"], &sixth),
                node("Mul", &["s", "x"], &["y"], &[]),
            ],
            Activation::HardSwish,
        ),
        (
            vec![node("HardSwish", &["x"], &["y"], &[])],
            Activation::HardSwish,
        ),
    ] {
        assert_eq!(between(&nodes, &limits), activated(expected));
    }
}

#[test]
fn a_sigmoid_that_others_read_is_one_layer() {
    // A gate by the mean of each channel, which reads its sigmoid twice.
    let nodes = [
        node("GlobalAveragePool", &["x"], &["m"], &[]),
        node("Sigmoid", &["m"], &["s"], &[]),
        node("Mul", &["s", "x"], &["a"], &[]),
        node("Mul", &["a", "s"], &["y"], &[]),
    ];
    let weights = imported(&with(&nodes, &[]));
    let layers = layers(&weights);
    let inputs: Vec<&[usize]> = layers.iter().map(|l| l.inputs.as_slice()).collect();
    let expected: [&[usize]; 7] = [&[0], &[1], &[2], &[1, 3], &[4, 3], &[5], &[6]];
    assert_eq!(inputs, expected);
    assert_eq!(layers[3].op, LayerOp::Gate);
}

#[test]
fn windows_keep_their_padding_however_it_is_written() {
    let weight = [tensor("w", &[6, 6, 3, 3])];
    let conv = |attributes: &[Vec<u8>]| {
        let found = between(&[node("Conv", &["x", "w"], &["y"], attributes)], &weight);
        match found[..] {
            [
                LayerOp::Conv {
                    stride, padding, ..
                },
            ] => (stride, padding),
            _ => panic!("{found:?}"),
        }
    };
    let strides = ints_attribute("strides", &[2, 2]);
    let pads = |pads: &[i64]| ints_attribute("pads", pads);
    let auto = |word: &str| text_attribute("auto_pad", word);
    assert_eq!(conv(&[]), (1, Margin::Pixels(0)));
    assert_eq!(conv(&[pads(&[2, 2, 2, 2])]), (1, Margin::Pixels(2)));
    // Of 8 pixels by steps of two, SAME has the odd pixel behind.
    let same = (2, Margin::Same);
    assert_eq!(conv(&[strides.clone(), pads(&[0, 0, 1, 1])]), same);
    assert_eq!(conv(&[strides.clone(), auto("SAME_UPPER")]), same);
    assert_eq!(conv(&[auto("SAME_LOWER")]), (1, Margin::Pixels(1)));
    assert_eq!(conv(&[auto("VALID")]), (1, Margin::Pixels(0)));

    let padded = [
        node("Pad", &["x", "p"], &["padded"], &[]),
        node("Conv", &["padded", "w"], &["y"], &[strides]),
    ];
    let mut tensors = weight.to_vec();
    tensors.push(whole("p", &[0, 0, 0, 0, 0, 0, 1, 1]));
    let found = between(&padded, &tensors);
    assert!(
        matches!(
            found[..],
            [LayerOp::Conv {
                padding: Margin::Same,
                ..
            }]
        ),
        "{found:?}"
    );

    // Rounded up, the last window of a maximum reaches beyond the image.
    let pool = |op: &str, up: i64, side: i64| {
        let attributes = [
            ints_attribute("kernel_shape", &[side, side]),
            ints_attribute("strides", &[2, 2]),
            int_attribute("ceil_mode", up),
        ];
        between(&[node(op, &["x"], &["y"], &attributes)], &[])
    };
    for (up, padding) in [(0, Margin::Pixels(0)), (1, Margin::Same)] {
        let expected = LayerOp::MaxPool {
            kernel: 3,
            stride: 2,
            padding,
        };
        assert_eq!(pool("MaxPool", up, 3), [expected]);
    }
    let expected = LayerOp::AvgPool {
        kernel: 2,
        stride: 2,
        padding: Margin::Pixels(0),
        counted: false,
    };
    assert_eq!(pool("AveragePool", 1, 2), [expected]);
    assert_eq!(pool("AveragePool", 0, 8), [LayerOp::GlobalAvgPool]);
}

/// The network whose mean becomes `flat` by these nodes.
fn flattened(nodes: &[Vec<u8>], tensors: &[Vec<u8>]) -> Made {
    let mut file = with(&[node("Relu", &["x"], &["y"], &[])], tensors);
    let place = file.nodes.len() - 2;
    file.nodes.splice(place..=place, nodes.iter().cloned());
    file
}

#[test]
fn the_last_features_are_laid_in_a_row_in_many_ways() {
    let shape = |rest: i64| {
        let list = |name: &str, number| {
            node(
                "Constant",
                &[],
                &[name],
                &[ints_attribute("value_ints", &[number])],
            )
        };
        vec![
            node("Shape", &["mean"], &["sides"], &[]),
            node(
                "Constant",
                &[],
                &["first"],
                &[int_attribute("value_int", 0)],
            ),
            node("Gather", &["sides", "first"], &["n"], &[]),
            list("axis", 0),
            node("Unsqueeze", &["n", "axis"], &["count"], &[]),
            list("rest", rest),
            node("Concat", &["count", "rest"], &["to"], &[]),
            node("Reshape", &["mean", "to"], &["flat"], &[]),
        ]
    };
    let reshape = || vec![node("Reshape", &["mean", "to"], &["flat"], &[])];
    let to = |sides: &[i64]| vec![whole("to", sides)];
    let sliced = vec![
        node("Shape", &["mean"], &["sides"], &[]),
        node("Slice", &["sides", "zero", "two"], &["to"], &[]),
        node("Reshape", &["mean", "to"], &["flat"], &[]),
    ];
    let squeezed = node("Squeeze", &["mean", "axes"], &["flat"], &[]);
    let there_and_back = vec![
        node("Flatten", &["mean"], &["a"], &[]),
        node("Unsqueeze", &["a", "axes"], &["b"], &[]),
        node("Dropout", &["b"], &["c", "mask"], &[]),
        node("Cast", &["c"], &["d"], &[int_attribute("to", 10)]),
        node("Reshape", &["d", "to"], &["flat"], &[]),
    ];
    for (nodes, tensors) in [
        (shape(-1), vec![]),
        (shape(6), vec![]),
        (sliced, vec![whole("zero", &[0]), whole("two", &[2])]),
        (reshape(), to(&[-1, 6])),
        (reshape(), to(&[0, -1])),
        (reshape(), to(&[0, 0])),
        (vec![squeezed], vec![whole("axes", &[-1, 2])]),
        (
            there_and_back,
            vec![whole("axes", &[2, 3]), whole("to", &[-1, 6])],
        ),
    ] {
        let weights = imported(&flattened(&nodes, &tensors));
        assert_eq!(layers(&weights).len(), 4, "{:?}", layers(&weights));
    }
    // One image is one image only where the file says so.
    let mut file = flattened(&reshape(), &to(&[1, 6]));
    assert!(refused(&file).contains("6 numbers of each image"));
    file.inputs = vec![value("images", 1, &[1, 3, 8, 8])];
    imported(&file);
}

#[test]
fn a_mean_by_axes_needs_no_flattening_and_a_matrix_may_stand_upright() {
    let mut file = with(&[node("Relu", &["x"], &["y"], &[])], &[]);
    file.nodes.truncate(2);
    file.nodes.extend([
        node(
            "ReduceMean",
            &["y", "axes"],
            &["flat"],
            &[int_attribute("keepdims", 0)],
        ),
        named(
            "head/MatMul",
            node("MatMul", &["flat", "upright"], &["h"], &[]),
        ),
        node("Add", &["fc.bias", "h"], &["out"], &[]),
        node("Softmax", &["out"], &["logits"], &[]),
    ]);
    file.tensors.push(whole("axes", &[2, 3]));
    file.tensors.push(tensor("upright", &[6, 5]));
    let weights = imported(&file);
    assert!(weights.notes.iter().any(|note| note.contains("softmax")));
    let find = |name: &str| weights.tensors.iter().find(|t| t.name == name).unwrap();
    let (head, upright) = (find("head.weight"), numbers(30));
    assert_eq!(head.shape, [5, 6]);
    // Row 1, column 2 stands at row 2, column 1.
    assert_eq!(head.data[6 + 2], upright[2 * 5 + 1]);
    assert_eq!(find("fc.bias").data, numbers(5));
}

#[test]
fn a_linear_layer_of_several_pixels_is_a_convolution_by_the_same_numbers() {
    let mut file = with(&[], &[tensor("wide", &[5, 6 * 64])]);
    file.nodes.truncate(1);
    let transposed = [int_attribute("transB", 1)];
    file.nodes.extend([
        node("Flatten", &["x"], &["flat"], &[]),
        node(
            "Gemm",
            &["flat", "wide", "fc.bias"],
            &["logits"],
            &transposed,
        ),
    ]);
    let weights = imported(&file);
    let wide = weights
        .tensors
        .iter()
        .find(|t| t.shape.len() == 4 && t.shape[0] == 5);
    let wide = wide.unwrap();
    assert_eq!(wide.shape, [5, 6, 8, 8]);
    assert_eq!(wide.data, numbers(5 * 6 * 64));
}

#[test]
fn pictures_may_have_their_channels_last_and_a_free_size() {
    let mut file = with(&[node("Relu", &["x"], &["y"], &[])], &[]);
    file.inputs = vec![value("pixels", 1, &[0, 8, 8, 3])];
    let turned = [ints_attribute("perm", &[0, 3, 1, 2])];
    file.nodes
        .insert(0, node("Transpose", &["pixels"], &["images"], &turned));
    assert_eq!(layers(&imported(&file)).len(), 4);
    let mut file = with(&[node("Relu", &["x"], &["y"], &[])], &[]);
    file.inputs = vec![value("images", 1, &[0, 3, 0, 0])];
    let weights = imported(&file);
    assert!(
        weights.notes[0].contains("224 pixels"),
        "{:?}",
        weights.notes
    );
    assert_eq!(weights.network.unwrap().resolution, 224);
}

#[test]
fn what_the_output_does_not_need_is_left_out() {
    let nodes = [
        node("Relu", &["x"], &["y"], &[]),
        node("Conv", &["y", "unused"], &["z"], &[]),
        node("Relu", &["z"], &["zz"], &[]),
    ];
    let weights = imported(&with(&nodes, &[tensor("unused", &[6, 6, 1, 1])]));
    assert_eq!(layers(&weights).len(), 4);
    assert_eq!(weights.tensors.len(), 3);
}
