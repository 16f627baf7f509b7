//! The binary as a user starts it: what it prints and how it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn triaxis(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command.args(arguments).env_remove("TRIAXIS_ADAPTER");
    command
}

fn run(arguments: &[&str]) -> Output {
    triaxis(arguments).output().expect("the binary starts")
}

/// Exactly one JSON document.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e} in {output:?}"))
}

/// The one paragraph of an error, which ended with this code.
fn error(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(
        text.starts_with("error: ") && text.trim_end().lines().count() == 1,
        "{text}"
    );
    text
}

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

#[test]
fn tables_and_figures_refuse_what_they_would_not_show() {
    let cases: [(&[&str], &str); 4] = [
        (
            &["tables", "1", "--ledger", "x.ledger"],
            "--ledger: table 1",
        ),
        (&["tables", "PHI", "--rows", "x.csv"], "--rows: table PHI"),
        (
            &["tables", "gains", "--rows", "x.csv"],
            "--rows: table gains",
        ),
        (
            &["figures", "4", "--heat-maps", "grid.png"],
            "--heat-maps: the page shows it",
        ),
    ];
    for (arguments, part) in cases {
        let text = error(&run(arguments), 2);
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // A clock is that of rows.
    for command in ["tables", "figures"] {
        let alone = run(&[command, "8", "--clock", "wall"]);
        assert_eq!(alone.status.code(), Some(2), "{alone:?}");
        let text = String::from_utf8_lossy(&alone.stderr).into_owned();
        assert!(text.contains("--rows"), "{text}");
    }
}

#[test]
fn an_unknown_model_brings_the_likely_one() {
    let text = error(&run(&["info", "efficentnet_b0"]), 2);
    assert!(text.contains("did you mean `efficientnet_b0`"), "{text}");
    let text = error(&run(&["info", "no/such.toml"]), 2);
    assert!(text.contains("no/such.toml"), "{text}");
    let text = error(&run(&["info", "resnet18", "--img-size", "0"]), 2);
    assert!(text.contains("resolution is 0"), "{text}");
    assert_eq!(
        run(&["info", "resnet18", "--image-size", "5"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn models_lists_the_zoo() {
    let models = json(&run(&["models", "--json"]));
    let models = models.as_array().unwrap();
    let b0 = models
        .iter()
        .find(|m| m["model"] == "efficientnet_b0")
        .unwrap();
    assert_eq!([&b0["resolution"], &b0["params"]], [224, 5_288_548]);
    assert!(models.len() > 40);
    assert_eq!(
        [&b0["status"], &b0["aliases"][0]],
        ["released", "EN-B0"],
        "{b0}"
    );
    let scaled = models
        .iter()
        .find(|m| m["model"] == "regnetz_500mf@4gf")
        .unwrap();
    assert_eq!(scaled["status"], "fitted");
    assert_eq!(scaled["scaled_from"]["model"], "regnetz_500mf");
    assert_eq!(scaled["scaled_from"]["factor"], 8.25);
    let text = String::from_utf8(run(&["models"]).stdout).unwrap();
    assert!(
        text.contains("385,825,092") && text.contains("tinynet_e"),
        "{text}"
    );
    assert!(text.contains("regnetz_500mf × 8.25, fitted\n"), "{text}");
    let help = String::from_utf8(run(&["models", "--help"]).stdout).unwrap();
    for text in [text, help] {
        assert!(
            text.contains("  reconstructed  not released whole;"),
            "{text}"
        );
    }
}

#[test]
fn a_model_is_found_by_its_papers_name_in_any_case() {
    for name in ["EN-B0->16GF", "en-b0->16gf", "efficientnet_b0@16gf"] {
        let info = json(&run(&["info", name, "--json"]));
        assert_eq!(info["model"], "efficientnet_b0@16gf");
        assert_eq!(info["params"], 122_845_520);
    }
}

#[test]
fn tables_stand_beside_the_papers_in_every_format() {
    let table = json(&run(&["tables", "8", "--json"]));
    let row = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["model"] == "RegNetZ-500MF->4GF");
    let row = row.unwrap();
    assert_eq!(
        [&row["flops"], &row["params"], &row["acts"]],
        [4_008_475_270_u64, 41_091_910, 19_363_462]
    );
    assert_eq!([&row["paper_acts"], &row["difference_acts"]], [19.4, 0.0]);
    for (format, part) in [
        ("text", "RegNetZ-500MF->4GF"),
        ("md", "| RegNetZ-500MF->4GF | 8.25 |"),
        ("csv", "RegNetZ-500MF->4GF,8.25,248,4008475270,"),
        ("tex", "RegNetZ-500MF$\\to$4GF & 8.25 &"),
    ] {
        let output = run(&["tables", "8", "--format", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.contains(part),
            "{part} is not in\n{text}"
        );
    }
    let text = error(&run(&["tables", "9"]), 2);
    assert!(
        text.contains("there is no table `9`") && text.contains("r1, phi, gains"),
        "{text}"
    );
}

#[test]
fn figures_are_written_whole_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let output = run(&["figures", "1", "--out", out.to_str().unwrap(), "--json"]);
    let files = json(&output);
    assert_eq!(files.as_array().unwrap().len(), 1, "{files}");
    let read = |key: &str| fs::read_to_string(files[0][key].as_str().unwrap()).unwrap();
    assert!(read("svg").starts_with("<svg") && read("svg").ends_with("</svg>\n"));
    assert!(read("csv").contains("EfficientNet-B0,dWr,1,224,385825092,5288548,6748036"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);

    let text = error(&run(&["figures", "3"]), 2);
    assert!(
        text.contains("there is no figure `3`") && text.contains("1, 2, 4"),
        "{text}"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = error(
        &run(&["figures", "1", "--out", file.join("x").to_str().unwrap()]),
        8,
    );
    assert!(text.contains("file/x"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = triaxis(&["models"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

fn pictures(folder: &Path, class: &str, count: u8) {
    fs::create_dir_all(folder.join(class)).expect("a temporary folder takes files");
    for i in 0..count {
        let picture =
            image::RgbImage::from_pixel(4 + u32::from(i), 5, image::Rgb([i, class.len() as u8, 9]));
        picture
            .save(folder.join(class).join(format!("{i}.png")))
            .expect("a temporary folder takes files");
    }
}

#[test]
fn data_check_reports_good_folders_and_refuses_damaged_ones() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), "cat", 8);
    pictures(folder.path(), "horse", 4);
    let path = folder.path().to_str().unwrap();
    let output = run(&["data", "check", path]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("every picture decodes"),
        "{output:?}"
    );

    fs::write(folder.path().join("horse/cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let output = run(&["data", "check", path, "--json"]);
    let text = error(&output, 3);
    assert!(
        text.contains("1 of 13 pictures") && text.contains(path),
        "{text}"
    );
    let report = json(&output);
    let damaged = |split: &str| report[split]["damaged"].as_array().unwrap().len();
    assert_eq!(damaged("train") + damaged("validation"), 1);

    let text = error(&run(&["data", "check", "no/such/folder"]), 3);
    assert!(text.contains("no/such/folder does not exist"), "{text}");
}

#[test]
fn doctor_finds_every_kernel_right() {
    // Any one adapter will do, and the software driver's variants are as good as a card's.
    let output = run(&["doctor", "--adapter", "0", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["ok"], true);
    let adapter = &report["adapters"][0];
    assert!(
        adapter["limits"]["binding_bytes"].as_u64().unwrap() >= 128 << 20,
        "{adapter:#}"
    );
    let tests = adapter["tests"].as_array().unwrap();
    for variant in ["tiled", "blocked"] {
        assert!(tests.iter().filter(|t| t["variant"] == variant).count() > 30);
    }
}

#[test]
fn doctor_without_a_driver_says_what_to_install() {
    let none = |arguments: &[&str]| {
        // The loader's names for the list of drivers, new and old.
        triaxis(arguments)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .output()
            .unwrap()
    };
    // Only Vulkan can be hidden so.
    if cfg!(any(windows, target_os = "macos")) {
        return;
    }
    let output = none(&["doctor"]);
    let text = error(&output, 5);
    assert!(
        text.contains("mesa-vulkan-drivers") && output.stdout.is_empty(),
        "{text}"
    );
    let output = none(&["doctor", "--json"]);
    error(&output, 5);
    assert_eq!(json(&output)["adapters"], serde_json::json!([]));
    let text = error(&run(&["doctor", "--adapter", "no such card"]), 5);
    assert!(text.contains("no adapter is called no such card"), "{text}");
}

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

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_brings_advice_that_fits_the_command() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let scale = [
        "scale",
        "efficientnet_b0",
        "--factor",
        "2",
        "--out",
        "/proc/x.toml",
    ];
    for (output, part) in [
        (run(&scale), "with --out."),
        (
            triaxis(&["models"]).stdout(full).output().unwrap(),
            "standard output: cannot write",
        ),
    ] {
        let text = error(&output, 8);
        assert!(text.contains(part), "{part} is not in {text}");
        for of_runs in ["--output", "checkpoint", "free)"] {
            assert!(!text.contains(of_runs), "{of_runs} is in {text}");
        }
    }
}
