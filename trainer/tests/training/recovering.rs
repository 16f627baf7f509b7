//! Runs that go on after numbers that are not finite, and after their device is lost.

use std::fs;
use std::process::Command;

use crate::support::{Place, assert_same_end, checkpoints, files, pointed, run};

/// Two epochs of four steps with everything on.
fn train(place: &Place, name: &str, options: &str) -> Command {
    place.tiny(&format!(
        "--recipe everything.toml --epochs 2 --experiment {name} {options}"
    ))
}

/// The same with a fault at these steps.
fn faulty(place: &Place, name: &str, options: &str, fault: (&str, &str)) -> Command {
    let mut command = train(place, name, options);
    command.env(fault.0, fault.1);
    command
}

#[test]
fn a_picture_that_is_not_finite_is_traced_to_its_batch_and_nothing_is_lost() {
    let place = Place::new();
    // Once more when the batch is run again to find the place.
    let ran = run(faulty(&place, "parts", "", ("TRIAXIS_SPOIL_AT", "5,5")));
    let ran = ran.refused(6, &["step 6, epoch 1: ", "mixup", "is not finite"]);
    assert!(ran.stderr.contains("diverged.json"), "{ran}");
    let folder = place.run_folder("parts");
    let text = fs::read_to_string(folder.join("diverged.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&told["step"], &told["epoch"], &told["batch"]),
        (&6.into(), &1.into(), &1.into())
    );
    let pictures = told["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 16);
    assert!(
        pictures
            .iter()
            .all(|p| p["name"].is_string() && p["class"].is_string())
    );
    assert_eq!(checkpoints(&folder), [4]);

    run(train(&place, "parts", "")).done();
    run(train(&place, "whole", "")).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn weights_that_make_no_finite_loss_are_no_success() {
    let place = Place::new();
    // The first step's gradients are finite, and its weights leave nothing that is.
    let options = "--recipe plain.toml --epochs 2 --lr 1e30 --warmup-epochs 0 --on-nan skip-step";
    run(place.tiny(options)).refused(6, &["the loss of every validation picture", "--lr"]);
}

#[test]
fn a_rollback_goes_back_to_the_last_checkpoint_at_half_the_rate() {
    let place = Place::new();
    let options = "--epochs 3 --on-nan rollback";
    let options = |more: &str| format!("--recipe everything.toml {options} {more}");
    let start = |name: &str, more: &str, steps: &str| {
        let mut command = place.tiny(&options(&format!("--experiment {name} {more}")));
        command.env("TRIAXIS_SPOIL_AT", steps);
        command
    };
    let ran = run(start("whole", "", "5")).done();
    let words = "back to epoch 1, step 0, for the 1st time; learning rate × 0.5";
    assert!(ran.stderr.contains(words), "{ran}");
    let rows = fs::read_to_string(place.run_folder("whole").join("summary.csv")).unwrap();
    let rates: Vec<f64> = rows
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(5).unwrap().parse().unwrap())
        .collect();
    assert_eq!(rates.len(), 3);
    // A process that goes on later does so at the same rate.
    run(start("parts", "--stop-after-epoch 2", "5")).done();
    run(start("parts", "", "")).done();
    assert_same_end(&place.run_folder("whole"), &place.run_folder("parts"));
    // Before the first epoch is over there is something to go back to as well.
    let ran = run(start("early", "--stop-after-epoch 1", "1")).done();
    assert!(ran.stderr.contains("back to epoch 0, step 0"), "{ran}");
}

#[test]
fn steps_that_are_left_out_are_told_and_the_run_ends_in_the_same_bits_when_it_was_stopped_between()
{
    let place = Place::new();
    let skip = "--on-nan skip-step --checkpoint-every 1";
    let ran = run(faulty(&place, "whole", skip, ("TRIAXIS_SPOIL_AT", "2,5"))).done();
    for words in ["1 step of the run left out", "2 steps of the run left out"] {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {ran}");
    }
    let first = format!("{skip} --stop-after-epoch 1");
    run(faulty(&place, "parts", &first, ("TRIAXIS_SPOIL_AT", "2"))).done();
    run(faulty(&place, "parts", skip, ("TRIAXIS_SPOIL_AT", "5"))).done();
    assert_same_end(&place.run_folder("whole"), &place.run_folder("parts"));
    let state = pointed(&place.run_folder("whole"), "last").join("state.json");
    let state: serde_json::Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
    assert_eq!(state["extra"]["mishaps"]["skipped"], 2, "{state}");
}

#[test]
fn what_does_not_heal_ends_after_three_rollbacks() {
    let place = Place::new();
    place.write(
        "wild.toml",
        "lr = 1e30\nwarmup_epochs = 1.0\nwarmup_factor = 0.0\nmodel_ema = { name = \"decay\" }\n",
    );
    let wild = "--recipe wild.toml --epochs 3 --on-nan rollback";
    let ran = run(place.tiny(wild)).refused(6, &["epoch 1", "is not finite"]);
    for words in [
        "for the 1st time",
        "for the 2nd time",
        "for the 3rd time; learning rate × 0.125",
    ] {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {ran}");
    }
    assert_eq!(ran.stderr.matches("learning rate ×").count(), 3, "{ran}");
    let folder = place.run_folder("tiny");
    let kept = files(&pointed(&folder, "last"));
    // It is known the next time: no more rollbacks.
    let again = run(place.tiny(wild)).refused(6, &["is not finite"]);
    assert!(!again.stderr.contains("learning rate ×"), "{again}");
    assert!(files(&pointed(&folder, "last")) == kept);
}

#[test]
fn a_lost_device_is_opened_again_and_the_run_ends_in_the_same_bits() {
    let place = Place::new();
    run(train(&place, "whole", "")).done();
    for (name, step) in [("first-epoch", "2"), ("second-epoch", "6")] {
        let ran = run(faulty(&place, name, "", ("TRIAXIS_LOSE_DEVICE_AT", step))).done();
        assert!(
            ran.stderr.contains("was lost") && ran.stderr.contains("trying once more"),
            "{ran}"
        );
        assert_same_end(&place.run_folder("whole"), &place.run_folder(name));
    }
    let twice = ("TRIAXIS_LOSE_DEVICE_AT", "2,6");
    let ran = run(faulty(&place, "twice", "", twice));
    ran.refused(5, &["was lost", "triaxis doctor", "last checkpoint"]);
    run(train(&place, "twice", "")).done();
    assert_same_end(&place.run_folder("whole"), &place.run_folder("twice"));
}

#[test]
fn a_weight_a_gradient_or_a_variance_that_is_not_finite_ends_the_run_within_50_steps_and_is_named()
{
    let place = Place::new();
    // A hundred steps an epoch, so that neither an evaluation nor a checkpoint finds it first.
    let train = "--epochs 1 --data-dir synthetic:1600 --experiment";
    for (name, variable, step, what) in [
        ("weight", "TRIAXIS_SPOIL_WEIGHT_AT", 31, "conv_stem.weight"),
        ("gradient", "TRIAXIS_SPOIL_GRADIENT_AT", 31, "mean_grad"),
        // No loss tells of it: it is looked for every 50 steps.
        (
            "variance",
            "TRIAXIS_SPOIL_VARIANCE_AT",
            50,
            "bn1.running_var",
        ),
    ] {
        run(place.tiny(&format!("{train} {name} --time-limit 0.001s")))
            .refused(75, &["is complete"]);
        let folder = place.run_folder(name);
        let kept = files(&pointed(&folder, "last"));
        let mut command = place.tiny(&format!("{train} {name}"));
        command.env(variable, "30");
        let begin = format!("step {step}, epoch 0: ");
        let ran = run(command).refused(
            6,
            &[
                &begin,
                what,
                "is not finite",
                "Checkpoints are as they were",
            ],
        );
        assert!(!ran.stderr.contains("epoch 1/1"), "{ran}");
        assert_eq!(checkpoints(&folder), [1], "{name}");
        assert!(files(&pointed(&folder, "last")) == kept, "{name}");
    }
}
