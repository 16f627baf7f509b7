//! Devices that are missing or too small, and numbers that leave the finite.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{Place, assert_same_end, checkpoints, files, pointed, run};

#[test]
fn without_an_adapter_training_ends_with_5_and_says_what_to_install() {
    let place = Place::new();
    run(place.tiny("--adapter no-such-adapter"))
        .refused(5, &["no adapter is called no-such-adapter", "there are: "]);
    if cfg!(target_os = "linux") {
        let mut command = place.tiny("");
        for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(variable, place.path().join("none.json"));
        }
        run(command).refused(5, &["mesa-vulkan-drivers"]);
    }
}

#[test]
fn an_adapter_that_lacks_features_computes_without_them() {
    const ALL: &str = "timestamp-query, shader-f16,subgroups,shader-int64,cooperative-matrix";
    let place = Place::new();
    let json = |words: &str| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
        command
            .current_dir(place.path())
            .env("TRIAXIS_WITHOUT", ALL)
            .args(words.split_whitespace());
        serde_json::from_str(&run(command).done().stdout).unwrap()
    };
    let report = json("doctor --adapter 0 --json");
    let adapter = &report["adapters"][0];
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(adapter["features"], serde_json::json!([]));
    let missing = adapter["missing"].as_array().unwrap();
    assert_eq!(missing.len(), ALL.split(',').count(), "{adapter:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for both in missing {
        let (name, instead) = (text(&both[0]), text(&both[1]));
        assert!(ALL.contains(&name) && !instead.is_empty(), "{both}");
    }
    for test in adapter["tests"].as_array().unwrap() {
        let variant = text(&test["variant"]);
        assert!(["blocked", "tiled"].contains(&&variant[..]), "{test}");
    }

    let rows = json("bench models --model tiny.toml --batch-size 1 --runs 1 --profile --json");
    let rows = rows.as_array().unwrap();
    assert!(rows.len() > 1, "no kernels");
    for row in rows {
        assert_eq!(row["clock"], "wall clock", "{row}");
    }

    let mut train = place.tiny("--amp --epochs 1");
    train.env("TRIAXIS_WITHOUT", ALL);
    let ran = run(train).done();
    assert!(ran.stderr.contains("epoch 1/1"), "{ran}");
    let notice = "mixed precision, with no shader-f16 here: f16 is packed and unpacked as f32";
    assert_eq!(ran.stderr.matches(notice).count(), 1, "{ran}");
    // In f32 nothing is missed.
    let mut train = place.tiny("--epochs 1 --experiment whole");
    train.env("TRIAXIS_WITHOUT", ALL);
    let ran = run(train).done();
    assert!(!ran.stderr.contains("shader-f16"), "{ran}");

    let mut train = place.tiny("");
    train.env("TRIAXIS_WITHOUT", "subgroups,wings");
    let words =
        "TRIAXIS_WITHOUT: no feature is called wings; there are: timestamp-query, shader-f16";
    run(train).refused(5, &[words]);
}

#[test]
fn too_little_memory_names_the_largest_batch_which_then_trains() {
    let place = Place::new();
    let train = |batch: usize, name: &str| {
        let options = format!(
            "--epochs 1 --stop-after-epoch 1 --img-size 24 --data-dir synthetic:1024 --memory-limit 4 \
             --batch-size {batch} --experiment {name}"
        );
        run(place.tiny(&options))
    };
    let words = [
        "batch size 1024",
        "4.0 MiB can be had",
        "--batch-size",
        "--grad-accum-steps",
        "--auto-batch",
        "--amp or --grad-checkpointing",
    ];
    let refused = train(1024, "large").refused(5, &words);
    let advice = refused.stderr.split("--batch-size ").nth(1).unwrap();
    let batch: usize = advice.split(',').next().unwrap().parse().unwrap();
    assert!((2..1024).contains(&batch), "{refused}");
    train(batch + 1, "one-more").refused(5, &[&format!("fits is {batch}")]);
    train(batch, "fitting").done();
}

#[test]
fn a_memory_limit_that_is_no_number_of_mib_is_refused() {
    let place = Place::new();
    for wrong in ["8G", "17592186044416"] {
        let mut train = place.tiny("");
        train.env("TRIAXIS_MEMORY_LIMIT", wrong);
        run(train).refused(
            5,
            &[&format!("TRIAXIS_MEMORY_LIMIT: {wrong} is no whole number")],
        );
    }
    // 2^44 MiB would be 0 bytes.
    run(place.tiny("--memory-limit 17592186044416"))
        .refused(2, &["--memory-limit", "17592186044416"]);
}

#[test]
fn memory_that_runs_out_in_the_middle_ends_with_5_and_nothing_saved_is_lost() {
    let place = Place::new();
    let train = |name: &str| place.tiny(&format!("--epochs 3 --experiment {name}"));
    let exhausted = |steps: &str| {
        let mut command = train("parts");
        command.env("TRIAXIS_EXHAUST_DEVICE_AT", steps);
        run(command)
    };
    exhausted("2").refused(5, &["step 2", "There is no checkpoint yet"]);
    let words = [
        "step 6: out of GPU memory",
        "MiB that this run holds",
        "checkpoint-000004 is whole",
        "--batch-size 8 --grad-accum-steps 2",
        "--amp",
    ];
    exhausted("6").refused(5, &words);
    let folder = place.run_folder("parts");
    assert_eq!(checkpoints(&folder), [4]);
    let resumed = run(train("parts")).done();
    assert!(resumed.stderr.contains("resumed at epoch 1"), "{resumed}");
    run(train("whole")).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_loss_that_is_not_finite_ends_with_6_and_keeps_the_last_good_checkpoint() {
    let place = Place::new();
    // Nothing is learnt in the first epoch; in the second, the steps are as wide as numbers go.
    place.write(
        "wild.toml",
        "lr = 1e30\nwarmup_epochs = 1.0\nwarmup_factor = 0.0\nmodel_ema = { name = \"decay\" }\n",
    );
    let wild = "--recipe wild.toml --epochs 3";
    let first = run(place.tiny(wild)).refused(6, &["step 6, epoch 1", "is not finite", "--lr"]);
    let what = first.stderr.split("epoch 1: ").nth(1).unwrap();
    let node = what.split(" is not finite").next().unwrap();
    assert!(
        ["conv", "bn", "blocks", "classifier"]
            .iter()
            .any(|part| node.starts_with(part)),
        "names a node or a parameter: {first}"
    );
    let folder = place.run_folder("tiny");
    assert_eq!(checkpoints(&folder), [4]);
    let kept = files(&pointed(&folder, "last"));
    // The same recipe goes the same way, and takes nothing with it.
    run(place.tiny(wild)).refused(6, &["epoch 1", node]);
    assert!(files(&pointed(&folder, "last")) == kept);
    assert_eq!(
        fs::read_to_string(folder.join("summary.csv"))
            .unwrap()
            .lines()
            .count(),
        2
    );
}
