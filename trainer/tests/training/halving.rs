//! Batches that do not fit the device: halved where the result does not depend on them, refused in training.

use std::fs;
use std::process::Command;

use serde_json::Value;
use triaxis::checkpoint::{NamedTensor, tensors};

use crate::pictures::class_folders;
use crate::support::{Place, Ran, checkpoints, run};

/// A folder with a short run on synthetic pictures in `output/tiny`.
fn trained() -> Place {
    let place = Place::new();
    run(place.tiny("--epochs 1 --img-size 12")).done();
    place
}

/// The program where plans may take so many MiB.
fn within(place: &Place, mib: u64, words: &str) -> Command {
    let mut command = place.program(words);
    command.env("TRIAXIS_MEMORY_LIMIT", mib.to_string());
    command
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"))
}

/// Expects a notice of this batch that went on with `used`, which is a half of it, or a half of that.
#[track_caller]
fn assert_halved(ran: &Ran, asked: u64, used: u64) {
    assert!((1..asked).contains(&used), "{used} of {asked}: {ran}");
    assert!((asked / used).is_power_of_two(), "{used} of {asked}");
    for part in [
        format!("batch size {asked}: out of GPU memory: the plan needs "),
        format!("Goes on with {used} at once: give --batch-size {used} "),
        "--no-retry".to_owned(),
    ] {
        assert!(ran.stderr.contains(&part), "{part:?} is missing: {ran}");
    }
}

#[test]
fn validation_halves_a_batch_that_does_not_fit_and_finds_the_same() {
    let place = trained();
    let words = |batch: u64| {
        format!(
            "validate --weights output/tiny --data-dir synthetic:400 --img-size 48 --json --batch-size {batch}"
        )
    };
    let whole = json(&run(place.program(&words(64))).done());
    assert_eq!(whole["batch_size"], 64);
    let ran = run(within(&place, 1, &words(64))).done();
    let halved = json(&ran);
    let used = halved["batch_size"].as_u64().unwrap();
    assert_halved(&ran, 64, used);
    for key in ["top1", "top5", "images"] {
        assert_eq!(halved[key], whole[key], "{key}: {halved} and {whole}");
    }
    let [a, b] = [&halved, &whole].map(|report| report["loss"].as_f64().unwrap());
    assert!((a - b).abs() < 1e-5, "{halved} and {whole}");

    // What was used can be asked for, and twice as many cannot.
    let asked = format!("{} --no-retry", words(used));
    let ran = run(within(&place, 1, &asked)).done();
    assert!(!ran.stderr.contains("out of GPU memory"), "{ran}");
    assert_eq!(json(&ran)["loss"], halved["loss"]);
    let twice = format!("{} --no-retry", words(2 * used));
    run(within(&place, 1, &twice)).refused(5, &["out of GPU memory", "a smaller --batch-size"]);
}

#[test]
fn a_single_picture_that_does_not_fit_is_an_error() {
    let place = trained();
    let words = "validate --weights output/tiny --data-dir synthetic:20 --img-size 512";
    let least = ["out of GPU memory", "Not even a batch of 1 fits"];
    run(within(&place, 1, &format!("{words} --batch-size 4"))).refused(5, &least);
    run(within(&place, 1, &format!("{words} --batch-size 1")))
        .refused(5, &["out of GPU memory", "a smaller --img-size"]);
}

