//! A process that ends at any call of a save, old checkpoints that do not go, and disks that are full.

use super::faulty::{Fault, FaultyDisk};
use super::tests::{latest_step, names, snapshot};
use super::*;

/// A disk that ends the process at call `end`.
fn ending(directory: &Path, end: usize) -> CheckpointStore {
    let disk = FaultyDisk::new(Fault::Ends { at: end });
    CheckpointStore::open_on(directory, Box::new(disk)).unwrap()
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
            let mut store = ending(folder.path(), end);
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
        let mut store = ending(folder.path(), end);
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
    let mut store = ending(folder.path(), 2);
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
