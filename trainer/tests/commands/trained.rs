//! What a trained network is asked for: `triaxis extract`, `export` and `cam`.

use crate::support::{error, json, run};

#[test]
fn layers_are_listed_without_weights() {
    let arguments = ["extract", "--model", "regnety_004", "--list"];
    let output = run(&[&arguments[..], &["--json"]].concat());
    let layers = json(&output);
    let layers = layers.as_array().unwrap();
    // A layer, and what lies in the same scope together.
    for (layer, name) in layers[layers.len() - 2..].iter().zip(["head.fc", "head"]) {
        let expected = serde_json::json!({"name": name, "shape": [1, 1, 1000]});
        assert_eq!(layer, &expected);
    }
    let text = String::from_utf8(run(&arguments).stdout).unwrap();
    assert!(
        text.contains("s4.b6 ") && text.contains("7×7×440"),
        "{text}"
    );
}

#[test]
fn what_a_trained_network_is_asked_for_is_checked_first() {
    let network = ["--model", "resnet18", "--weights", "no/such.safetensors"];
    for (arguments, code, part) in [
        (vec!["export", "--out", "a.onnx"], 4, "no/such.safetensors"),
        (vec!["export", "--out", "a.txt"], 2, "--format"),
        (
            vec!["export", "--out", "a.onnx", "--dtype", "f16"],
            2,
            "--dtype: it does not apply",
        ),
        (
            vec!["export", "--out", "a.safetensors", "--no-fold"],
            2,
            "--no-fold: it does not apply",
        ),
        (
            vec!["export", "--out", "a.safetensors", "--img-size", "96"],
            2,
            "--img-size: it does not apply",
        ),
        (
            vec!["export", "--out", "a.safetensors", "--mean", "0", "0", "0"],
            2,
            "--mean: it does not apply",
        ),
        (
            vec!["extract", "--node", "fc", "a.png", "--out", "a.txt"],
            2,
            ".npy or .safetensors",
        ),
        (
            vec![
                "extract", "--node", "fc", "--node", "layer4", "a.png", "--out", "a.npy",
            ],
            2,
            "one layer",
        ),
        (
            vec![
                "extract", "--stage", "1", "--stage", "4", "a.png", "--out", "a.npy",
            ],
            2,
            "one layer",
        ),
        #[cfg(not(feature = "parquet"))]
        (
            vec!["extract", "--stage", "1", "a.png", "--out", "a.parquet"],
            2,
            "ends in .npy or .safetensors, or build it with --features parquet",
        ),
        (
            vec!["cam", "a.png", "--opacity", "2"],
            2,
            "--opacity: it is 2",
        ),
    ] {
        let text = error(&run(&[&arguments[..], &network].concat()), code);
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = error(&run(&["cam", "a.png", "--model", "resnet18"]), 2);
    assert!(text.contains("--weights: it is not given"), "{text}");
}
