//! `triaxis search` from the outside: what it prints and writes, and that a kill changes nothing.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use triaxis::ledger::{Ledger, LedgerOptions, State, Trial};

use crate::browser::{pictures_seen, seen};
use crate::support::{Place, Ran, Running, run};

/// Two stages of inverted bottlenecks.
const BASE: &str = r#"
name = "base"
resolution = 24
num_classes = 10

[network.efficientnet]
stem = { width = 8, kernel = 3, stride = 2 }
head = 16
stages = [
    { depth = 2, width = 16, kernel = 3, stride = 1, expansion = 2 },
    { depth = 3, width = 24, kernel = 3, stride = 2, expansion = 2 },
]
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("base.toml", BASE);
    place
}

/// `triaxis search tiny` of a few small networks, in this folder.
fn search(place: &Place, options: &str) -> Command {
    search_by("tiny --shares 0.1..1", place, options)
}

/// `triaxis search` by this method.
fn search_by(method: &str, place: &Place, options: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    let fixed = format!(
        "search {method} --recipe plain.toml --model base.toml --lr-base-size 0 --batch-size 16"
    );
    let data = match options.contains("--data-dir") {
        true => "",
        false => "--data-dir synthetic:200 --classes 5",
    };
    let epochs = match options.contains("--epochs") {
        true => "",
        false => "--epochs 1",
    };
    command
        .current_dir(place.path())
        .args(format!("{fixed} {data} {epochs} {options}").split_whitespace());
    command
}

fn trials(ledger: &Path) -> Vec<Trial> {
    let ledger = Ledger::open(ledger, &LedgerOptions::default()).unwrap();
    ledger.trials(None).unwrap()
}

/// What must not depend on interruptions: all but times, attempts and numbers of processes.
fn essence(ledger: &Path) -> Vec<Trial> {
    let mut all = trials(ledger);
    for trial in &mut all {
        trial.attempts = 0;
        if let Some(outcome) = &mut trial.outcome {
            outcome.seconds = 0.0;
        }
    }
    all
}

#[test]
fn a_search_learns_a_formula_and_makes_the_network_of_a_target() {
    let place = place();
    let printed = run(search(
        &place,
        "--trials 8 --json --target-flops 250k --out made",
    ))
    .done();
    let report: Value = serde_json::from_str(&printed.stdout).unwrap();
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 8);
    for trial in trials {
        assert_eq!(trial["state"], "done", "{trial}");
        assert_eq!(trial["outcome"]["curve"].as_array().unwrap().len(), 1);
        let error = trial["outcome"]["top1_error"].as_f64().unwrap();
        assert!((0.0..=100.0).contains(&error), "{trial}");
        assert!(
            trial["planned"]["network"]
                .as_str()
                .unwrap()
                .contains("num_classes = 5"),
            "{trial}"
        );
    }
    assert_eq!(report["front"].as_array().unwrap().len(), 3);
    assert_eq!(
        report["formula"]["depth"]["terms"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let network = &report["network"];
    let flops = network["flops"].as_f64().unwrap();
    assert!((flops / 250e3 - 1.0).abs() < 0.1, "{network}");
    let file = place
        .path()
        .join("made")
        .join(format!("{}.toml", network["name"].as_str().unwrap()));
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        network["spec"].as_str().unwrap()
    );
    pictures_seen(&place.path().join("made"), &["curves.svg", "trials.svg"]);
    for picture in ["curves.svg", "trials.svg"] {
        let svg = std::fs::read_to_string(place.path().join("made").join(picture)).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("NaN"), "{svg}");
    }

    // The same command again trains nothing and says the same; more trials begin with those that are there.
    let again = run(search(&place, "--trials 8 --json --target-flops 250k")).done();
    assert_eq!(again.stdout, printed.stdout);
    assert!(!again.stderr.contains("trial 1"), "{again}");
    let more = run(search(&place, "--trials 9")).done();
    assert!(
        more.stderr.contains("trial 9 of 9") && !more.stderr.contains("trial 8"),
        "{more}"
    );
    assert!(
        more.stdout.contains("9 trials done, 0 failed") && more.stdout.contains("resolution(c) = "),
        "{more}"
    );

    // The ledger tells them to people and programs.
    let ledger = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
        command
            .current_dir(place.path())
            .arg("ledger")
            .args(words.split(' '));
        run(command)
    };
    let list = ledger("list study.ledger").done();
    assert!(
        list.stdout.contains("9 trials") && list.stdout.matches(" done").count() == 9,
        "{list}"
    );
    let show = ledger("show study.ledger 2").done();
    assert!(
        show.stdout.contains("2 of study tiny")
            && show.stdout.contains("top-1 error")
            && show.stdout.contains("[network.efficientnet]"),
        "{show}"
    );
    let csv = ledger("export study.ledger csv").done();
    assert_eq!(csv.stdout.lines().count(), 10, "{csv}");
    ledger("export study.ledger html --out all.html").done();
    seen(
        &place.path().join("all.html"),
        &["<svg", "<circle", "<tr", "<text", "</footer>"],
    );
    ledger("list none.ledger").refused(4, &["none.ledger", "there is no such ledger"]);
    ledger("show study.ledger 77").refused(2, &["there is no trial 77"]);
    ledger("list study.ledger --study x").refused(2, &["has no study `x`", "tiny"]);
}

