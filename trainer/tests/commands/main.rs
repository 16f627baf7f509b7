//! The binary as a user starts it: what it prints and how it ends.

mod doctor;
mod info;
mod models;
mod support;
mod tables;
mod trained;

use std::fs;
use std::path::Path;

#[cfg(unix)]
use support::triaxis;
use support::{error, json, run};

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = triaxis(&["models"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

fn pictures(folder: &Path, class: &str, count: u8) {
    fs::create_dir_all(folder.join(class)).expect("a temporary folder takes files");
    for i in 0..count {
        let picture =
            image::RgbImage::from_pixel(4 + u32::from(i), 5, image::Rgb([i, class.len() as u8, 9]));
        picture
            .save(folder.join(class).join(format!("{i}.png")))
            .expect("a temporary folder takes files");
    }
}

#[test]
fn data_check_reports_good_folders_and_refuses_damaged_ones() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), "cat", 8);
    pictures(folder.path(), "horse", 4);
    let path = folder.path().to_str().unwrap();
    let output = run(&["data", "check", path]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("every picture decodes"),
        "{output:?}"
    );

    fs::write(folder.path().join("horse/cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let output = run(&["data", "check", path, "--json"]);
    let text = error(&output, 3);
    assert!(
        text.contains("1 of 13 pictures") && text.contains(path),
        "{text}"
    );
    let report = json(&output);
    let damaged = |split: &str| report[split]["damaged"].as_array().unwrap().len();
    assert_eq!(damaged("train") + damaged("validation"), 1);

    let text = error(&run(&["data", "check", "no/such/folder"]), 3);
    assert!(text.contains("no/such/folder does not exist"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_brings_advice_that_fits_the_command() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let scale = [
        "scale",
        "efficientnet_b0",
        "--factor",
        "2",
        "--out",
        "/proc/x.toml",
    ];
    for (output, part) in [
        (run(&scale), "with --out."),
        (
            triaxis(&["models"]).stdout(full).output().unwrap(),
            "standard output: cannot write",
        ),
    ] {
        let text = error(&output, 8);
        assert!(text.contains(part), "{part} is not in {text}");
        for of_runs in ["--output", "checkpoint", "free)"] {
            assert!(!text.contains(of_runs), "{of_runs} is in {text}");
        }
    }
}
