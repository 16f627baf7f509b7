//! What exporters leave to be computed, and tensors that they keep once.

use super::file::{int_attribute, ints_attribute, node, scalar, tensor, whole};
use super::layers::between;
use super::*;

/// As PyTorch writes the padding that timm computes for TensorFlow's networks, of one axis alike the other.
#[test]
fn padding_that_is_computed_from_sizes_is_known() {
    let one = |op: &str, from: &[&str], to: &str| node(op, from, &[to], &[]);
    let cast = |from: &str, to: &str, kind: i64| {
        node("Cast", &[from], &[to], &[int_attribute("to", kind)])
    };
    let mut nodes = vec![
        one("Ceil", &["half"], "out"),
        one("Sub", &["out", "f1"], "steps"),
        one("Mul", &["steps", "f2"], "reach"),
        one("Add", &["reach", "f3"], "need"),
        one("Sub", &["need", "f8"], "all"),
        node("Clip", &["all", "f0", ""], &["both"], &[]),
        one("Div", &["both", "f2"], "part"),
        cast("part", "whole_part", 7),
        cast("whole_part", "before", 1),
        one("Sub", &["both", "before"], "after"),
        one("Unsqueeze", &["before", "axis"], "before1"),
        one("Unsqueeze", &["after", "axis"], "after1"),
        one(
            "Concat",
            &["before1", "after1", "before1", "after1"],
            "four",
        ),
        one("Shape", &["four"], "sides"),
        one("Gather", &["sides", "axis"], "count"),
        one("Sub", &["eight", "count"], "missing"),
        cast("four", "ints", 7),
        one("ConstantOfShape", &["missing"], "zeros"),
        cast("zeros", "int_zeros", 7),
        one("Concat", &["ints", "int_zeros"], "list"),
        one("Reshape", &["list", "pairs"], "rows"),
        one(
            "Slice",
            &["rows", "last", "beyond", "axis", "last"],
            "backwards",
        ),
        node(
            "Transpose",
            &["backwards"],
            &["columns"],
            &[ints_attribute("perm", &[1, 0])],
        ),
        one("Reshape", &["columns", "last"], "pads"),
        one("Pad", &["x", "pads", "f0"], "padded"),
    ];
    let strides = [ints_attribute("strides", &[2, 2])];
    nodes.push(node("Conv", &["padded", "w"], &["y"], &strides));
    // Eight pixels by steps of two.
    let mut tensors = vec![tensor("w", &[6, 6, 3, 3]), scalar("half", 4.0)];
    for (name, number) in [
        ("f0", 0.0),
        ("f1", 1.0),
        ("f2", 2.0),
        ("f3", 3.0),
        ("f8", 8.0),
    ] {
        tensors.push(scalar(name, number));
    }
    for (name, list) in [
        ("axis", &[0][..]),
        ("eight", &[8]),
        ("pairs", &[-1, 2]),
        ("last", &[-1]),
        ("beyond", &[i64::MIN + 1]),
    ] {
        tensors.push(whole(name, list));
    }
    let found = between(&nodes, &tensors);
    assert!(
        matches!(
            found[..],
            [LayerOp::Conv {
                stride: 2,
                padding: Margin::Same,
                ..
            }]
        ),
        "{found:?}"
    );
}

#[test]
fn a_tensor_that_is_kept_once_is_called_as_its_readers_call_it() {
    let nodes = [
        node("Identity", &["bn1.weight"], &["bn2.weight"], &[]),
        node(
            "BatchNormalization",
            &["x", "bn1.weight", "v", "v", "v"],
            &["a"],
            &[],
        ),
        node(
            "BatchNormalization",
            &["a", "bn2.weight", "v", "v", "v"],
            &["y"],
            &[],
        ),
    ];
    let vectors = [tensor("bn1.weight", &[6]), tensor("v", &[6])];
    let weights = imported(&with(&nodes, &vectors));
    let names: Vec<&str> = layers(&weights).iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names[1..3], ["bn1", "bn2"]);
    let vector = |name: &str| weights.tensors.iter().find(|t| t.name == name).unwrap();
    assert_eq!(vector("bn2.running_var").data, numbers(6));
}
