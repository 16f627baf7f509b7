//! A run that was interrupted and taken up again ends where one ends that never stopped, bit for bit.

use std::fs;
use std::time::Duration;

use crate::support::{NETWORK, Place, Running, assert_same_end, checkpoints, files, pointed, run};

const OPTIMIZERS: [&str; 3] = ["sgd", "rmsproptf", "adamw"];

/// Two epochs with everything on, by this optimizer.
fn options(optimizer: &str, name: &str) -> String {
    // RMSProp and AdamW divide by the gradient's size: they take smaller steps.
    let rate = if optimizer == "sgd" { 0.05 } else { 0.002 };
    format!("--recipe everything.toml --opt {optimizer} --lr {rate} --epochs 2 --experiment {name}")
}

#[test]
fn two_epochs_equal_one_and_a_resumed_one() {
    let place = Place::new();
    for optimizer in OPTIMIZERS {
        let (whole, parts) = (format!("{optimizer}-whole"), format!("{optimizer}-parts"));
        run(place.tiny(&options(optimizer, &whole))).done();
        let parted = options(optimizer, &parts);
        run(place.tiny(&format!("{parted} --stop-after-epoch 1"))).done();
        assert_eq!(checkpoints(&place.run_folder(&parts)), [4]);
        run(place.tiny(&format!("{parted} --workers 1"))).done();
        assert_same_end(&place.run_folder(&whole), &place.run_folder(&parts));
    }
}

/// A run whose steps outlast the time it takes to interrupt it.
const LONG: &str = "--data-dir synthetic:1600 --checkpoint-every 7";

#[cfg(unix)]
#[test]
fn a_stop_in_the_middle_of_an_epoch_changes_nothing() {
    let place = Place::new();
    for (optimizer, signal) in OPTIMIZERS.into_iter().zip(["TERM", "USR1", "INT"]) {
        let (whole, parts) = (format!("{optimizer}-whole"), format!("{optimizer}-parts"));
        let whole_run = format!("{} {LONG}", options(optimizer, &whole));
        let first = format!("{} {LONG}", options(optimizer, &parts));
        let folder = place.run_folder(&parts);
        let mut running = Running::start(place.tiny(&first));
        running.until(|| checkpoints(&folder).last().copied());
        running.signal(signal);
        let stopped = running
            .finish()
            .refused(75, &["stopped on request", "The same command goes on"]);
        let step = checkpoints(&folder).into_iter().next_back().unwrap();
        assert!(
            !step.is_multiple_of(100),
            "stopped at step {step}, which is between two epochs: {stopped}"
        );
        run(place.tiny(&first)).done();
        run(place.tiny(&whole_run)).done();
        assert_same_end(&place.run_folder(&whole), &folder);
    }
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_is_asked_for_is_made_and_the_run_goes_on_to_the_same_bits() {
    let place = Place::new();
    let train = |name: &str| {
        let options = options("sgd", name);
        place.tiny(&format!("{options} --data-dir synthetic:1600"))
    };
    let folder = place.run_folder("asked");
    let mut running = Running::start(train("asked"));
    running.until(|| folder.join("args.toml").exists().then_some(()));
    running.signal("USR2");
    let ran = running.finish().done();
    let told: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("SIGUSR2"))
        .collect();
    let [line] = told[..] else {
        panic!("one request, one line: {ran}");
    };
    // There are a hundred steps an epoch, behind which a checkpoint is made unasked.
    let of_epochs = ["checkpoint-000100", "checkpoint-000200"];
    assert!(!of_epochs.iter().any(|name| line.contains(name)), "{line}");
    assert!(line.ends_with("is complete, as SIGUSR2 asked"), "{line}");
    run(train("whole")).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[cfg(unix)]
#[test]
fn a_second_interrupt_ends_a_run_at_once_with_130() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    let train = "--epochs 9 --batch-size 64 --img-size 64 --data-dir synthetic:128";
    // Now and then the first interrupt's checkpoint is faster than the second interrupt.
    let interrupted = (0..9).any(|_| {
        let mut running = Running::start(place.tiny(train));
        running.until(|| folder.join("args.toml").exists().then_some(()));
        running.signal("INT");
        running.signal("INT");
        let ran = running.finish();
        let code = ran.code;
        assert!(matches!(code, Some(75 | 130)), "{ran}");
        if code == Some(130) {
            ran.refused(130, &["interrupted twice", "The same command goes on"]);
        }
        fs::remove_file(folder.join("args.toml")).unwrap();
        code == Some(130)
    });
    assert!(interrupted, "nine times it was not");
    run(place.tiny(&format!("{train} --stop-after-epoch 1"))).done();
}