#[test]
fn predictions_and_features_are_the_same_in_smaller_batches() {
    let place = trained();
    class_folders(&place, "photos", &["a"], 16);
    let fixed = "--weights output/tiny photos --img-size 96 --batch-size 16 --json";
    let predict = format!("predict {fixed} --topk 1");
    let whole = json(&run(place.program(&predict)).done());
    let ran = run(within(&place, 1, &predict)).done();
    let halved = json(&ran);
    assert!(ran.stderr.contains("batch size 16: out of"), "{ran}");
    let [halved, whole] = [&halved, &whole].map(|all| all.as_array().unwrap());
    assert_eq!(halved.len(), 16);
    for (a, b) in halved.iter().zip(whole) {
        assert_eq!(a["image"], b["image"]);
        let [p, q] = [a, b].map(|one| one["top"][0]["probability"].as_f64().unwrap());
        assert!((p - q).abs() < 1e-5, "{a} and {b}");
    }
    run(within(&place, 1, &format!("{predict} --no-retry"))).refused(5, &["out of GPU memory"]);

    let features = |command: Command, name: &str| -> (Ran, NamedTensor) {
        let ran = run(command).done();
        let file = tensors::read(&place.path().join(name)).unwrap();
        (ran, file.tensors[0].clone())
    };
    let extract = |name: &str| format!("extract {fixed} --node global_avg_pool --out {name}");
    let command = place.program(&extract("whole.safetensors"));
    let (_, whole) = features(command, "whole.safetensors");
    let command = within(&place, 1, &extract("halved.safetensors"));
    let (ran, halved) = features(command, "halved.safetensors");
    assert!(ran.stderr.contains("batch size 16: out of"), "{ran}");
    assert_eq!((&halved.shape, halved.shape[0]), (&whole.shape, 16));
    for (a, b) in halved.data.iter().zip(&whole.data) {
        assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
}

#[test]
fn bench_measures_half_a_batch_that_does_not_fit_and_says_so_in_its_row() {
    let place = Place::new();
    for (suite, batch) in [("models", 4096), ("training", 1024)] {
        let words = format!("bench {suite} --model tiny.toml --runs 1 --json --csv {suite}.csv");
        let ran = run(within(&place, 8, &format!("{words} -b {batch}"))).done();
        let rows = json(&ran);
        let row = &rows[0];
        assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
        let used = row["batch"].as_u64().unwrap();
        assert_halved(&ran, batch, used);
        let case = row["case"].as_str().unwrap();
        assert!(case.starts_with(&format!("tiny_r12_b{used}_")), "{case}");
        assert!(row["problem"] == "" && row["median_ms"].is_number());
        assert!(row["memory_bytes"].as_u64().unwrap() <= 8 << 20, "{row}");
        let csv = fs::read_to_string(place.path().join(format!("{suite}.csv"))).unwrap();
        assert_eq!(csv.lines().count(), 2, "{csv}");
        assert!(csv.contains(&format!(",{case},")), "{csv}");

        // A case that is asked for besides has one row, not two.
        let ran = run(within(&place, 8, &format!("{words} -b {batch} -b {used}"))).done();
        let rows = json(&ran);
        assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
        assert_eq!(rows[0]["batch"], used);
        let said = format!("{used} is measured by itself");
        assert!(ran.stderr.contains(&said), "{ran}");
    }
}

#[test]
fn bench_says_in_the_row_of_what_was_asked_that_nothing_fits() {
    let place = Place::new();
    let words = "bench models --model tiny.toml --img-size 2048 -b 2 --runs 1 --json";
    let ran = run(within(&place, 8, words));
    let rows = json(&ran);
    let row = &rows[0];
    assert_eq!(row["case"], "tiny_r2048_b2_fused_f32");
    assert!(row["median_ms"].is_null(), "{row}");
    let problem = row["problem"].as_str().unwrap();
    assert!(problem.starts_with("out of GPU memory"), "{problem}");
    assert!(!ran.stderr.contains("Goes on"), "{ran}");
    ran.refused(5, &["nothing was measured: out of GPU memory"]);
}

#[test]
fn training_never_takes_another_batch_than_it_was_given() {
    let place = Place::new();
    let options = "--epochs 1 --img-size 24 --data-dir synthetic:1024 --batch-size 1024";
    let mut train = place.tiny(options);
    train.env("TRIAXIS_MEMORY_LIMIT", "4");
    let words = [
        "batch size 1024",
        "The largest batch that fits is",
        "--auto-batch",
    ];
    let ran = run(train).refused(5, &words);
    assert!(!ran.stderr.contains("Goes on"), "{ran}");
    assert!(checkpoints(&place.run_folder("tiny")).is_empty());
}
