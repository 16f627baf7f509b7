use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::disk::RealDisk;
use super::super::{Best, NamedTensor, Origin, State};
use super::*;
use crate::data::{Fingerprint, Preprocess};
use crate::report::{EpochRow, Evaluation};

pub(super) fn snapshot(step: u64) -> Snapshot {
    let tensor = |name: &str, x: f32| NamedTensor {
        name: name.into(),
        shape: vec![2, 3],
        data: vec![x + step as f32 * 0.1; 6],
    };
    Snapshot {
        model: vec![tensor("stem.weight", 1.0), tensor("fc.bias", 2.0)],
        optimizer: vec![tensor("stem.weight.momentum", 3.0)],
        average: Some(vec![tensor("stem.weight", 4.0)]),
        state: State {
            step,
            epoch: step / 10,
            batch: step % 10,
            best: Some(Best {
                epoch: 0,
                top1: 100.0 / 3.0,
                average: false,
            }),
            rows: vec![EpochRow {
                epoch: 0,
                train_loss: 2.0f64.ln() / 3.0,
                eval: Evaluation {
                    loss: 0.1 + 0.2,
                    top1: 100.0 / 3.0,
                    top5: 99.9,
                },
                average: None,
                lr: 1e-3 / 7.0,
            }],
            running: [
                ("loss".to_owned(), 5e-324),
                ("images".to_owned(), 1e300 / 7.0),
            ]
            .into(),
            extra: [(
                "loss_scale".to_owned(),
                serde_json::json!({"scale": 65536.0, "good": 17}),
            )]
            .into(),
        },
        origin: Origin {
            recipe: "00ff".into(),
            classes: vec!["cat".into(), "dog \"quoted\"".into(), "été".into()],
            code: "0.1.0".into(),
            adapter: Some("llvmpipe".into()),
            preprocess: Some(Preprocess {
                crop_pct: 0.1 + 0.2,
                std: [0.1, 1.0 / 3.0, 0.3],
                ..Preprocess::trained(17)
            }),
            data: vec![Fingerprint {
                pictures: 3,
                bytes: 1 << 40,
                hash: "ab".into(),
            }],
        },
    }
}

pub(super) fn names(directory: &Path) -> Vec<String> {
    let mut names = entries(directory);
    names.sort();
    names
}

pub(super) fn latest_step(directory: &Path) -> Option<u64> {
    CheckpointStore::open(directory)
        .unwrap()
        .latest()
        .unwrap()
        .map(|(snapshot, _)| snapshot.state.step)
}

/// A disk that ends the process at call `end`: the call is done by half and none comes after it.
#[derive(Debug)]
struct EndingDisk {
    end: usize,
    calls: AtomicUsize,
    kind: io::ErrorKind,
}

impl EndingDisk {
    fn at(end: usize) -> Self {
        Self {
            end,
            calls: AtomicUsize::new(0),
            kind: io::ErrorKind::StorageFull,
        }
    }

    fn call(&self, half: impl FnOnce(), whole: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if call < self.end {
            return whole();
        }
        if call == self.end {
            half();
        }
        Err(io::Error::from(self.kind))
    }
}

impl Disk for EndingDisk {
    fn create(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.create(directory))
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        self.call(
            || fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
            || RealDisk.write(file, bytes),
        )
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.rename(from, to))
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.sync(directory))
    }

    fn remove(&self, directory: &Path) -> io::Result<()> {
        let first = entries(directory).first().map(|name| directory.join(name));
        self.call(
            || first.iter().for_each(|file| fs::remove_file(file).unwrap()),
            || RealDisk.remove(directory),
        )
    }
}

#[test]
fn a_snapshot_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    assert!(store.latest().unwrap().is_none());
    let mut saved = snapshot(7);
    let place = store.save(&saved, Standing::Newest).unwrap();
    assert_eq!(place, folder.path().join("checkpoint-000007"));
    let (found, notes) = store.latest().unwrap().unwrap();
    saved.model.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found, saved);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(load(&place).unwrap(), saved);
    assert_eq!(follow(folder.path(), Pointer::Last).unwrap(), place);
    assert_eq!(
        follow(folder.path(), Pointer::Best)
            .unwrap_err()
            .exit_code(),
        4
    );
    let parts = [
        "MANIFEST.json",
        "ema.safetensors",
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    ];
    assert_eq!(names(&place), parts);
}