/// Small RegNets on pictures of 32 pixels.
const RANDOM: &str = "random --family y --flops 100k..2M --depth 4..8 --w0 8..16 --wa 8..24 --group 1..8 --img-size 32";

/// Four points, of which rounding may make fewer networks.
const COMPOUND: &str = "compound --step 0.2 --tolerance 0.1";

#[test]
fn searches_that_were_killed_go_on_to_the_same_ledger() {
    for (method, options) in [
        ("tiny --shares 0.1..1", "--trials 6 --evolve --population 3"),
        (RANDOM, "--trials 4"),
        (COMPOUND, ""),
    ] {
        let place = place();
        let start =
            |ledger: &str| search_by(method, &place, &format!("{options} --ledger {ledger}"));
        let whole = run(start("whole")).done();
        let path = place.path().join("killed");
        for kill in 0..3 {
            let mut running = Running::start(start("killed"));
            let done = |all: Vec<Trial>| {
                all.iter()
                    .filter(|trial| trial.state == State::Done)
                    .count()
            };
            // Somewhere in the first trials; where fewer are left, at any moment.
            running.until(|| (path.exists() && done(trials(&path)) > kill).then_some(()));
            running.kill();
        }
        let last: Ran = run(start("killed")).done();
        assert_eq!(last.stdout, whole.stdout, "{method}");
        assert_eq!(
            essence(&path),
            essence(&place.path().join("whole")),
            "{method}"
        );
    }
}

#[test]
fn a_random_search_ranks_networks_of_a_band_and_scales_the_best() {
    let place = place();
    let options = "--trials 4 --json --then-scale dWr --target-flops 4M --out made";
    let printed = run(search_by(RANDOM, &place, options)).done();
    let report: Value = serde_json::from_str(&printed.stdout).unwrap();
    let ranked: Vec<i64> = serde_json::from_value(report["ranked"].clone()).unwrap();
    assert_eq!(ranked.len(), 4);
    let error = |id: i64| {
        let trials = report["trials"].as_array().unwrap();
        let trial = trials.iter().find(|trial| trial["id"] == id).unwrap();
        let flops = trial["planned"]["flops"].as_u64().unwrap();
        assert!((100_000..=2_000_000).contains(&flops), "{trial}");
        trial["outcome"]["top1_error"].as_f64().unwrap()
    };
    assert!(
        ranked
            .windows(2)
            .all(|pair| error(pair[0]) <= error(pair[1])),
        "{report}"
    );
    assert_eq!(report["best"]["error"].as_f64().unwrap(), error(ranked[0]));
    let reached = report["scaled"]["flops"].as_f64().unwrap();
    assert!((reached / 4e6 - 1.0).abs() < 0.2, "{report}");
    for made in ["best", "scaled"] {
        let name = format!("{}.toml", report[made]["name"].as_str().unwrap());
        let file = std::fs::read_to_string(place.path().join("made").join(name)).unwrap();
        assert_eq!(file, report[made]["spec"].as_str().unwrap());
    }
    pictures_seen(&place.path().join("made"), &["errors.svg", "trials.svg"]);
    let table = run(search_by(RANDOM, &place, "--trials 4")).done();
    assert!(table.stdout.contains("4 trials done, 0 failed"), "{table}");

    run(search_by("random", &place, "--study none")).refused(2, &["there is no band", "--flops"]);
    assert_eq!(trials(&place.path().join("study.ledger")).len(), 4);
}

