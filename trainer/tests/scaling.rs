//! `triaxis scale` as a user starts it.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .args(arguments)
        .output()
        .expect("the binary starts")
}

fn scale(arguments: &[&str]) -> Value {
    let output = run(&[&["scale"], arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e} in {output:?}"))
}

/// What is said about options that cannot be, which ends with code 2 and nothing on standard output.
fn refusal(arguments: &[&str]) -> String {
    let output = run(&[&["scale"], arguments].concat());
    let text = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(text.starts_with("error: ") && output.stdout.is_empty());
    text
}

#[test]
fn fast_scaling_by_11_makes_the_papers_network_with_every_field() {
    let got = scale(&["efficientnet_b0", "--strategy", "dWr", "--factor", "11"]);
    let fields: Vec<_> = got.as_object().unwrap().keys().collect();
    let expected = [
        "model",
        "resolution",
        "num_classes",
        "flops",
        "params",
        "acts",
        "strategy",
        "factor",
        "stages",
        "stem_width",
        "head_width",
    ];
    assert_eq!(fields, expected);
    assert_eq!(got["model"], "efficientnet_b0-dWr-11");
    assert_eq!([&got["resolution"], &got["num_classes"]], [252, 1000]);
    assert_eq!(got["flops"], 4_142_811_522_u64);
    assert_eq!(
        [&got["strategy"], &got["factor"]],
        [&json!("dWr"), &json!(11.0)]
    );
    assert_eq!(
        got["stages"][1],
        json!({ "depth": 3, "width": 64, "group_width": 1, "kernel": 3, "stride": 2, "expansion": 6.0 })
    );
    assert_eq!([&got["stem_width"], &got["head_width"]], [80, 3344]);
    assert_eq!(
        scale(&["efficientnet_b0", "--factor", "11"]),
        got,
        "dWr is the default"
    );
}

#[test]
fn every_kind_of_target_is_met_within_what_rounding_allows() {
    for (option, key, target, part) in [
        ("--target-flops", "flops", "4G", 0.005),
        ("--target-params", "params", "41.1M", 0.005),
        ("--target-acts", "acts", "19.4e6", 0.005),
    ] {
        let got = scale(&["regnetz_500mf", option, target]);
        let wanted = match target.strip_suffix(['G', 'M']) {
            Some(number) => {
                let unit = if target.ends_with('G') { 1e9 } else { 1e6 };
                number.parse::<f64>().unwrap() * unit
            }
            None => target.parse().unwrap(),
        };
        let off = got[key].as_f64().unwrap() / wanted - 1.0;
        assert!(off.abs() < part, "{option}: {off}");
        let told = &got["target"];
        assert_eq!(told["nearest"], got[key]);
        let cost = |side: &str| told[side]["cost"].as_f64().unwrap();
        assert!(cost("below") < wanted && wanted <= cost("above"), "{told}");
    }
    let output = run(&["scale", "regnetz_500mf", "--target-flops", "4G"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "target",
        "4,000,000,000  flops",
        "reached",
        "below",
        "above",
        "×",
        "in theory",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_target_of_memory_is_what_info_tells_of_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fits.toml");
    let path = path.to_str().unwrap();
    let batch = ["--batch-size", "8"];
    scale(
        &[
            &["tinynet_e", "--target-memory", "400MiB", "--out", path],
            &batch[..],
        ]
        .concat(),
    );
    let output = run(&[&["info", path, "--json"], &batch[..]].concat());
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    let off = info["memory"]["train"].as_f64().unwrap() / f64::from(400 << 20) - 1.0;
    assert!(off.abs() < 0.05, "{off}");
}

#[test]
fn tinynets_come_back_from_b0_by_multipliers_and_by_target() {
    let c = [
        "--strategy",
        "tiny",
        "--depth",
        "0.85",
        "--width",
        "0.54",
        "--resolution",
        "0.825",
    ];
    let by_multipliers = scale(&[&["efficientnet_b0"], &c[..]].concat());
    let by_target = scale(&[
        "efficientnet_b0",
        "--strategy",
        "tiny",
        "--target-flops",
        "99541922",
    ]);
    for got in [&by_multipliers, &by_target] {
        assert_eq!([&got["flops"], &got["params"]], [99_541_922, 2_457_234]);
        assert_eq!(got["resolution"], 184);
    }
    let share = (99_541_922.0 / 385_825_092.0).to_string();
    let by_factor = scale(&["efficientnet_b0", "--strategy", "tiny", "--factor", &share]);
    assert_eq!(by_factor["stages"], by_target["stages"]);
    let half = scale(&["efficientnet_b0", "-s", "tiny", "--factor", "0.5"]);
    assert_eq!(half["factor"], 0.5);
    assert_eq!(half["model"], "efficientnet_b0-tiny-0.5");
}

#[test]
fn efficientnets_own_rule_and_free_multipliers_make_b2() {
    // The released B2 in all but its resolution, a table's.
    let by_phi = scale(&["efficientnet_b0", "--phi", "1"]);
    assert_eq!(by_phi["model"], "efficientnet_b0-phi-1");
    assert_eq!(by_phi["params"], 9_109_994);
    assert_eq!(
        scale(&["efficientnet_b0", "--strategy", "orig", "--phi", "1"])["params"],
        9_109_994
    );
    let free = [
        "--depth",
        "1.2",
        "--width",
        "1.1",
        "--rounding",
        "efficientnet",
    ];
    let free = scale(&[&["efficientnet_b0"], &free[..]].concat());
    assert_eq!([&free["params"], &free["resolution"]], [9_109_994, 224]);
    assert_eq!(free["strategy"], "multipliers");
}

#[test]
fn networks_that_differ_have_names_that_differ() {
    let cases: [(&[&str], &str); 9] = [
        (&["--phi", "2"], "phi-2"),
        (&["--phi", "-3"], "phi-minus-3"),
        (&["-s", "orig", "--phi", "2"], "phi-2"),
        (&["-s", "phi", "--factor", "2"], "phi-x2"),
        (&["-s", "orig", "--factor", "2"], "orig-2"),
        (
            &["--factor", "2", "--rounding", "efficientnet"],
            "dWr-2-efficientnet",
        ),
        (&["--width", "2"], "d1.000-w2.000-r1.000"),
        (
            &["--width", "2", "--group", "3"],
            "d1.000-w2.000-r1.000-g3.000",
        ),
        (&["-s", "tiny", "--width", "2"], "d1.000-w2.000-r1.000-tiny"),
    ];
    for (options, expected) in cases {
        let scaled = scale(&[&["regnetz_500mf"], options].concat());
        assert_eq!(scaled["model"], format!("regnetz_500mf-{expected}"));
    }
}

#[test]
fn groups_stay_where_that_is_asked() {
    let by_option = scale(&[
        "regnetz_500mf",
        "-s",
        "w",
        "--factor",
        "4",
        "--keep-group-width",
    ]);
    let by_name = scale(&["regnetz_500mf", "-s", "w (g fixed)", "--factor", "4"]);
    assert_eq!(by_option, by_name);
    assert_eq!(by_name["model"], "regnetz_500mf-w-g-fixed-4");
    assert_eq!(by_name["stages"][2]["group_width"], 4);
    let grown = scale(&["regnetz_500mf", "-s", "w", "--factor", "4"]);
    assert_eq!(grown["stages"][2]["group_width"], 8);
}

#[test]
fn a_written_network_is_read_again_and_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.toml");
    let out = path.to_str().unwrap();
    let big = [
        "regnety_500mf",
        "--factor",
        "2",
        "--name",
        "big",
        "--out",
        out,
    ];
    let first = scale(&big);
    let info = run(&["info", out, "--json"]);
    let info: Value = serde_json::from_slice(&info.stdout).unwrap();
    for key in ["model", "resolution", "flops", "params", "acts"] {
        assert_eq!(info[key], first[key], "{key}");
    }
    assert_eq!(info["model"], "big");
    scale(&big);
    let other = [
        "regnety_500mf",
        "--factor",
        "3",
        "--name",
        "big",
        "--out",
        out,
    ];
    let before = fs::read(&path).unwrap();
    let text = refusal(&other);
    assert!(text.contains("exists and holds something else"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
    scale(&[&other[..], &["--force"]].concat());
    assert_ne!(fs::read(&path).unwrap(), before);
    // A scaled network can be scaled again.
    assert_eq!(scale(&[out, "--factor", "1"])["model"], "big-dWr-1");
    let text = refusal(&["resnet18", "--factor", "2", "--out", "big.txt"]);
    assert!(text.contains("big.txt does not end in .toml"), "{text}");
    let text = refusal(&["resnet18", "--factor", "2", "--out", "no/such/big.toml"]);
    assert!(text.contains("there is no folder no/such"), "{text}");
}

#[test]
fn numbers_that_scale_nothing_are_refused_with_what_was_expected() {
    let b0 = "efficientnet_b0";
    let cases: &[(&[&str], &str)] = &[
        (
            &["--factor", "0"],
            "--factor: it is 0, expected a number above 0",
        ),
        (&["--factor", "-2"], "--factor: it is -2, expected"),
        (&["--factor", "NaN"], "--factor: it is NaN, expected"),
        (
            &["--factor", "1e300"],
            "resolution would be 2.2400e17, expected at most 16384: scale by less",
        ),
        (&["--factor", "1e-300"], "resolution is 0, expected 1 to"),
        (&["--phi", "1e300"], "the multiplier of depth is inf"),
        (&["--phi", "NaN"], "--phi: it is NaN"),
        (&["--width", "0"], "the multiplier of width is 0, expected"),
        (
            &["--target-flops", "1"],
            "no scaling of this network reaches the target 1",
        ),
        (
            &["--target-flops", "1e19"],
            "expected a number from 1 to 1e19",
        ),
        (
            &["--target-flops", "-4"],
            "expected a number from 1 to 1e19",
        ),
        (&["--target-flops", "4X"], "such as 4e9, 4G, 500M"),
        (
            &["--target-params", "9G", "-s", "r"],
            "the most that was found is 5288548",
        ),
        (
            &["-s", "tiny", "--factor", "2"],
            "TinyNet's rule is known from 0.0631 to 1",
        ),
        (
            &["--name", "a/b", "--factor", "2"],
            "--name: `a/b` cannot name a folder",
        ),
        (
            &["--batch-size", "0", "--factor", "2"],
            "--batch-size: it is 0",
        ),
    ];
    for (options, expected) in cases {
        let text = refusal(&[&[b0], *options].concat());
        assert!(text.contains(expected), "{options:?}: {text}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let b0 = "efficientnet_b0";
    let cases: &[(&[&str], &str)] = &[
        (&[], "nothing says how far"),
        (&["--factor", "2", "--phi", "1"], "cannot be used with"),
        (
            &["--factor", "2", "--target-flops", "4G"],
            "cannot be used with",
        ),
        (&["--factor", "2", "--width", "2"], "cannot be used with"),
        (
            &["-s", "dWr", "--width", "2"],
            "`dWr` chooses the multipliers",
        ),
        (
            &["-s", "dWr", "--phi", "2"],
            "EfficientNet's own rule, but the strategy is `dWr`",
        ),
        (
            &["-s", "tiny", "--target-params", "3M"],
            "solves for multiply-adds alone",
        ),
        (&["-s", "x", "--factor", "2"], "no strategy is called `x`"),
        (
            &["-s", "x", "--factor", "2"],
            "EfficientNet's rule is phi, TinyNet's is tiny",
        ),
        (
            &["--width", "2", "--group", "2", "--keep-group-width"],
            "cannot be used with",
        ),
        (&["--factor", "2", "--force"], "--out"),
    ];
    for (options, expected) in cases {
        let text = refusal(&[&[b0], *options].concat());
        assert!(text.contains(expected), "{options:?}: {text}");
    }
}
