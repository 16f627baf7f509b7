//! Damaged, foreign and half-removed checkpoints, and numbers that are not finite.

use super::tests::{latest_step, names, snapshot};
use super::*;

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
fn a_state_that_no_run_has_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store.save(&snapshot(1), Standing::Newest).unwrap();
    let mut forged = snapshot(2);
    forged.state.best.as_mut().unwrap().epoch = 1;
    let place = store.save(&forged, Standing::Newest).unwrap();
    let text = load(&place).unwrap_err().to_string();
    assert!(
        text.contains("the best epoch is 1, the last that was evaluated is 0"),
        "{text}"
    );
    forged.state.best = None;
    forged.state.epoch = 1 << 32;
    let place = store.save(&forged, Standing::Newest).unwrap();
    let text = load(&place).unwrap_err().to_string();
    assert!(text.contains("epoch 4294967296"), "{text}");
    assert_eq!(latest_step(folder.path()), Some(1));
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
    let body = body.replace("\"format\": 3", "\"format\": 4");
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
        "has checkpoint format 4, this version reads up to 3",
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
