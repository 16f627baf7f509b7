//! Outputs that are taken or closed.

use crate::support::{Place, Running, checkpoints, run};

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
    std::fs::rename(place.path().join("output"), place.path().join("elsewhere")).unwrap();
    running
        .finish()
        // A part of the checkpoint or a pointer, whatever is written first.
        .refused(8, &["output/tiny", ": cannot ", "another --output"]);
    assert!(!checkpoints(&place.path().join("elsewhere/tiny")).is_empty());
}