#[test]
fn killing_a_run_at_any_moment_changes_nothing() {
    let place = Place::new();
    let whole = format!("{} {LONG}", options("sgd", "whole"));
    run(place.tiny(&whole)).done();
    let first = format!("{} {LONG}", options("sgd", "killed"));
    let folder = place.run_folder("killed");
    // Anywhere between two checkpoints and while one is written.
    for milliseconds in [0, 3, 17, 40, 111] {
        let before = checkpoints(&folder);
        let mut running = Running::start(place.tiny(&first));
        if running
            .until(|| (checkpoints(&folder) != before).then_some(()))
            .is_none()
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.kill();
    }
    run(place.tiny(&first)).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used() {
    let place = Place::new();
    let whole = options("adamw", "whole");
    run(place.tiny(&whole)).done();
    let parted = options("adamw", "parts");
    run(place.tiny(&parted)).done();
    let folder = place.run_folder("parts");
    let damaged = pointed(&folder, "last").join("optimizer.safetensors");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let resumed = run(place.tiny(&parted)).done();
    assert!(
        resumed.stderr.contains("checkpoint-000008 is damaged")
            && resumed.stderr.contains("going on with an earlier one")
            && resumed.stderr.contains("resumed at epoch 1, step 0"),
        "{resumed}"
    );
    assert!(folder.join("checkpoint-000008.corrupt").is_dir());
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_clock_that_was_a_year_off_between_two_parts_changes_nothing() {
    let place = Place::new();
    let (whole, parts) = (options("sgd", "whole"), options("sgd", "parts"));
    run(place.tiny(&whole)).done();
    let folder = place.run_folder("parts");
    let year = Duration::from_secs(365 * 24 * 3600);
    run(place.tiny(&format!(
        "{parts} --checkpoint-every 1 --stop-after-epoch 1"
    )))
    .done();
    let steps = checkpoints(&folder);
    assert!(steps.len() > 1, "{steps:?}");
    // The older a checkpoint, the later it says that it was written.
    let now = std::time::SystemTime::now();
    let dated =
        |path: &std::path::Path, time| fs::File::open(path).unwrap().set_modified(time).unwrap();
    for step in &steps {
        let place = folder.join(format!("checkpoint-{step:06}"));
        let time = if Some(step) == steps.last() {
            now - year
        } else {
            now + year
        };
        files(&place)
            .keys()
            .for_each(|name| dated(&place.join(name), time));
        #[cfg(unix)]
        dated(&place, time);
    }
    dated(&folder.join("last"), now - year);
    dated(&folder.join("best"), now + year);
    let ran = run(place.tiny(&parts)).done();
    assert!(ran.stderr.contains("resumed at epoch 1, step 0"), "{ran}");
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_checkpoint_of_a_later_format_ends_with_4_and_stays_where_it_is() {
    let place = Place::new();
    run(place.tiny("--epochs 1")).done();
    let folder = place.run_folder("tiny");
    let manifest = pointed(&folder, "last").join("MANIFEST.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let (body, _) = text.split_once(",\n  \"seal\"").unwrap();
    let body = body.replace("\"format\": 3", "\"format\": 4");
    let seal = blake3::hash(body.as_bytes()).to_hex();
    fs::write(&manifest, format!("{body},\n  \"seal\": \"{seal}\"\n}}\n")).unwrap();
    let kept = || {
        let mut kept = files(&folder);
        kept.remove("triaxis.lock");
        (kept, checkpoints(&folder), files(&pointed(&folder, "last")))
    };
    let before = kept();
    run(place.tiny("--epochs 2")).refused(
        4,
        &[
            "has checkpoint format 4, this version reads up to 3",
            "Use the version of triaxis that wrote it",
        ],
    );
    assert!(kept() == before, "a refusal writes nothing");
    assert!(!folder.join("checkpoint-000004.corrupt").exists());
}

#[test]
fn without_a_whole_checkpoint_a_resume_ends_with_4() {
    let place = Place::new();
    run(place.tiny("--epochs 1")).done();
    let last = pointed(&place.run_folder("tiny"), "last");
    fs::write(last.join("model.safetensors"), b"cut short").unwrap();
    run(place.tiny("--epochs 1")).refused(4, &["no checkpoint here is whole", "model.safetensors"]);
}

#[test]
fn another_recipe_is_told_and_only_taken_by_force() {
    let place = Place::new();
    run(place.tiny("--recipe plain.toml --epochs 1")).done();
    let folder = place.run_folder("tiny");
    // All but the lock, which names the last process that held it.
    let kept = || {
        let mut files = files(&folder);
        files.remove("triaxis.lock");
        files
    };
    let before = kept();
    run(place.tiny("--recipe plain.toml --epochs 1 --lr 0.01 --smoothing 0.2 --workers 3"))
        .refused(
            2,
            &[
                "output/tiny: recipe or network have changed",
                "which is at step 4",
                "\n  lr: 0.05 -> 0.01\n",
                "\n  smoothing: 0.1 -> 0.2\n",
                "--force",
                "--experiment",
            ],
        );
    assert!(kept() == before, "a refusal writes nothing");
    let forced = run(place.tiny("--recipe plain.toml --epochs 2 --lr 0.01 --force")).done();
    for words in [
        "lr: 0.05 -> 0.01",
        "epochs: 1 -> 2",
        "resumed at epoch 1, step 0",
    ] {
        assert!(
            forced.stderr.contains(words),
            "{words:?} is missing: {forced}"
        );
    }
    let args = fs::read_to_string(folder.join("args.toml")).unwrap();
    assert!(args.contains("\nlr = 0.01\n"), "{args}");
    // What the first epoch was trained by is still told.
    let args = fs::read_to_string(folder.join("args-000004.toml")).unwrap();
    assert!(args.contains("\nlr = 0.05\n"), "{args}");
    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    let hashes: Vec<&str> = summary
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(6).unwrap())
        .collect();
    assert!(hashes.len() == 2 && hashes[0] != hashes[1], "{summary}");
}

#[test]
fn more_epochs_and_other_workers_need_no_force_and_fewer_epochs_do() {
    let place = Place::new();
    let epochs = |epochs: usize| place.tiny(&format!("--recipe plain.toml --epochs {epochs}"));
    run(epochs(1)).done();
    let longer = place.tiny("--recipe plain.toml --epochs 2 --workers 3");
    let longer = run(longer).done();
    assert!(longer.stderr.contains("epochs: 1 -> 2"), "{longer}");
    assert_eq!(checkpoints(&place.run_folder("tiny")), [4, 8]);
    // Nothing is left to do, which is no failure.
    let again = run(epochs(2)).done();
    assert!(!again.stderr.contains("changed"), "{again}");
    run(epochs(1)).refused(2, &["epochs: 2 -> 1"]);
    // Without the old recipe nobody can tell what has changed.
    fs::remove_file(place.run_folder("tiny").join("args.toml")).unwrap();
    run(epochs(3)).refused(2, &["args.toml", "cannot be told", "--force"]);
    run(place.tiny("--recipe plain.toml --epochs 3 --force")).done();
}

#[test]
fn a_time_limit_stops_after_any_step_and_within_an_evaluation() {
    let place = Place::new();
    // Where several batches make an update, a run stops behind its last.
    let train = "--recipe everything.toml --epochs 2 --batch-size 8 --grad-accum-steps 1";
    let folder = place.run_folder("tiny");
    // Up long before the first step, so that each start takes one.
    let limited = || run(place.tiny(&format!("{train} --time-limit 0.001s")));
    for step in 1..=8 {
        limited().refused(75, &["stopped on request", "is complete"]);
        let name = format!("checkpoint-{step:06}");
        assert!(pointed(&folder, "last").ends_with(name), "step {step}");
    }
    // The epoch has been trained on, not yet evaluated; nor is it by one more start, which has no step to take.
    let kept = files(&pointed(&folder, "last"));
    limited().refused(75, &["stopped on request", "is complete"]);
    assert!(files(&pointed(&folder, "last")) == kept);
    let state: serde_json::Value = serde_json::from_slice(&kept["state.json"]).unwrap();
    assert_eq!((&state["epoch"], &state["batch"]), (&0.into(), &8.into()));
    assert_eq!(state["rows"], serde_json::json!([]));

    run(place.tiny(train)).done();
    run(place.tiny(&format!("{train} --experiment whole"))).done();
    assert_same_end(&place.run_folder("whole"), &folder);
    run(place.tiny("--time-limit soon")).refused(2, &["--time-limit", "7:30:00"]);
}

#[test]
fn the_recipe_that_a_run_writes_down_starts_the_same_run() {
    let place = Place::new();
    run(place.tiny("--epochs 1 --experiment first")).done();
    let again = "--recipe output/first/args.toml --data-dir synthetic:64 --experiment again";
    run(place.command(again)).done();
    assert_same_end(&place.run_folder("first"), &place.run_folder("again"));
}

#[test]
fn a_run_keeps_its_network_whatever_becomes_of_the_file() {
    let place = Place::new();
    run(place.tiny("--recipe plain.toml --epochs 1")).done();
    let validate = || {
        let command = "validate --weights output/tiny/last --data-dir synthetic:64 --json";
        let found: serde_json::Value =
            serde_json::from_str(&run(place.program(command)).done().stdout).unwrap();
        found["loss"].as_f64().unwrap()
    };
    let before = validate();
    let other = NETWORK.replace(
        "head = 0",
        "head = 0\nstyle = { activation = \"relu\", momentum = 0.2 }",
    );
    place.write("tiny.toml", &other);
    assert_eq!(validate(), before);
    run(place.tiny("--recipe plain.toml --epochs 2")).refused(
        2,
        &[
            "output/tiny: recipe or network have changed",
            "network.efficientnet.style.activation: \"silu\" -> \"relu\"",
            "network.efficientnet.style.momentum: 0.1 -> 0.2",
            "network.toml",
        ],
    );
    let forced = run(place.tiny("--recipe plain.toml --epochs 2 --force")).done();
    assert!(forced.stderr.contains("\"silu\" -> \"relu\""), "{forced}");
    assert_ne!(validate(), before);

    // The file may be gone, and the run's own stands in for it.
    fs::remove_file(place.path().join("tiny.toml")).unwrap();
    validate();
    let folder = place.run_folder("tiny");
    let own = "--recipe output/tiny/args.toml --model output/tiny/network.toml --epochs 3";
    let longer = run(place.tiny(own)).done();
    assert!(longer.stderr.contains("resumed at epoch 2"), "{longer}");
    assert_eq!(checkpoints(&folder).last(), Some(&12));
}