#[test]
fn a_compound_search_chooses_a_point_and_makes_its_family() {
    let place = place();
    let printed = run(search_by(COMPOUND, &place, "--phi 3 --json --out made")).done();
    let report: Value = serde_json::from_str(&printed.stdout).unwrap();
    let grid = report["grid"].as_array().unwrap();
    assert!(grid.len() >= report["trials"].as_array().unwrap().len());
    for point in grid {
        let product = point["product"].as_f64().unwrap();
        assert!((1.9..=2.1).contains(&product), "{point}");
        assert!(
            point["error"].as_f64() >= report["chosen"]["error"].as_f64(),
            "{point}"
        );
    }
    let networks = report["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 3);
    let flops: Vec<u64> = networks
        .iter()
        .map(|one| one["flops"].as_u64().unwrap())
        .collect();
    assert!(flops[0] < flops[1] && flops[1] < flops[2], "{flops:?}");
    for one in networks {
        let name = format!("{}.toml", one["name"].as_str().unwrap());
        assert!(place.path().join("made").join(name).exists(), "{one}");
    }
    let table = run(search_by(COMPOUND, &place, "--phi 3")).done();
    assert!(table.stdout.contains("chosen: depth "), "{table}");
    run(search_by(
        "compound --step 0.3 --tolerance 0",
        &place,
        "--study empty",
    ))
    .refused(2, &["the nearest is", "--tolerance"]);
}

#[test]
fn what_a_study_cannot_go_on_with_is_refused_and_changes_nothing() {
    let place = place();
    run(search(&place, "--trials 3")).done();
    let ledger = place.path().join("study.ledger");
    let before = trials(&ledger);
    let refused = |options: &str, code: i32, words: &[&str]| {
        run(search(&place, options)).refused(code, words);
        assert_eq!(trials(&ledger), before, "{options}");
    };
    refused(
        "--trials 3 --data-dir synthetic:210 --classes 5",
        3,
        &[
            "the data has changed since study `tiny` began",
            "another study with --study",
        ],
    );
    refused(
        "--trials 3 --momentum 0.5",
        2,
        &["another recipe", "momentum"],
    );
    refused(
        "--trials 3 --multipliers 0.5..1",
        2,
        &["another options", "multipliers"],
    );
    refused("--trials 2", 2, &["A curve needs 3 trials"]);
    refused(
        "--trials 3 --front 1.5",
        2,
        &["--front", "above 0 and up to 1"],
    );
    refused(
        "--trials 3 --study other --multipliers 0.9999..1",
        2,
        &["2000 draws in a row", "wider band"],
    );
    let emitted = run(search(
        &place,
        "--trials 3 --study later --emit-sbatch job.sh --tasks 3",
    ))
    .done();
    assert!(emitted.stdout.contains("sbatch job.sh"), "{emitted}");
    let job = std::fs::read_to_string(place.path().join("job.sh")).unwrap();
    assert!(
        job.contains("--array=0-2\n") && job.contains("--study later\n"),
        "{job}"
    );
    refused(
        "--trials 3 --auto-batch",
        2,
        &["--auto-batch", "every network of a study"],
    );
    run(search(&place, "--trials 3 --study other --epochs 2")).done();
    assert_eq!(trials(&ledger).len(), 6);
}
