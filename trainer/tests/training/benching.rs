//! `triaxis bench` on a tiny network: which rows it gives, and what it refuses.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::Place;

fn bench(place: &Place, options: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .current_dir(place.path())
        .arg("bench")
        .args(options.split_whitespace())
        .output()
        .expect("the binary starts")
}

/// The rows of a JSON document, after a command that went well.
fn rows(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    match serde_json::from_slice(&output.stdout) {
        Ok(Value::Array(rows)) => rows,
        other => panic!("{other:?} in {output:?}"),
    }
}

fn number(row: &Value, key: &str) -> f64 {
    row[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

/// What holds of every measured row.
#[track_caller]
fn assert_measured(row: &Value) {
    let times = ["min_ms", "median_ms", "p95_ms", "max_ms"].map(|key| number(row, key));
    assert!(times[0] > 0.0 && times.is_sorted(), "{row}");
    for key in [
        "first_ms",
        "encode_ms",
        "images_per_s",
        "stream_images_per_s",
        "memory_bytes",
        "moved_bytes",
        "copy_gb_per_s",
        "copy_share",
        "peak_gflop_per_s",
        "peak_share",
        "dispatches",
    ] {
        assert!(number(row, key) > 0.0, "{key} in {row}");
    }
    assert!((0.0..=1.0).contains(&number(row, "wait_share")), "{row}");
    let per_image = number(row, "batch") / number(row, "images_per_s") * 1e3;
    assert!(
        (per_image / number(row, "median_ms") - 1.0).abs() < 1e-3,
        "{row}"
    );
    for key in [
        "adapter", "driver", "backend", "commit", "version", "device",
    ] {
        assert!(!row[key].as_str().unwrap().is_empty(), "{key} in {row}");
    }
}

#[test]
fn models_are_measured_at_every_batch_size_fused_or_not() {
    let place = Place::new();
    let fixed = "models --model tiny.toml --runs 3 --json";
    let f32s = rows(&bench(&place, &format!("{fixed} -b 1 -b 3 --img-size 16")));
    let f16s = rows(&bench(&place, &format!("{fixed} -b 3 --f16")));
    let plain = rows(&bench(&place, &format!("{fixed} -b 3 --no-fuse")));
    let all: Vec<&Value> = f32s.iter().chain(&f16s).chain(&plain).collect();
    all.iter().for_each(|row| assert_measured(row));
    let cases: Vec<&str> = all
        .iter()
        .map(|row| row["case"].as_str().unwrap())
        .collect();
    assert_eq!(
        cases,
        [
            "tiny_r16_b1_fused_f32",
            "tiny_r16_b3_fused_f32",
            "tiny_r12_b3_fused_f16",
            "tiny_r12_b3_f32"
        ]
    );
    assert_eq!(
        [&f16s[0]["precision"], &plain[0]["form"]],
        ["f16", "unfused"]
    );
    let [fused, unfused] = [&f16s[0], &plain[0]].map(|row| number(row, "dispatches"));
    assert!(fused < unfused, "{fused} {unfused}");
    // Half the bytes but for pictures, weights and logits, and the norms' own passes saved.
    let [fused, unfused] = [&f16s[0], &plain[0]].map(|row| number(row, "moved_bytes"));
    assert!(fused < 0.7 * unfused, "{fused} {unfused}");
}

#[test]
fn a_training_step_and_its_loader_are_measured_kernel_by_kernel() {
    let place = Place::new();
    let output = bench(
        &place,
        "training --model tiny.toml -b 4 --runs 2 --profile --data-dir synthetic:32 --json",
    );
    let rows = rows(&output);
    let (whole, kernels) = rows.split_first().unwrap();
    assert_measured(whole);
    assert_eq!(
        [&whole["suite"], &whole["case"]],
        ["train", "tiny_r12_b4_f32"]
    );
    assert!(number(whole, "loader_images_per_s") > 0.0);
    if cfg!(unix) {
        assert!(number(whole, "loader_images_per_cpu_s") > 0.0);
        assert!(number(whole, "encode_cpu_ms") > 0.0);
        assert!(number(whole, "record_cpu_ms") > 0.0);
    }
    for key in ["dispatches", "moved_bytes"] {
        let sum: f64 = kernels.iter().map(|row| number(row, key)).sum();
        assert_eq!(sum, number(whole, key), "{key}");
    }
    assert!(kernels.iter().all(|row| row["suite"] == "train.kernel"));
}

#[test]
fn rows_are_csv_and_a_file_gathers_them() {
    let place = Place::new();
    let fixed = "models --model tiny.toml -b 2 --runs 1 --csv rows.csv";
    let text = String::from_utf8(bench(&place, fixed).stdout).unwrap();
    let columns = "suite,case,device,median_ms,min_ms,max_ms,cpu_median_ms,first_ms,reps,gflop_per_s,images_per_s,";
    assert!(text.starts_with(columns), "{text}");
    assert_eq!(
        text,
        fs::read_to_string(place.path().join("rows.csv")).unwrap()
    );
    bench(&place, fixed);
    let twice = fs::read_to_string(place.path().join("rows.csv")).unwrap();
    assert_eq!(twice.lines().count(), 3, "{twice}");

    place.write("rows.csv", "name,milliseconds\n");
    let refused = bench(&place, fixed);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("rows.csv begins with another header"),
        "{said}"
    );
}

#[test]
fn a_network_that_does_not_fit_is_a_row_that_says_so() {
    let place = Place::new();
    let options =
        "models --model tiny.toml -b 1 -b 4096 --runs 1 --memory-limit 8 --no-retry --json";
    let rows = rows(&bench(&place, options));
    assert_measured(&rows[0]);
    assert_eq!(rows[0]["problem"], "");
    let problem = rows[1]["problem"].as_str().unwrap();
    assert!(problem.contains("out of GPU memory"), "{problem}");
    assert_eq!(
        [&rows[1]["case"], &rows[1]["median_ms"]],
        [&Value::from("tiny_r12_b4096_fused_f32"), &Value::Null]
    );
    // Two pixels are one after the stem's stride, which has no variance over a single image.
    // Where there is no other row, the command has failed.
    let options = "training --model tiny.toml -b 1 --img-size 2 --runs 1 --json";
    let output = bench(&place, options);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for text in [rows[0]["problem"].as_str().unwrap(), &said] {
        assert!(text.contains("more than one value a channel"), "{text}");
    }
    assert!(said.contains("error: nothing was measured: "), "{said}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = Place::new();
    for (options, said) in [
        ("models --model efficentnet_b0", "did you mean"),
        (
            "models --model tiny.toml --f16 --no-fuse",
            "cannot be used with",
        ),
        ("models --model tiny.toml -b 0", "0 is not in 1..=65535"),
        ("models --model tiny.toml --img-size 0", "resolution is 0"),
        ("training --model tiny.toml --data-dir none", "none"),
        ("training --model tiny.toml -j 2", "--data-dir"),
        ("models --model tiny.toml --trace t.json", "--profile"),
        (
            "models --model tiny.toml --profile --trace tiny.toml",
            "--trace: tiny.toml is what this command reads",
        ),
        (
            "training --model tiny.toml --profile --trace t.csv --csv t.csv",
            "--trace: t.csv is what --csv writes",
        ),
        (
            "training --model tiny.toml --profile --trace none/t.json",
            "--trace: there is no folder none",
        ),
    ] {
        let output = bench(&place, options);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = if options.ends_with("none") { 3 } else { 2 };
        assert_eq!(output.status.code(), Some(expected), "{options}: {text}");
        assert!(text.contains(said), "{options}: {text}");
        assert!(output.stdout.is_empty(), "{options}");
    }
}