#[test]
fn equal_runs_write_equal_bytes_wherever_they_are() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = |folder: &Path| {
        CheckpointStore::open(folder)
            .unwrap()
            .save(&snapshot(3), Standing::Best)
            .unwrap()
    };
    let (a, b) = (place(one.path()), place(other.path()));
    for name in names(&a) {
        assert_eq!(
            fs::read(a.join(&name)).unwrap(),
            fs::read(b.join(&name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn the_newest_two_and_the_best_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    for step in 1..=5 {
        store
            .save(
                &snapshot(step),
                if step == 2 {
                    Standing::Best
                } else {
                    Standing::Newest
                },
            )
            .unwrap();
    }
    assert_eq!(
        names(folder.path()),
        [
            "best",
            "checkpoint-000002",
            "checkpoint-000004",
            "checkpoint-000005",
            "last"
        ]
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("best")).unwrap(),
        "checkpoint-000002\n"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("last")).unwrap(),
        "checkpoint-000005\n"
    );
}

#[test]
fn going_back_by_the_pointer_removes_nothing_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap().keep(4);
    for step in [10, 20, 30] {
        store.save(&snapshot(step), Standing::Newest).unwrap();
    }
    fs::write(folder.path().join("last"), "checkpoint-000010\n").unwrap();
    assert_eq!(latest_step(folder.path()), Some(10));
    CheckpointStore::open(folder.path())
        .unwrap()
        .save(&snapshot(15), Standing::Newest)
        .unwrap();
    assert_eq!(latest_step(folder.path()), Some(15));
    assert_eq!(store.steps(), [10, 15, 20, 30]);
}

#[test]
fn a_process_ended_at_any_moment_of_a_save_leaves_the_old_commit_or_the_new() {
    // A save over an old checkpoint of the same step is the longest way: every call is on it.
    for (second, changed) in [(2, false), (1, true)] {
        let mut reached_the_end = false;
        for end in 0..60 {
            let folder = tempfile::tempdir().unwrap();
            let mut store = CheckpointStore::open(folder.path()).unwrap();
            store.save(&snapshot(1), Standing::Best).unwrap();
            let mut next = snapshot(second);
            if changed {
                next.model[0].data[0] = 77.0;
            }
            let mut store =
                CheckpointStore::open_on(folder.path(), Box::new(EndingDisk::at(end))).unwrap();
            let saved = store.save(&next, Standing::Newest);
            let (found, _) = CheckpointStore::open(folder.path())
                .unwrap()
                .latest()
                .unwrap_or_else(|error| panic!("ended at call {end}: {error}"))
                .unwrap_or_else(|| panic!("ended at call {end}: no checkpoint is left"));
            let is_new = found.state.step == second
                && found.model.iter().any(|t| t.data[0] == 77.0) == changed;
            assert!(
                is_new || found.state.step == 1,
                "ended at call {end}: found step {}",
                found.state.step
            );
            let left: Vec<String> = names(folder.path());
            assert!(
                !left.iter().any(|name| name.contains(".tmp")
                    || name.contains(".old")
                    || name.contains(".corrupt")),
                "{left:?}"
            );
            match saved {
                Ok(_) => {
                    assert!(
                        is_new,
                        "ended at call {end}: saved, yet the old one is found"
                    );
                    reached_the_end = true;
                    break;
                }
                Err(error) => assert_eq!(error.exit_code(), 8, "{error}"),
            }
        }
        assert!(reached_the_end, "a save takes fewer than 60 calls");
    }
}

#[test]
fn a_process_ended_while_old_checkpoints_go_leaves_good_ones() {
    for end in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::open(folder.path()).unwrap();
        for step in 1..=3 {
            store.save(&snapshot(step), Standing::Newest).unwrap();
        }
        let mut store =
            CheckpointStore::open_on(folder.path(), Box::new(EndingDisk::at(end))).unwrap();
        store.prune(4);
        store.prune(100);
        assert_eq!(latest_step(folder.path()), Some(3), "ended at call {end}");
    }
}

#[test]
fn an_old_checkpoint_that_cannot_be_removed_is_told_and_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    for step in 1..=2 {
        store.save(&snapshot(step), Standing::Newest).unwrap();
    }
    assert!(store.take_notes().is_empty());
    // In the way of the name under which it would go.
    fs::write(folder.path().join("checkpoint-000001.tmp"), "in the way").unwrap();
    store.save(&snapshot(3), Standing::Newest).unwrap();
    let notes = store.take_notes();
    assert!(
        notes.len() == 1
            && notes[0].starts_with("warning: ")
            && notes[0].contains("checkpoint-000001: cannot remove this old checkpoint"),
        "{notes:?}"
    );
    assert!(store.take_notes().is_empty(), "told once");
    assert_eq!(store.steps(), [1, 2, 3]);
}

#[test]
fn a_full_disk_exits_with_8_and_says_what_it_needed() {
    let folder = tempfile::tempdir().unwrap();
    CheckpointStore::open(folder.path())
        .unwrap()
        .save(&snapshot(1), Standing::Newest)
        .unwrap();
    let mut store = CheckpointStore::open_on(folder.path(), Box::new(EndingDisk::at(2))).unwrap();
    let error = store.save(&snapshot(2), Standing::Newest).unwrap_err();
    assert_eq!(error.exit_code(), 8);
    let text = error.to_string();
    assert!(
        text.contains("bytes needed")
            && text.contains("checkpoint-000002")
            && text.contains("intact"),
        "{text}"
    );
    assert_eq!(latest_step(folder.path()), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_at_the_pointer_keeps_the_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("last.tmp")).unwrap();
    let error = store.save(&snapshot(2), Standing::Newest).unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error}");
    assert_eq!(
        fs::read_to_string(folder.path().join("last")).unwrap(),
        "checkpoint-000001\n"
    );
    assert_eq!(latest_step(folder.path()), Some(1));
}

