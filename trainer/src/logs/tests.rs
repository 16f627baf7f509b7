use std::fs;

use super::*;
use crate::report::Evaluation;

fn step(step: u64, loss: f64) -> Record {
    Record::Step {
        step,
        epoch: 0,
        loss: Some(loss),
        top1: None,
        lr: 0.5,
        images_per_second: Some(1000.0),
        loader_wait: Some(0.25),
    }
}

fn start(step: u64) -> Record {
    Record::Start {
        step,
        epoch: 0,
        model: "tiny".into(),
        adapter: "a \"quoted\" one".into(),
        recipe: "00ff".into(),
    }
}

fn epoch(step: u64) -> Record {
    let eval = Evaluation {
        loss: 2.0,
        top1: 30.0,
        top5: 70.0,
    };
    let row = EpochRow {
        epoch: 0,
        train_loss: 2.25,
        eval,
        ema: Some(eval),
        swa: Some(Evaluation { top1: 33.0, ..eval }),
        lr: 0.5,
        recipe: String::new(),
    };
    Record::Epoch { step, row }
}

/// The event files of a folder with what is in them, by name.
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

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

#[test]
fn lines_and_events_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(folder.path());
    for record in [start(0), step(10, 2.5), epoch(20)] {
        assert!(logs.write(&record).is_empty());
    }
    let lines = lines(folder.path());
    let kinds: Vec<&str> = lines.iter().map(|l| l["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "step", "epoch"]);
    assert_eq!(lines[0]["adapter"], "a \"quoted\" one");
    assert_eq!(
        (&lines[1]["step"], &lines[1]["loss"]),
        (&10.into(), &2.5.into())
    );
    let top1 = ["eval", "ema", "swa"].map(|of| lines[2][of]["top1"].as_f64().unwrap());
    assert_eq!(top1, [30.0, 30.0, 33.0]);
    assert!(lines.iter().all(|line| line["time"].as_f64() > Some(1e9)));

    let files = event_files(folder.path());
    let scalars = events::read(&files[0]).unwrap();
    let find = |tag: &str| {
        scalars
            .iter()
            .find(|s| s.tag == tag)
            .map(|s| (s.step, s.value))
    };
    assert_eq!(find("train/loss"), Some((10, 2.5)));
    assert_eq!(find("train/top1"), None);
    assert_eq!(find("train/lr"), Some((10, 0.5)));
    assert_eq!(find("eval/top1"), Some((20, 30.0)));
    assert_eq!(find("eval_ema/top5"), Some((20, 70.0)));
    assert_eq!(find("eval_swa/top1"), Some((20, 33.0)));
    assert_eq!(scalars.len(), 4 + 10);
}

#[test]
fn half_a_line_of_an_ended_process_makes_room_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let whole = "{\"kind\":\"start\"}\n".repeat(1000);
    for torn in ["", "{\"kind\":\"st", &"x".repeat(10_000)] {
        fs::write(&path, format!("{whole}{torn}")).unwrap();
        assert!(Logs::open(folder.path()).write(&step(1, 1.0)).is_empty());
        assert_eq!(lines(folder.path()).len(), 1001, "{torn:.20}");
    }
    fs::write(&path, "no line at all").unwrap();
    assert!(Logs::open(folder.path()).write(&step(1, 1.0)).is_empty());
    assert_eq!(lines(folder.path()).len(), 1);
}

#[test]
fn a_record_that_is_cut_is_left_out_and_one_that_is_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(folder.path());
    for number in 1..=3 {
        assert!(logs.write(&step(number, 1.0)).is_empty());
    }
    let path = event_files(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let all = events::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let found = events::read(&path).unwrap();
        assert!(
            found.len() < all.len() && all.starts_with(&found),
            "cut at {length}"
        );
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let error = events::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("does not match") || error.contains("do not match"),
            "{error}"
        );
    }
}

#[test]
fn the_sums_are_those_of_the_format() {
    // CRC-32C of "123456789" is e3069283 by its definition (RFC 3720's polynomial); the mask is TFRecord's.
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(folder.path());
    assert!(logs.write(&start(7)).is_empty());
    let bytes = fs::read(event_files(folder.path()).remove(0)).unwrap();
    // The length of the first record, 24, and its sum as TensorFlow writes them in front of every event file.
    assert_eq!(bytes[..8], 24u64.to_le_bytes());
    assert_eq!(bytes[8..12], [0xa3, 0x7f, 0x4b, 0x22]);
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("log.jsonl")).unwrap();
    let mut logs = Logs::open(folder.path());
    let warnings = logs.write(&start(0));
    assert!(
        warnings.len() == 1 && warnings[0].contains("log.jsonl: cannot write the log"),
        "{warnings:?}"
    );
    assert!(logs.write(&step(1, 1.0)).is_empty(), "told once");
    assert!(
        !events::read(&event_files(folder.path())[0])
            .unwrap()
            .is_empty()
    );
}

/// A disk that has no room left from the first record on.
struct Full;

impl Sink for Full {
    fn write(&mut self, _: &Record, _: f64) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn an_event_file_without_room_is_told_once_and_the_lines_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(folder.path());
    let (path, sink) = &mut logs.sinks[1];
    assert!(path.to_string_lossy().contains("tfevents"));
    *sink = Box::new(Full);
    let records = [start(0), step(1, 1.0), step(2, 0.5), epoch(2)];
    let warnings: Vec<String> = records.iter().flat_map(|r| logs.write(r)).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for words in [
        "warning: ",
        "tfevents",
        "cannot write the log",
        "no storage space",
        "goes on without it",
    ] {
        assert!(warnings[0].contains(words), "{words:?}: {warnings:?}");
    }
    assert_eq!(lines(folder.path()).len(), records.len());
}
