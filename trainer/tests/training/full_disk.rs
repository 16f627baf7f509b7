//! Disks without room. Linux has a device that is always full, and lets many users make a small disk of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Place, Ran, assert_same_end, checkpoints, files, pointed, run};

/// Two epochs of everything in this run's folder.
fn two_epochs(name: &str) -> String {
    format!("--recipe everything.toml --epochs 2 --experiment {name}")
}

/// A file whose every write fails for want of room, in the place of one that is about to be written.
fn without_room(path: &Path) {
    std::os::unix::fs::symlink("/dev/full", path).unwrap();
}

#[test]
fn a_full_disk_at_a_checkpoint_ends_with_8_and_loses_nothing() {
    let place = Place::new();
    run(place.tiny(&two_epochs("whole"))).done();
    let parts = two_epochs("parts");
    run(place.tiny(&format!("{parts} --stop-after-epoch 1"))).done();
    let folder = place.run_folder("parts");
    let kept = files(&pointed(&folder, "last"));

    without_room(&folder.join("last.tmp"));
    run(place.tiny(&parts)).refused(
        8,
        &[
            "cannot write the checkpoint",
            "No space left",
            "Free some space",
        ],
    );
    assert!(files(&pointed(&folder, "last")) == kept);

    fs::remove_file(folder.join("last.tmp")).unwrap();
    run(place.tiny(&parts)).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_summary_that_is_not_taken_ends_with_8_behind_a_whole_run() {
    let place = Place::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut train = place.tiny("--epochs 1 --json");
    let output = train.stdout(full).output().unwrap();
    Ran::new(output).refused(8, &["standard output: cannot write"]);
    assert_eq!(checkpoints(&place.run_folder("tiny")), [4]);
}

#[test]
fn a_full_disk_at_the_report_is_told_and_training_goes_on() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    fs::create_dir_all(&folder).unwrap();
    without_room(&folder.join("summary.csv.tmp"));
    let ran = run(place.tiny("--epochs 2")).done();
    assert_eq!(ran.stderr.matches("cannot write").count(), 1, "{ran}");
    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 3, "the next epoch wrote it all");
}

/// A real disk that fills up, where the system lets us mount one: 16 KiB are left when the checkpoint is due.
#[test]
fn a_small_disk_that_fills_up_ends_with_8_and_goes_on_when_there_is_room() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=1m none output && touch mounted || exit
        "$@" --stop-after-epoch 1 --quiet || exit
        cat /dev/zero > output/filler 2> said
        truncate --size=-16384 output/filler
        "$@"
        code=$?
        ls output/parts > left
        rm output/filler
        "$@" --quiet || exit
        cp -r output/parts parts
        exit $code
    "#;
    let place = Place::new();
    run(place.tiny(&two_epochs("whole"))).done();
    let train = place.tiny(&two_epochs("parts"));
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", SCRIPT, "sh"])
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(place.path());
    fs::create_dir_all(place.path().join("output")).unwrap();
    let output = command.output();
    if !place.path().join("mounted").exists() {
        eprintln!("no disk can be made here, so none fills up: {output:?}");
        return;
    }
    Ran::new(output.unwrap()).refused(
        8,
        &[
            "cannot write the checkpoint",
            "No space left",
            "bytes needed",
        ],
    );
    let left = fs::read_to_string(place.path().join("left")).unwrap();
    let checkpoints: Vec<&str> = left
        .lines()
        .filter(|name| name.contains("checkpoint"))
        .collect();
    assert_eq!(
        checkpoints,
        ["checkpoint-000004"],
        "half-written ones are cleared away"
    );
    assert_same_end(&place.run_folder("whole"), &place.path().join("parts"));
}

#[test]
fn a_disk_that_may_only_be_read_ends_with_8_before_the_first_step() {
    const SCRIPT: &str = r#"
        mount -t tmpfs none output && touch mounted || exit
        mount -o remount,ro output
        exec "$@"
    "#;
    let place = Place::new();
    let train = place.tiny("--epochs 1");
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", SCRIPT, "sh"])
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(place.path());
    fs::create_dir_all(place.path().join("output")).unwrap();
    let output = command.output();
    if !place.path().join("mounted").exists() {
        eprintln!("no disk can be made here, so none is read-only: {output:?}");
        return;
    }
    let ran = Ran::new(output.unwrap()).refused(
        8,
        &[
            "output/tiny",
            "Read-only",
            "Give an --output that you may write to",
        ],
    );
    assert!(
        !ran.stderr.contains("to train on"),
        "nothing was begun: {ran}"
    );
}
