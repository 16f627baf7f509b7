//! Clocks that jump, disks that stumble, and checkpoints of the first version.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::faulty::{Fault, FaultyDisk};
use super::tests::{latest_step, names, snapshot};
use super::*;
use crate::trainer::WeightKind;

/// A disk whose calls from `first` on fail as often as `times`.
fn stumbling(directory: &Path, first: usize, times: usize) -> CheckpointStore {
    let disk = FaultyDisk::new(Fault::Stumbles { first, times });
    CheckpointStore::open_on(directory, Box::new(disk)).unwrap()
}

#[test]
fn a_disk_that_stumbles_once_within_a_commit_gets_a_second_chance() {
    // Directory, seven files, the directory's names, announcement, its names, the commit, its names.
    for call in 0..13 {
        let folder = tempfile::tempdir().unwrap();
        let mut store = stumbling(folder.path(), call, 1);
        let place = store.save(&snapshot(1), Standing::Newest);
        let place = place.unwrap_or_else(|error| panic!("call {call}: {error}"));
        load(&place).unwrap();
        assert_eq!(
            names(folder.path()),
            ["checkpoint-000001", "last"],
            "call {call}"
        );
    }
}

#[test]
fn a_disk_that_goes_on_stumbling_ends_with_8_and_keeps_what_it_has() {
    for call in 0..11 {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::open(folder.path()).unwrap();
        store.save(&snapshot(1), Standing::Best).unwrap();
        let error = stumbling(folder.path(), call, 1000)
            .save(&snapshot(2), Standing::Best)
            .unwrap_err();
        assert_eq!(error.exit_code(), 8, "call {call}: {error}");
        assert!(
            error.to_string().contains("os error 5"),
            "call {call}: {error}"
        );
        assert_eq!(latest_step(folder.path()), Some(1), "call {call}");
        assert_eq!(
            names(folder.path()),
            ["best", "checkpoint-000001", "last"],
            "call {call}"
        );
    }
}

#[test]
fn a_commit_whose_pointers_were_not_moved_is_named_by_them_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Best).unwrap();
    store.save(&snapshot(2), Standing::Best).unwrap();
    for pointer in ["last", "best"] {
        let path = folder.path().join(pointer);
        fs::rename(&path, folder.path().join(format!("{pointer}.tmp"))).unwrap();
        fs::write(path, "checkpoint-000001\n").unwrap();
    }
    assert_eq!(latest_step(folder.path()), Some(2));
    for pointer in [Pointer::Last, Pointer::Best] {
        let named = follow(folder.path(), pointer).unwrap();
        assert!(named.ends_with("checkpoint-000002"), "{named:?}");
    }
    // Cut short, or of a checkpoint that was never committed, they are nothing.
    for text in [
        "checkpoint-000001",
        "checkpoint-000003\n",
        "",
        "../../etc\n",
    ] {
        fs::write(folder.path().join("last.tmp"), text).unwrap();
        assert_eq!(latest_step(folder.path()), Some(2), "{text:?}");
        assert!(!folder.path().join("last.tmp").exists());
    }
}

#[cfg(unix)]
#[test]
fn clocks_that_jump_do_not_change_which_checkpoint_is_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    let year = Duration::from_secs(365 * 24 * 3600);
    for step in 1..=4u32 {
        let place = store
            .save(&snapshot(u64::from(step)), Standing::Newest)
            .unwrap();
        // The newest bears the oldest time.
        let when = SystemTime::now() - year * step;
        File::open(place).unwrap().set_modified(when).unwrap();
    }
    assert_eq!(store.steps(), [3, 4]);
    assert_eq!(latest_step(folder.path()), Some(4));
    fs::remove_file(folder.path().join("last")).unwrap();
    assert_eq!(latest_step(folder.path()), Some(4));
}

/// A checkpoint as the first version wrote it: later ones read it.
#[test]
fn checkpoints_of_format_1_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("checkpoint-000004");
    fs::create_dir(&place).unwrap();
    let tensors = |name: &str| {
        let header =
            format!("{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}}}");
        let header = format!("{header:<width$}", width = header.len().next_multiple_of(8));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([1.5f32, -2.0].map(f32::to_le_bytes).concat());
        bytes
    };
    let state = r#"{
  "step": 4,
  "epoch": 1,
  "batch": 0,
  "best": {
    "epoch": 0,
    "top1": 21.0,
    "average": true
  },
  "rows": [
    {
      "epoch": 0,
      "train_loss": 2.5,
      "eval": {
        "loss": 2.25,
        "top1": 20.0,
        "top5": 70.0
      },
      "average": {
        "loss": 2.0,
        "top1": 21.0,
        "top5": 71.0
      },
      "lr": 0.005
    }
  ],
  "running": {},
  "extra": {}
}"#;
    let parts = [
        ("model.safetensors", tensors("fc.bias")),
        ("optimizer.safetensors", tensors("momentum.fc.bias")),
        ("state.json", state.as_bytes().to_vec()),
    ];
    let entries: Vec<String> = parts
        .iter()
        .map(|(name, bytes)| {
            fs::write(place.join(name), bytes).unwrap();
            let hash = blake3::hash(bytes).to_hex();
            let length = bytes.len();
            format!("    \"{name}\": {{\n      \"bytes\": {length},\n      \"blake3\": \"{hash}\"\n    }}")
        })
        .collect();
    let body = format!(
        "{{\n  \"format\": 1,\n  \"step\": 4,\n  \"epoch\": 1,\n  \"batch\": 0,\n  \"origin\": {{\n    \"recipe\": \"00ff\",\n    \
         \"classes\": [\n      \"cat\",\n      \"dog\"\n    ],\n    \"code\": \"0.1.0\",\n    \"adapter\": \"llvmpipe\"\n  }},\n  \
         \"parts\": {{\n{}\n  }}",
        entries.join(",\n")
    );
    let seal = blake3::hash(body.as_bytes()).to_hex();
    fs::write(
        place.join("MANIFEST.json"),
        format!("{body},\n  \"seal\": \"{seal}\"\n}}\n"),
    )
    .unwrap();

    let found = load(&place).unwrap();
    assert_eq!(
        (found.state.step, found.state.epoch, found.state.batch),
        (4, 1, 0)
    );
    assert_eq!(found.state.rows[0].eval.top5, 70.0);
    assert_eq!(found.origin.classes, ["cat", "dog"]);
    assert_eq!(found.model[0].name, "fc.bias");
    assert_eq!(found.model[0].data, [1.5, -2.0]);
    // The one average that there was.
    assert_eq!(found.state.rows[0].ema.unwrap().top5, 71.0);
    assert_eq!(found.state.best.unwrap().weights, WeightKind::Ema);
    assert_eq!(found.ema, None);
    assert_eq!((found.swa, found.state.swa_epochs), (None, 0));
}
