//! `triaxis bench scaling` on a tiny network: its columns, its counts, its correlations and its page.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use triaxis_models::{Spec, Strategy};

use crate::browser::seen;
use crate::support::Place;

const TINY: &str = "--model specs/demo.toml --strategy w,dWr --factors 1,2,4 --batch-size 4 --runs 1 --img-size 32";

fn scaling(place: &Place, options: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .current_dir(place.path())
        .args(["bench", "scaling"])
        .args(options.split_whitespace())
        .output()
        .expect("the binary starts")
}

#[test]
fn scaled_networks_are_measured_and_related_to_their_counts() {
    let place = Place::new();
    let options = format!("{TINY} --json --csv rows.csv --out page.html");
    let output = scaling(&place, &options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let base = Spec::find("specs/demo.toml").unwrap();
    let rows = document["rows"].as_array().unwrap();
    let expected = [
        ("demo", "none", 1.0),
        ("demo-w-2", "w", 2.0),
        ("demo-w-4", "w", 4.0),
        ("demo-dWr-2", "dWr", 2.0),
        ("demo-dWr-4", "dWr", 4.0),
    ];
    assert_eq!(rows.len(), expected.len(), "{document}");
    for (row, (name, strategy, factor)) in rows.iter().zip(expected) {
        assert_eq!(row["suite"], "train");
        assert_eq!(row["model"], name);
        assert_eq!(row["base"], "demo");
        assert_eq!(row["strategy"], strategy);
        assert_eq!(row["factor"], factor);
        assert_eq!(row["batch"], 4);
        assert!(row["memory_bytes"].as_u64().unwrap() > 0, "{row}");
        assert!(row["median_ms"].as_f64().unwrap() > 0.0, "{row}");
        let spec = match strategy {
            "none" => base.clone(),
            _ => {
                let strategy: Strategy = strategy.parse().unwrap();
                base.scaled(strategy.at(factor)).unwrap()
            }
        };
        let counts = spec.complexity().unwrap();
        assert_eq!(row["resolution"], spec.resolution);
        assert_eq!(row["flops"], counts.flops);
        assert_eq!(row["params"], counts.params);
        assert_eq!(row["acts"], counts.acts);
    }
    let groups = document["groups"].as_array().unwrap();
    let named: Vec<_> = groups
        .iter()
        .map(|g| (&g["base"], &g["strategy"], &g["networks"]))
        .collect();
    assert_eq!(named.len(), 3, "{document}");
    assert!(named[2].0 == "demo" && named[2].1 == "all" && named[2].2 == 5);
    assert_eq!(groups[0]["networks"], 3, "{document}");
    for count in ["flops", "params", "acts"] {
        let r = groups[2][count]["r"].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&r), "{document}");
        assert!(groups[2][count]["slope"].is_number(), "{document}");
    }
    assert!(groups[2]["flop_bound"].is_array());
    assert!(document["clock"] == "processor" || document["clock"] == "wall");

    let csv = fs::read_to_string(place.path().join("rows.csv")).unwrap();
    let header = csv.lines().next().unwrap();
    assert!(
        header.ends_with(",problem,base,strategy,factor,flops,params,acts,epoch_minutes"),
        "{header}"
    );
    assert_eq!(csv.lines().count(), 6, "{csv}");
    // Both pages draw time against size: the command's own, and the report of its rows.
    let report = Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .current_dir(place.path())
        .args(["bench", "report", "rows.csv", "--out", "report.html"])
        .output()
        .unwrap();
    assert_eq!(report.status.code(), Some(0), "{report:?}");
    for page in ["page.html", "report.html"] {
        let html = fs::read_to_string(place.path().join(page)).unwrap();
        assert!(html.contains("Time against size"), "{page}");
        assert!(html.contains("demo-dWr-2"), "{page}");
        assert!(html.contains("demo, by strategy"), "{page}");
        seen(&place.path().join(page), &["<svg", "<tr", "<h2", "<text"]);
    }
    // An epoch of ImageNet at the time of a picture.
    for row in rows {
        let ms = match document["clock"].as_str().unwrap() {
            "wall" => &row["median_ms"],
            _ => &row["cpu_median_ms"],
        };
        let minutes = ms.as_f64().unwrap() / 4.0 * 1_281_167.0 / 60_000.0;
        let told = row["epoch_minutes"].as_f64().unwrap();
        assert!((told / minutes - 1.0).abs() < 0.01, "{row}");
    }
}

#[test]
fn inference_takes_the_largest_batch_that_a_memory_limit_allows() {
    let place = Place::new();
    let options = "--model tiny.toml --strategy w --factors 1 --runs 1 --mode infer \
                   --memory-limit 8 --json";
    let output = scaling(&place, options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &document["rows"][0];
    let batch = row["batch"].as_u64().unwrap();
    assert!(batch.is_power_of_two() && batch < 1024, "{row}");
    assert!(row["suite"] == "infer" && row["problem"] == "", "{row}");
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let place = Place::new();
    for (options, said) in [
        (
            "--model specs/demo.toml --strategy dWR",
            "no strategy is called `dWR`",
        ),
        (
            "--model specs/demo.toml --factors 0",
            "expected a number above 0",
        ),
        ("--model specs/demo.toml --factors two", "invalid"),
        ("--model efficentnet_b0", "did you mean"),
    ] {
        let output = scaling(&place, options);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options}: {text}");
        assert!(text.contains(said), "{options}: {text}");
        assert!(output.stdout.is_empty(), "{options}");
    }
}
