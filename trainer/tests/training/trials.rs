//! `train --trials`: the same run with one seed after the other, their mean and their deviation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Place, assert_same_end, files, pointed, run};

/// Two epochs of four steps with everything on.
fn train(place: &Place, options: &str) -> Command {
    place.tiny(&format!("--recipe everything.toml --epochs 2 {options}"))
}

/// The rows of `trials.csv`, by the names of its columns.
fn table(place: &Place) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(place.run_folder("tiny").join("trials.csv")).unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    lines
        .map(|cells| {
            assert_eq!(cells.len(), names.len());
            names.iter().cloned().zip(cells).collect()
        })
        .collect()
}

fn column(rows: &[BTreeMap<String, String>], name: &str) -> Vec<f64> {
    rows.iter().map(|row| row[name].parse().unwrap()).collect()
}

fn document(place: &Place) -> Value {
    let text = fs::read_to_string(place.run_folder("tiny").join("trials.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The mean and the standard deviation of a sample.
fn mean(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// All that a trial leaves but its lock, which names whoever held it last.
fn left(run: &Path) -> [BTreeMap<String, Vec<u8>>; 2] {
    let mut own = files(run);
    own.remove("triaxis.lock");
    [own, files(&pointed(run, "last"))]
}

#[test]
fn trials_are_runs_by_seed_whose_mean_and_deviation_are_told_and_those_done_are_left_alone() {
    let place = Place::new();
    let ran = run(train(&place, "--seed 7 --trials 2")).done();
    assert!(ran.stderr.contains("trial 2 of 2: seed 8"), "{ran}");
    assert_eq!(document(&place)["counted"], json!([7, 8]));
    let seed = |seed: u64| place.run_folder(&format!("tiny/seed-{seed}"));
    let before = [left(&seed(7)), left(&seed(8))];

    // One more, which is interrupted in its first epoch and taken up again.
    let three = "--seed 7 --trials 3";
    run(train(&place, &format!("{three} --time-limit 0.001s")))
        .refused(75, &["seed-9", "is complete", "The same command goes on"]);
    let ran = run(train(&place, three)).done();
    assert!(ran.stderr.contains("resumed at epoch 0, step "), "{ran}");
    assert!([left(&seed(7)), left(&seed(8))] == before);
    for (name, trial) in [("first", 7), ("last", 9)] {
        let options = format!("--seed {trial} --experiment {name}");
        run(train(&place, &options)).done();
        assert_same_end(&place.run_folder(name), &seed(trial));
    }

    let rows = table(&place);
    assert_eq!(column(&rows, "seed"), [7.0, 8.0, 9.0]);
    let found = document(&place);
    assert_eq!(found["seeds"], json!([7, 8, 9]));
    assert_eq!(found["counted"], json!([7, 8, 9]));
    assert_eq!(found["diverged"], json!([]));
    let is_number = |name: &&String| {
        ["top1", "top5", "loss"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let there = |name: &&String| !rows[0][*name].is_empty();
    for name in rows[0].keys().filter(is_number).filter(there) {
        let numbers = column(&rows, name);
        let (expected, deviation) = mean(&numbers);
        for (key, number) in [("mean", expected), ("deviation", deviation)] {
            let told = found[key][name].as_f64().unwrap();
            assert!((told - number).abs() < 1e-9, "{key} of {name}: {found}");
        }
    }
    let losses = column(&rows, "final_loss");
    assert!(losses[0] != losses[1] && losses[1] != losses[2], "{rows:?}");
    for (row, trial) in rows.iter().zip(7..) {
        assert_eq!(row["folder"], format!("seed-{trial}"));
        assert_eq!(
            (row["state"].as_str(), row["epochs"].as_str()),
            ("done", "2")
        );
        let summary = fs::read(seed(trial).join("summary.json")).unwrap();
        let summary: Value = serde_json::from_slice(&summary).unwrap();
        let last = &summary["rows"][1];
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        for (name, expected) in [
            ("final_loss", &last["eval"]["loss"]),
            ("final_ema_top5", &last["ema"]["top5"]),
        ] {
            assert_eq!(Some(number(name)), expected.as_f64(), "{name}");
        }
        let better = number("final_top1").max(number("final_ema_top1"));
        assert_eq!(number("top1"), better);
        let best = number("best_top1").max(number("best_ema_top1"));
        assert_eq!(Some(best), summary["best"]["top1"].as_f64());
    }
    let (top1, deviation) = mean(&column(&rows, "top1"));
    let line = format!("top-1 {top1:.2} ± {deviation:.2} % (3 trials: seeds 7, 8, 9)");
    assert!(ran.stdout.lines().any(|told| told == line), "{line}: {ran}");

    // Nothing is left to train: one document, that of the file.
    let ran = run(train(&place, &format!("{three} --json"))).done();
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), found);
    // The folder of all has no weights of its own.
    run(place.program("validate --weights output/tiny --data-dir synthetic:64"))
        .refused(4, &["holds trials", "seed-1"]);
}

#[test]
fn a_trial_that_diverges_is_told_ends_no_other_and_is_taken_up_again() {
    let place = Place::new();
    let mut command = train(&place, "--seed 0 --trials 2");
    // Once more when the batch is run again to find the place; nothing is left for the second trial.
    command.env("TRIAXIS_SPOIL_AT", "5,5");
    let words = [
        "step 6, epoch 1: ",
        "is not finite",
        "That was seed 0; of 2 trials 1 diverged",
    ];
    let ran = run(command).refused(6, &words);
    assert!(ran.stderr.contains("seed 0 diverged: step 6"), "{ran}");
    let rows = table(&place);
    assert_eq!(rows[0]["state"], "diverged");
    assert_eq!(
        (rows[0]["top1"].as_str(), rows[0]["epochs"].as_str()),
        ("", "0")
    );
    let top1 = column(&rows[1..], "top1")[0];
    let line = format!("top-1 {top1:.2} % (1 of 2 trials: seed 1; seed 0 diverged)");
    assert!(ran.stdout.lines().any(|told| told == line), "{line}: {ran}");
    let found = document(&place);
    assert_eq!(found["counted"], json!([1]));
    assert_eq!(found["deviation"], json!({}));

    let second = place.run_folder("tiny/seed-1");
    let before = left(&second);
    let ran = run(train(&place, "--seed 0 --trials 2")).done();
    assert!(ran.stderr.contains("resumed at epoch 1, step 0"), "{ran}");
    assert!(ran.stdout.contains("(2 trials: seeds 0, 1)"), "{ran}");
    assert!(left(&second) == before);
}

#[test]
fn trials_that_cannot_be_are_refused() {
    let place = Place::new();
    run(place.tiny("--trials 0")).refused(2, &["--trials", "from 1 on"]);
    run(place.tiny("--trials 1001")).refused(2, &["--trials", "1000"]);
    run(place.tiny("--trials 2 --seed 9223372036854775807")).refused(2, &["--seed", "2^63 - 1"]);
    assert!(!place.path().join("output").exists());
    run(place.tiny("--epochs 1")).done();
    run(place.tiny("--epochs 1 --seed 0 --trials 2")).refused(
        2,
        &["output/tiny", "a run lies in this folder", "--experiment"],
    );
    assert!(!place.run_folder("tiny/seed-0").exists());
}
