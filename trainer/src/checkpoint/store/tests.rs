use super::super::{Best, NamedTensor, Origin, State, Swa};
use super::*;
use crate::data::{Fingerprint, Preprocess};
use crate::report::{EpochRow, Evaluation};
use crate::trainer::WeightKind;

pub(super) fn snapshot(step: u64) -> Snapshot {
    let tensor = |name: &str, x: f32| NamedTensor {
        name: name.into(),
        shape: vec![2, 3],
        data: vec![x + step as f32 * 0.1; 6],
    };
    Snapshot {
        model: vec![tensor("stem.weight", 1.0), tensor("fc.bias", 2.0)],
        optimizer: vec![tensor("stem.weight.momentum", 3.0)],
        ema: Some(vec![tensor("stem.weight", 4.0)]),
        swa: Some(Swa {
            mean: vec![tensor("stem.weight", 5.0)],
            sum: vec![NamedTensor {
                name: "stem.weight".into(),
                shape: vec![2],
                data: vec![0.1 + 0.2, 1.0 + f64::EPSILON],
            }],
        }),
        state: State {
            step,
            epoch: step / 10,
            batch: step % 10,
            swa_epochs: 3,
            best: Some(Best {
                epoch: 0,
                top1: 100.0 / 3.0,
                weights: WeightKind::Swa,
            }),
            rows: vec![EpochRow {
                epoch: 0,
                train_loss: 2.0f64.ln() / 3.0,
                eval: Evaluation {
                    loss: 0.1 + 0.2,
                    top1: 100.0 / 3.0,
                    top5: 99.9,
                },
                ema: None,
                swa: Some(Evaluation {
                    loss: 0.3,
                    top1: 100.0 / 3.0,
                    top5: 99.0,
                }),
                lr: 1e-3 / 7.0,
                recipe: "8d2f".into(),
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
            network: Some("name = \"tiny\"\n".into()),
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
        "swa-sum.safetensors",
        "swa.safetensors",
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
