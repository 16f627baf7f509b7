//! Files that contradict themselves, break off or claim what is not there: refused, without a panic and without room for it.

use super::file::{int, int_attribute, node, part, tensor, value};
use super::*;

fn small() -> Made {
    with(&[node("Relu", &["x"], &["y"], &[])], &[])
}

#[test]
fn a_file_that_breaks_off_anywhere_is_refused() {
    let whole = small().bytes();
    let path = Path::new("net.onnx");
    for length in 0..whole.len() {
        // The versions of operators stand last.
        let error = parse(path, &whole[..length]).map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 4, "{length}: {error}");
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let whole = small().bytes();
    let (mut refused, mut taken) = (0, 0);
    for at in 0..whole.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF, whole[at] ^ 1] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            match parse(Path::new("net.onnx"), &bytes) {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert_eq!(error.exit_code(), 4, "byte {at}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(
        refused > 100 && taken > 100,
        "{refused} refused, {taken} taken"
    );
}

#[test]
fn graphs_that_contradict_themselves_are_refused() {
    let relu = |from: &str, to: &str| node("Relu", &[from], &[to], &[]);
    for (nodes, words) in [
        // Of a circle, the first node reads what nothing before it makes.
        (
            vec![relu("b", "a"), relu("a", "b"), relu("x", "y")],
            "reads b, which nothing before it makes",
        ),
        (vec![relu("nowhere", "y")], "reads nowhere"),
        (
            vec![relu("x", "y"), relu("x", "y")],
            "two values are named y",
        ),
        (vec![node("Relu", &[], &["y"], &[])], "fewer than 1 inputs"),
        (
            vec![node("Conv", &["x", "fc.weight", "fc.bias"], &["y"], &[])],
            "a weight of 4 sides",
        ),
        (
            vec![node("Conv", &["x", "conv.weight"], &["y"], &[])],
            "[6, 3, 1, 1]",
        ),
    ] {
        let text = refused(&with(&nodes, &[]));
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let change = |change: &dyn Fn(&mut Made)| {
        let mut file = small();
        change(&mut file);
        refused(&file)
    };
    for (text, words) in [
        (
            change(&|f| f.opset = 9),
            "version 9 of ONNX's operators, expected 11 to 21",
        ),
        (change(&|f| f.opset = 22), "expected 11 to 21"),
        (change(&|f| f.outputs.clear()), "0 outputs"),
        (
            change(&|f| f.outputs = vec![value("gone", 1, &[])]),
            "no node makes its output gone",
        ),
        (
            change(&|f| f.outputs = vec![value("fc.bias", 1, &[])]),
            "not computed from pictures",
        ),
        (
            change(&|f| f.outputs = vec![value("x", 1, &[])]),
            "8×8×6 numbers of an image",
        ),
        (
            change(&|f| f.outputs = vec![value("images", 1, &[])]),
            "8×8×3 numbers of an image",
        ),
        (change(&|f| f.inputs.clear()), "reads 0 inputs"),
        (
            change(&|f| f.inputs.push(value("more", 1, &[0, 3, 8, 8]))),
            "reads 2 inputs",
        ),
        (
            change(&|f| f.inputs = vec![value("images", 7, &[0, 3, 8, 8])]),
            "no floating-point numbers",
        ),
        (
            change(&|f| f.inputs = vec![value("images", 1, &[0, 1, 28, 28])]),
            "the sides [?, 1, 28, 28], expected [N, 3, h, w]",
        ),
        (
            change(&|f| f.inputs = vec![value("images", 1, &[0, 3, 8, 9])]),
            "8×9 pixels",
        ),
        (
            change(&|f| f.inputs = vec![value("images", 1, &[0, 3, 1 << 40, 1 << 40])]),
            "pixels wide",
        ),
        (
            change(&|f| f.tensors.push(tensor("fc.bias", &[5]))),
            "two values are named fc.bias",
        ),
        (
            change(&|f| f.tensors[1] = tensor("fc.weight", &[5, 7])),
            "takes 7 numbers an image, it is given 6",
        ),
        (
            change(&|f| f.tensors[2] = tensor("fc.bias", &[4])),
            "has the sides [4]",
        ),
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

#[test]
fn tensors_that_claim_what_is_not_there_are_refused() {
    let large = (0..4).flat_map(|_| int(1, 1 << 40)).collect::<Vec<u8>>();
    let head = |sides: &[u8]| [sides, &int(2, 1), &part(8, "conv.weight")].concat();
    let outside = part(13, part(1, "location"));
    let sides: Vec<u8> = [6, 3, 1, 1].iter().flat_map(|&side| int(1, side)).collect();
    for (tensor, words) in [
        (head(&large), "claims ["),
        (head(&sides), "holds 0"),
        (
            [head(&sides), part(9, [0u8; 8])].concat(),
            "has 8 bytes, expected 72",
        ),
        ([head(&sides), outside].concat(), "are in another file"),
        (
            [&sides[..], &int(2, 3), &part(8, "conv.weight")].concat(),
            "ONNX's type 3",
        ),
    ] {
        let mut file = small();
        file.tensors[0] = tensor;
        let text = refused(&file);
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

#[test]
fn a_tensor_that_is_read_again_and_again_takes_no_more_room_than_the_file() {
    let nodes: Vec<Vec<u8>> = (0..200)
        .map(|i| {
            let (from, to) = match i {
                0 => ("x".to_owned(), "v0".to_owned()),
                199 => ("v198".to_owned(), "y".to_owned()),
                i => (format!("v{}", i - 1), format!("v{i}")),
            };
            node("Conv", &[&from, "w"], &[&to], &[int_attribute("group", 1)])
        })
        .collect();
    let few = with(&nodes, &[tensor("w", &[6, 6, 1, 1])]);
    assert_eq!(layers(&imported(&few)).len(), 203);
    let padded = |nodes: &mut Vec<Vec<u8>>| {
        for node in nodes {
            let pads = super::file::ints_attribute("pads", &[10, 10, 10, 10]);
            node.extend(part(5, pads));
        }
    };
    let mut wide = nodes;
    padded(&mut wide);
    let many = with(&wide, &[tensor("w", &[6, 6, 21, 21])]);
    let text = refused(&many);
    assert!(
        text.contains("more numbers than the file can hold"),
        "{text}"
    );
}

#[test]
fn names_in_messages_move_no_cursor() {
    let name = format!("\x1b[2J{}", "n".repeat(500));
    let text = refused(&with(&[node("Odd", &["x"], &["y", &name], &[])], &[]));
    assert!(!text.contains('\x1b'), "{text}");
    let text = refused(&with(&[node("Relu", &[&name], &["y"], &[])], &[]));
    assert!(!text.contains('\x1b') && text.contains("?[2Jnnn"), "{text}");
    assert!(text.len() < 400, "{text}");
}
