//! Outputs that are taken, closed or partly locked away, and what others find in them.

use std::fs;

use serde_json::Value;

use crate::support::{Place, Running, checkpoints, run};
#[cfg(unix)]
use crate::support::{Ran, assert_same_end, files, pointed, tiny};

#[test]
fn a_second_trainer_in_the_same_output_ends_with_7() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    let mut first = Running::start(place.tiny("--epochs 1000"));
    let pid = first.id();
    first
        .until(|| checkpoints(&folder).last().copied())
        .expect("it trains on");
    // As one that the first is writing: it is not the second's to remove.
    place.write(
        "output/tiny/checkpoint-999999.tmp/model.safetensors",
        "half",
    );
    #[cfg(unix)]
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let host = "";
    // Its data is not looked for, however long that may take.
    for data in ["synthetic:64", "nowhere"] {
        run(place.tiny(&format!("--epochs 1000 --data-dir {data}"))).refused(
            7,
            &[
                "another trainer writes here",
                &format!("process {pid} on {host}"),
            ],
        );
    }
    assert!(
        folder
            .join("checkpoint-999999.tmp/model.safetensors")
            .exists()
    );
    first.kill();
    // What a killed trainer leaves does not lock the next one out.
    run(place.tiny("--epochs 1000 --stop-after-epoch 1")).done();
}

#[test]
fn an_output_that_cannot_be_made_ends_with_8() {
    let place = Place::new();
    place.write("file", "in the way");
    run(place.tiny("--output file/below")).refused(8, &["file/below/tiny", "--output"]);
}

#[test]
fn an_output_that_is_taken_away_ends_with_8_at_the_next_checkpoint() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    let mut running = Running::start(place.tiny("--epochs 1000"));
    running
        .until(|| checkpoints(&folder).last().copied())
        .expect("it trains on");
    fs::rename(place.path().join("output"), place.path().join("elsewhere")).unwrap();
    running
        .finish()
        // A part of the checkpoint or a pointer, whatever is written first.
        .refused(8, &["output/tiny", ": cannot ", "another --output"]);
    assert!(!checkpoints(&place.path().join("elsewhere/tiny")).is_empty());
}

#[test]
fn what_an_ended_trainer_left_is_told_with_its_bytes_also_before_the_first_checkpoint() {
    let place = Place::new();
    for epochs in [1, 2] {
        place.write(
            "output/tiny/checkpoint-000009.tmp/model.safetensors",
            [0; 1234],
        );
        let ran = run(place.tiny(&format!("--epochs {epochs}"))).done();
        let told =
            "checkpoint-000009.tmp: left unfinished by an ended process, removed (1234 bytes)";
        assert_eq!(ran.stderr.matches(told).count(), 1, "{ran}");
        assert!(
            !place
                .run_folder("tiny")
                .join("checkpoint-000009.tmp")
                .exists()
        );
    }
}

#[test]
fn a_report_that_can_never_be_written_is_told_once_and_the_run_is_done() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    // Where the new text would stand until it is whole there is no place for a file.
    for name in ["summary.csv.tmp", "summary.json.tmp", "report.html.tmp"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let ran = run(place.tiny("--epochs 2 --json")).done();
    assert_eq!(ran.stderr.matches("warning: ").count(), 1, "{ran}");
    assert!(
        ran.stderr.contains("summary.csv: cannot write the report"),
        "{ran}"
    );
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["rows"].as_array().unwrap().len(), 2, "{summary}");
    assert_eq!(checkpoints(&folder), [4, 8]);
    let ran = run(place.tiny("--epochs 3")).done();
    assert!(
        ran.stdout.contains("checkpoints: ") && !ran.stdout.contains("report.html"),
        "{ran}"
    );

    // One of three costs that one only.
    fs::remove_dir(folder.join("report.html.tmp")).unwrap();
    let ran = run(place.tiny("--epochs 4")).done();
    assert_eq!(ran.stderr.matches("warning: ").count(), 1, "{ran}");
    assert!(folder.join("report.html").exists() && !folder.join("summary.csv").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_closed_in_the_middle_of_a_run_ends_with_8_and_keeps_what_is_there() {
    let place = Place::new();
    let options = |name: &str| {
        tiny(&format!(
            "--recipe everything.toml --epochs 2 --data-dir synthetic:1600 --checkpoint-every 7 --experiment {name}"
        ))
    };
    let train = |name: &str| place.bound(&format!("train {}", options(name)));
    let folder = place.run_folder("parts");
    let mut running = Running::start(train("parts"));
    // Not the checkpoint alone, which is there before anything points to it.
    running
        .until(|| folder.join("last").exists().then_some(()))
        .expect("it trains on");
    place.allow("output/parts", 0o555);
    // What was being written may have been whole by then.
    let ran: Ran = running.finish().refused(
        8,
        &[
            "output/parts/",
            "cannot ",
            "Permission denied",
            "Give an --output that you may write to",
        ],
    );
    assert!(!ran.stderr.contains("epoch 2/2"), "{ran}");
    let kept = pointed(&folder, "last");
    let before = files(&kept);
    // Nor does it begin while the folder is closed.
    run(train("parts")).refused(8, &["Permission denied"]);
    assert!(files(&kept) == before);

    place.allow("output/parts", 0o755);
    let resumed = run(train("parts")).done();
    assert!(resumed.stderr.contains("resumed at epoch"), "{resumed}");
    run(train("whole")).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[cfg(unix)]
#[test]
fn files_of_a_run_have_the_modes_that_the_umask_leaves() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let train = place.tiny("--epochs 1");
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "umask 027; exec \"$@\"", "sh"])
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(place.path());
    run(command).done();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let folder = place.run_folder("tiny");
    let checkpoint = pointed(&folder, "last");
    for directory in [&folder, &checkpoint] {
        assert_eq!(mode(directory), 0o750, "{}", directory.display());
        for name in files(directory).keys() {
            assert_eq!(mode(&directory.join(name)), 0o640, "{name}");
        }
    }
}
