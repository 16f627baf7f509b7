//! What a run writes down as it goes.

use std::fs;
use std::path::{Path, PathBuf};

use triaxis::logs::events;

use crate::support::{Place, run};

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn event_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.to_string_lossy().contains("tfevents"))
        .collect();
    files.sort();
    files
}

#[test]
fn lines_events_and_summary_tell_the_same_numbers_also_after_a_resume() {
    let place = Place::new();
    let train = "--recipe everything.toml --epochs 2 --log-interval 2";
    run(place.tiny(&format!("{train} --stop-after-epoch 1"))).done();
    run(place.tiny(train)).done();
    let folder = place.run_folder("tiny");
    let lines = lines(&folder);
    let of = |kind: &str| {
        lines
            .iter()
            .filter(|line| line["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let steps = |kind: &str| -> Vec<u64> {
        of(kind)
            .iter()
            .map(|line| line["step"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(steps("start"), [0, 4]);
    assert_eq!(steps("step"), [2, 4, 6, 8]);
    assert_eq!(steps("epoch"), [4, 8]);
    assert_eq!(steps("end"), [4, 8]);
    assert_eq!(steps("save"), [4, 8]);
    assert!(of("save").iter().all(|l| l["seconds"].as_f64() > Some(0.0)));
    for line in of("step") {
        let number = |key: &str| line[key].as_f64().unwrap();
        assert!(
            number("lr") > 0.0 && number("images_per_second") > 0.0,
            "{line}"
        );
        assert!((0.0..=1.0).contains(&number("loader_wait")), "{line}");
    }
    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    for (epoch, row) in of("epoch").iter().zip(summary.lines().skip(1)) {
        let numbers = row.split(',').take(6).map(|n| n.parse().unwrap());
        let numbers: Vec<f64> = numbers.collect();
        assert_eq!(epoch["train_loss"].as_f64(), Some(numbers[1]));
        assert_eq!(epoch["eval"]["top1"].as_f64(), Some(numbers[3]));
    }

    let files = event_files(&folder);
    assert_eq!(files.len(), 2, "one for each process: {files:?}");
    let scalars: Vec<_> = files
        .iter()
        .flat_map(|file| events::read(file).unwrap())
        .collect();
    let curve = |tag: &str| -> Vec<(i64, f32)> {
        let found = scalars.iter().filter(|scalar| scalar.tag == tag);
        let mut points: Vec<(i64, f32)> = found.map(|s| (s.step, s.value)).collect();
        points.sort_by_key(|point| point.0);
        points
    };
    let rates: Vec<(i64, f32)> = of("step")
        .iter()
        .map(|line| {
            (
                line["step"].as_i64().unwrap(),
                line["lr"].as_f64().unwrap() as f32,
            )
        })
        .collect();
    assert_eq!(curve("train/lr"), rates);
    let top1 = |epoch: &&serde_json::Value| epoch["eval"]["top1"].as_f64().unwrap() as f32;
    let expected: Vec<(i64, f32)> = [4, 8]
        .into_iter()
        .zip(of("epoch").iter().map(top1))
        .collect();
    assert_eq!(curve("eval/top1"), expected);
}

#[test]
fn the_report_shows_predictions_also_where_nothing_was_left_to_do() {
    let place = Place::new();
    let report = place.run_folder("tiny").join("report.html");
    for _ in 0..2 {
        run(place.tiny("--epochs 1")).done();
        let page = fs::read_to_string(&report).unwrap();
        for part in [
            "Predictions",
            "class=\"matrix\"",
            "top-1 %",
            "data:image/png;base64,",
        ] {
            assert!(page.contains(part), "{part:?} is missing");
        }
        fs::remove_file(&report).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn logs_that_cannot_be_written_are_told_once_and_training_goes_on() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.join("log.jsonl")).unwrap();
    let ran = run(place.tiny("--epochs 2 --log-interval 1")).done();
    assert_eq!(
        ran.stderr.matches("cannot write the log").count(),
        1,
        "{ran}"
    );
    assert_eq!(event_files(&folder).len(), 1);
}
