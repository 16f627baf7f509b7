//! `triaxis info`: what a network costs, and what running it moves.

use std::fs;

use serde_json::Value;

use crate::support::{json, run};

#[test]
fn info_counts_as_the_paper_does() {
    let output = run(&["info", "efficientnet_b0", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let info = json(&output);
    assert_eq!(info["model"], "efficientnet_b0");
    assert_eq!([&info["resolution"], &info["num_classes"]], [224, 1000]);
    let counts = [&info["flops"], &info["params"], &info["acts"]];
    assert_eq!(counts, [385_825_092, 5_288_548, 6_748_036]);
    let memory = |key: &str| info["memory"][key].as_u64().unwrap();
    assert!(memory("train") > 2 * memory("evaluate"), "{info}");
    assert!(memory("evaluate") > 4 * 5_288_548, "{info}");
    // Each activation is written once and read at least once, and training comes back over them.
    let traffic = |key: &str| info["traffic"][key].as_u64().unwrap();
    assert!(traffic("evaluate") > 2 * 4 * 6_748_036, "{info}");
    assert!(traffic("train") > 2 * traffic("evaluate"), "{info}");
    let mixed = json(&run(&["info", "efficientnet_b0", "--json", "--amp"]));
    for key in ["train", "evaluate"] {
        let half = mixed["traffic"][key].as_u64().unwrap();
        assert!(10 * half < 6 * traffic(key), "{mixed}");
    }
}

/// The `traffic` of `triaxis info MODEL --traffic` with these options.
fn traffic(model: &str, options: &[&str]) -> Value {
    let fixed = ["info", model, "--traffic", "--json", "--mode"];
    let output = run(&[&fixed[..], options].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    json(&output)["traffic"].take()
}

#[test]
fn info_counts_the_bytes_of_a_plan_beside_the_least_there_are() {
    let get = |traffic: &Value, key: &str| traffic[key].as_f64().unwrap();
    let infer = ["infer", "--batch-size", "256"];
    let half = traffic("efficientnet_b0", &[&infer[..], &["--amp"]].concat());
    let single = traffic("efficientnet_b0", &infer);
    let train = traffic("efficientnet_b0", &["train", "--batch-size", "32"]);
    // A roofline by hand for one kernel a convolution, f16, 256 pictures of 224 pixels: 27.6 MB in inference.
    let conv = get(&half, "conv_bound_bytes_per_image");
    assert!((conv / 27.6e6 - 1.0).abs() < 0.005, "{conv}");
    let double = get(&single, "conv_bound_bytes_per_image");
    assert!((2.0 * conv - double).abs() < 2.0, "{conv} {double}");
    let mixed = traffic("efficientnet_b0", &["train", "--batch-size", "32", "--amp"]);
    for plan in [&half, &single, &train, &mixed] {
        let [moved, again, conv, block, unfused] = [
            "bytes_per_image",
            "bytes_per_image_with_rereads",
            "conv_bound_bytes_per_image",
            "block_bound_bytes_per_image",
            "unfused_bytes_per_image",
        ]
        .map(|key| get(plan, key));
        assert!(block < conv && conv < unfused, "{plan}");
        // In inference expansions are computed within what reads them.
        let least = if plan["mode"] == "infer" { block } else { conv };
        assert!(least < moved && moved < again, "{plan}");
        let nodes = plan["nodes"].as_array().unwrap();
        let sum = |key: &str| nodes.iter().map(|node| get(node, key)).sum::<f64>();
        assert_eq!(get(plan, "dispatches"), sum("dispatches"));
        // Every node's share is rounded down.
        let lost = moved - sum("bytes_per_image");
        assert!((0.0..nodes.len() as f64).contains(&lost), "{lost}");
    }
    assert_eq!(half["precision"], "f16");
    let memory = |plan: &Value| get(plan, "peak_memory_bytes");
    assert!(memory(&half) < 0.6 * memory(&single));
    assert!(memory(&mixed) < 0.6 * memory(&train));
    let text = run(&["info", "tinynet_e", "--traffic", "--mode", "infer"]).stdout;
    let text = String::from_utf8(text).unwrap();
    for part in [
        "read again",
        "conv bound",
        "classifier.conv2d",
        "kernels a run by",
        "pipelines",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn info_refuses_to_count_what_is_not_run() {
    let alone = run(&["info", "tinynet_e", "--mode", "infer"]);
    assert_eq!(alone.status.code(), Some(2));
}

#[test]
fn info_takes_another_size_and_a_description_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.toml");
    let text = "name = \"small\"\nresolution = 32\nnum_classes = 10\n\n[network.regnet]\n\
                stem = { width = 16, kernel = 3, stride = 1 }\nbottleneck = 1.0\n\
                stages = [{ depth = 1, width = 24, group_width = 8 }]\n";
    fs::write(&path, text).unwrap();
    let small = path.to_str().unwrap();
    let rest = [
        "--img-size",
        "16",
        "--num-classes",
        "7",
        "--batch-size",
        "3",
        "--layers",
        "--json",
    ];
    let output = run(&[&["info", small], &rest[..]].concat());
    let info = json(&output);
    assert_eq!(
        [
            &info["resolution"],
            &info["num_classes"],
            &info["memory"]["batch_size"]
        ],
        [16, 7, 3]
    );
    let layers = info["layers"].as_array().unwrap();
    assert_eq!(layers[0]["shape"], serde_json::json!([16, 16, 16]));
    for key in ["flops", "params", "acts"] {
        let sum: u64 = layers.iter().map(|l| l[key].as_u64().unwrap()).sum();
        assert_eq!(info[key], sum, "{key}");
    }
    let text = run(&["info", small, "--layers"]).stdout;
    let text = String::from_utf8(text).unwrap();
    for part in [
        "32×32×16",
        "multiply-add",
        "GPU memory for 128 images",
        "moved for each image",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn info_prints_layers_as_csv_that_adds_up() {
    let text = String::from_utf8(run(&["info", "regnety_004", "--csv"]).stdout).unwrap();
    let mut lines = text.lines();
    let heading = "layer,height,width,channels,flops,params,acts";
    assert_eq!(lines.next(), Some(heading));
    assert_eq!(
        lines.next().unwrap(),
        "stem.conv,112,112,32,10838016,864,401408"
    );
    let flops = |line: &str| line.split(',').nth(4).unwrap().parse::<u64>().unwrap();
    let sum = text.lines().skip(1).map(flops).sum::<u64>();
    assert_eq!(sum, 401_849_056);
    for other in ["--json", "--traffic", "--amp"] {
        let both = run(&["info", "regnety_004", "--csv", other]);
        assert_eq!(both.status.code(), Some(2), "{other}");
    }
    let both = run(&["info", "tinynet_e", "--traffic", "--layers"]).stdout;
    let both = String::from_utf8(both).unwrap();
    for part in ["bytes an image", "layer "] {
        assert!(both.contains(part), "{part} is not in\n{both}");
    }
}
