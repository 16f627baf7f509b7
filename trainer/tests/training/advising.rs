//! `triaxis advise` from the outside: it measures once, ranks what fits, and its commands train.

use std::fs;
use std::process::Command;

use serde_json::Value;
use triaxis_models::Spec;

use crate::support::{Place, Ran, run};

/// An epoch of a few pictures.
const SHORT: &str = "epochs = 1\nlr = 0.05\nwarmup_epochs = 0.0\nmixup = 0.0\nbatch_size = 4\n";

fn triaxis(place: &Place, words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command.current_dir(place.path()).args(words);
    run(command)
}

/// `triaxis advise` by a quick measurement in the file `here.toml`.
fn advise(place: &Place, options: &str) -> Ran {
    let fixed = "advise --quick --measured here.toml --img-size 32 --num-classes 10 --batch-size 4";
    let words: Vec<&str> = fixed.split(' ').chain(options.split_whitespace()).collect();
    triaxis(place, &words)
}

#[test]
fn advice_is_measured_once_and_its_commands_train() {
    let place = Place::new();
    place.write("short.toml", SHORT);
    let options = "--max-step-time 100s --max-params 3M --family tinynet,regnety --recipe short.toml --data-dir synthetic:20 \
                   --top 3 --out best.toml --json";
    let first = advise(&place, options).done();
    let document: Value = serde_json::from_str(&first.stdout).unwrap();
    assert!(
        first.stderr.contains("measurements are kept in here.toml"),
        "{first}"
    );
    let choices = document["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 3, "{document}");
    for choice in choices {
        assert!(choice["params"].as_u64().unwrap() <= 3_000_000, "{choice}");
        assert!(choice["step_seconds"].as_f64().unwrap() > 0.0, "{choice}");
        assert!(choice["memory_bytes"].as_u64().unwrap() > 0, "{choice}");
        assert!(
            choice["expected"]["error"].as_f64().unwrap() > 10.0,
            "{choice}"
        );
        assert!(
            choice["reason"].as_str().unwrap().ends_with('.'),
            "{choice}"
        );
        assert_eq!(choice["resolution"], 32, "{choice}");
    }
    let misses = &document["train"]["misses"];
    assert!(
        misses["median"].as_f64().unwrap() >= 0.0 && misses["networks"] == 3,
        "{document}"
    );
    let best = Spec::load(place.path().join("best.toml")).unwrap();
    assert_eq!(choices[0]["model"], best.name.as_str());
    assert_eq!((best.num_classes, best.resolution), (10, 32));

    // As they are printed; the last of a choice trains.
    for choice in [&choices[0], &choices[1]] {
        for command in choice["commands"].as_array().unwrap() {
            let words = shlex::split(command.as_str().unwrap()).unwrap();
            assert_eq!(words[0], "triaxis");
            let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            triaxis(&place, &words).done();
        }
        let name = choice["model"].as_str().unwrap();
        assert!(
            place.run_folder(name).join("summary.csv").is_file(),
            "{name}"
        );
    }

    // Nothing is measured again, the answer is the same, and a file that is there is not lost.
    let kept = fs::read_to_string(place.path().join("here.toml")).unwrap();
    let network = fs::read_to_string(place.path().join("best.toml")).unwrap();
    advise(&place, options).refused(2, &["--out", "best.toml exists", "--force"]);
    let again = advise(&place, &format!("{options} --force")).done();
    assert!(!again.stderr.contains("measuring"), "{again}");
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(
        fs::read_to_string(place.path().join("here.toml")).unwrap(),
        kept
    );
    assert_eq!(
        fs::read_to_string(place.path().join("best.toml")).unwrap(),
        network
    );

    // What cannot be advised is refused, by the measurements that are there.
    let refused = |options: &str, words: &[&str]| {
        let ran = advise(&place, options).refused(2, words);
        assert!(
            ran.stdout.is_empty() && !ran.stderr.contains("measuring"),
            "{ran}"
        );
    };
    refused(
        "--max-step-time 1us --family tinynet",
        &[
            "no network keeps the limits",
            "tinynet_e",
            "times the limit",
            "--max-step-time",
        ],
    );
    refused(
        "--max-flops 1 --family tinynet",
        &["of multiply-adds", "--max-flops"],
    );
    let text = advise(&place, "--max-flops 30M --family tinynet").done();
    assert!(
        text.stdout.contains("1. ") && text.stdout.contains("$ triaxis train"),
        "{text}"
    );
    assert!(
        text.stdout.contains("Errors are top-1 on ImageNet"),
        "{text}"
    );

    for (from, to, words) in [
        (
            "adapter = \"",
            "adapter = \"other ",
            "say nothing of another's",
        ),
        ("version = \"", "version = \"9.", "--remeasure"),
        ("format = 2", "format = 3", "nothing was changed"),
        ("seconds = ", "seconds = -", "--remeasure"),
        ("[place]", "[place", "a file that `triaxis advise` wrote"),
    ] {
        let wrong = kept.replacen(from, to, 1);
        assert_ne!(wrong, kept, "{from}");
        place.write("here.toml", &wrong);
        refused("--max-flops 30M", &[words]);
        assert_eq!(
            fs::read_to_string(place.path().join("here.toml")).unwrap(),
            wrong
        );
    }
    // Not even when it is asked to measure again.
    place.write(
        "here.toml",
        kept.replacen("adapter = \"", "adapter = \"other ", 1),
    );
    refused("--max-flops 30M --remeasure", &["Give another file"]);
}

#[test]
fn limits_that_make_no_sense_are_refused_before_anything_is_measured() {
    let place = Place::new();
    place.write("there.toml", "something else");
    for (options, words) in [
        ("", "nothing is limited"),
        ("--max-step-time 200", "expected a time"),
        ("--max-step-time 0s", "expected a time"),
        ("--max-latency -5ms", "expected a time"),
        ("--max-flops 0", "expected a number"),
        ("--max-memory -8GB", "expected a number"),
        ("--max-epoch-time 1h", "Give --images or --data-dir"),
        ("--max-epoch-time 1h --images 3", "do not fill a batch of 4"),
        (
            "--max-flops 1G --family regnetw",
            "there is no family `regnetw`",
        ),
        (
            "--max-flops 1G --strategy dWR",
            "no strategy is called `dWR`",
        ),
        ("--max-flops 1G --out there.toml", "there.toml exists"),
        (
            "--max-flops 1G --out none/there.toml",
            "there is no folder none",
        ),
        ("--max-flops 1G --out there.txt", "does not end in .toml"),
        ("--max-flops 1G --study a", "--ledger"),
    ] {
        let ran = advise(&place, options);
        assert_eq!(ran.code, Some(2), "{options}: {ran}");
        assert!(ran.stderr.contains(words), "{options}: {ran}");
        assert!(
            ran.stdout.is_empty() && !ran.stderr.contains("measuring"),
            "{ran}"
        );
    }
    advise(&place, "--max-flops 1G --ledger none.db").refused(4, &["there is no such ledger"]);
    advise(&place, "--max-flops 1G --data-dir none").refused(3, &["none"]);
    assert!(!place.path().join("here.toml").exists());
    assert_eq!(
        fs::read_to_string(place.path().join("there.toml")).unwrap(),
        "something else"
    );
}

#[test]
fn a_check_compares_predictions_with_networks_that_were_not_measured_for_them() {
    let place = Place::new();
    let checked = advise(&place, "--check --json --csv check.csv").done();
    let document: Value = serde_json::from_str(&checked.stdout).unwrap();
    let phases = document["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 2, "{document}");
    for phase in phases {
        let rows = phase["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2, "{document}");
        for row in rows {
            let number = |key: &str| row[key].as_f64().unwrap();
            let off = 100.0 * (number("predicted_ms") / number("measured_ms") - 1.0);
            assert!((off - number("off_percent")).abs() < 0.1, "{row}");
            assert!(number("predicted_ms") > 0.0, "{row}");
        }
        assert_eq!(phase["held_out"]["points"], 2, "{document}");
    }
    let csv = fs::read_to_string(place.path().join("check.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5, "{csv}");
    // What was measured for the models is kept, and only that: the next advice has both phases at once.
    let advised = advise(
        &place,
        "--max-latency 100s --max-flops 10M --family tinynet",
    )
    .done();
    assert!(!advised.stderr.contains("measuring"), "{advised}");
    let kept = fs::read_to_string(place.path().join("here.toml")).unwrap();
    for row in phases
        .iter()
        .flat_map(|phase| phase["rows"].as_array().unwrap())
    {
        let name = format!("\"{}\"", row["network"].as_str().unwrap());
        assert!(!kept.contains(&name), "{name} was held out");
    }

    // With trials of one's own, errors are theirs.
    place.write("short.toml", SHORT);
    let search = "search tiny --model efficientnet_b0 --img-size 32 --recipe short.toml --data-dir synthetic:40 --classes 4 \
                  --trials 4 --shares 0.1..1 --ledger own.db";
    let words: Vec<&str> = search.split_whitespace().collect();
    triaxis(&place, &words).done();
    let options = "--max-flops 4M --family efficientnet --ledger own.db --json";
    let learned = advise(&place, options).done();
    let document: Value = serde_json::from_str(&learned.stdout).unwrap();
    let errors = document["errors"].as_str().unwrap();
    assert!(errors.contains("4 trials of"), "{errors}");
    let error = document["choices"][0]["expected"]["error"]
        .as_f64()
        .unwrap();
    assert!((0.0..=100.0).contains(&error), "{document}");
    advise(&place, "--max-flops 4M --ledger own.db --study other")
        .refused(2, &["there is no study `other`"]);
}