#[test]
fn every_flipped_bit_and_every_cut_is_found_and_the_earlier_one_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    let place = store.save(&snapshot(2), Standing::Newest).unwrap();
    for name in names(&place) {
        let path = place.join(&name);
        let good = fs::read(&path).unwrap();
        for position in (0..good.len() * 8).step_by(good.len() * 8 / 300 + 1) {
            let mut bad = good.clone();
            bad[position / 8] ^= 1 << (position % 8);
            fs::write(&path, &bad).unwrap();
            assert!(
                matches!(manifest::load(&place), Err(Flaw::Damaged(_))),
                "{name}: bit {position} went unseen"
            );
        }
        for twentieth in 0..20 {
            fs::write(&path, &good[..good.len() * twentieth / 20]).unwrap();
            assert!(
                matches!(manifest::load(&place), Err(Flaw::Damaged(_))),
                "{name}: cut at {twentieth}/20 went unseen"
            );
        }
        fs::remove_file(&path).unwrap();
        assert!(
            matches!(manifest::load(&place), Err(Flaw::Damaged(_))),
            "{name}: its absence went unseen"
        );
        fs::write(&path, &good).unwrap();
    }
    load(&place).unwrap();

    fs::write(place.join("state.json"), "{}").unwrap();
    let (found, notes) = CheckpointStore::open(folder.path())
        .unwrap()
        .latest()
        .unwrap()
        .unwrap();
    assert_eq!(found.state.step, 1);
    assert!(
        notes.len() == 1 && notes[0].contains("state.json") && notes[0].contains(".corrupt"),
        "{notes:?}"
    );
    assert!(folder.path().join("checkpoint-000002.corrupt").is_dir());
}

#[test]
fn no_whole_checkpoint_at_all_exits_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    let place = store.save(&snapshot(1), Standing::Newest).unwrap();
    fs::write(place.join("MANIFEST.json"), "").unwrap();
    assert_eq!(load(&place).unwrap_err().exit_code(), 4);
    let error = CheckpointStore::open(folder.path())
        .unwrap()
        .latest()
        .unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    // The next time there is nothing left to try.
    assert_eq!(latest_step(folder.path()), None);
}

#[test]
fn a_checkpoint_of_a_later_format_is_no_damage_and_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    let place = store.save(&snapshot(2), Standing::Newest).unwrap();
    let path = place.join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    let (body, _) = text.split_once(",\n  \"seal\"").unwrap();
    let body = body.replace("\"format\": 1", "\"format\": 2");
    let seal = blake3::hash(body.as_bytes()).to_hex();
    fs::write(&path, format!("{body},\n  \"seal\": \"{seal}\"\n}}\n")).unwrap();
    let before = names(folder.path());
    let error = CheckpointStore::open(folder.path())
        .unwrap()
        .latest()
        .unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let text = error.to_string();
    for words in [
        "checkpoint-000002",
        "has checkpoint format 2, this version reads up to 1",
        "Use the version of triaxis that wrote it, or a later one",
    ] {
        assert!(text.contains(words), "{words:?}: {text}");
    }
    assert_eq!(names(folder.path()), before, "nothing was set aside");
}

#[test]
fn what_an_ended_process_left_is_swept_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    let orphan = folder.path().join("checkpoint-000009.tmp");
    fs::create_dir(&orphan).unwrap();
    fs::write(orphan.join("model.safetensors"), [0; 100]).unwrap();
    fs::write(folder.path().join("summary.csv.tmp"), "epoch").unwrap();
    fs::write(folder.path().join("notes.tmp"), "of the user").unwrap();
    let (_, notes) = CheckpointStore::open(folder.path())
        .unwrap()
        .latest()
        .unwrap()
        .unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("000009.tmp") && note.contains("100 bytes")),
        "{notes:?}"
    );
    assert_eq!(
        names(folder.path()),
        ["checkpoint-000001", "last", "notes.tmp"]
    );
}

#[test]
fn pointers_that_lead_elsewhere_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    for text in [
        "../../etc",
        "checkpoint-1",
        "checkpoint-000001/../..",
        "",
        "checkpoint-+00001",
        &"x".repeat(1 << 16),
    ] {
        fs::write(folder.path().join("last"), text).unwrap();
        assert_eq!(
            follow(folder.path(), Pointer::Last)
                .unwrap_err()
                .exit_code(),
            4,
            "{text:.40}"
        );
        assert_eq!(latest_step(folder.path()), Some(1), "{text:.40}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_never_committed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    type Spoil = fn(&mut Snapshot);
    let spoils: [(&str, Spoil); 4] = [
        ("fc.bias", |s| s.model[1].data[5] = f32::NAN),
        ("momentum", |s| s.optimizer[0].data[0] = f32::INFINITY),
        ("train_loss", |s| s.state.rows[0].train_loss = f64::NAN),
        ("images", |s| {
            s.state.running.insert("images".into(), f64::INFINITY);
        }),
    ];
    for (word, spoil) in spoils {
        let mut bad = snapshot(1);
        spoil(&mut bad);
        let error = store.save(&bad, Standing::Best).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(names(folder.path()).is_empty());
}
