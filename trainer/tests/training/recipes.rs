//! Recipes by name, and what they ask of a run.

use std::fs;

use crate::support::{Place, run};

#[test]
fn a_built_in_recipe_brings_its_network_to_any_folder() {
    let place = Place::new();
    let train = "--recipe demo --data-dir synthetic:64 --epochs 1 --experiment demo";
    run(place.command(train)).done();
    let args = fs::read_to_string(place.run_folder("demo").join("args.toml")).unwrap();
    assert!(args.contains("model = \"specs/demo.toml\"") && args.contains("epochs = 1"));
    // The recipe that was in force, as the hash of every result has it.
    let summary = fs::read_to_string(place.run_folder("demo").join("summary.json")).unwrap();
    assert!(summary.contains("\"recipe_hash\": \""), "{summary}");
    run(place.command("--recipe fast-scales --data-dir synthetic:64"))
        .refused(2, &["fast-scales", "Did you mean `fast-scaling`?"]);
}

#[test]
fn a_frozen_body_is_fine_tuned_from_another_run_only() {
    let place = Place::new();
    run(place.tiny("--epochs 1 --experiment first")).done();
    let tune =
        "--recipe finetune --model tiny.toml --data-dir synthetic:64 --epochs 2 --batch-size 16";
    run(place.command(tune)).refused(2, &["--layer-decay", "--initial-checkpoint"]);
    let tune = format!("{tune} --initial-checkpoint output/first");
    run(place.command(&format!("{tune} --freeze stages"))).refused(2, &["freeze = stages", "body"]);
    run(place.command(&format!("{tune} --freeze body --experiment tuned"))).done();
    let rows = fs::read_to_string(place.run_folder("tuned").join("summary.csv")).unwrap();
    assert_eq!(rows.lines().count(), 3, "{rows}");
}

#[test]
fn a_batch_is_fitted_to_a_memory_that_is_known() {
    let place = Place::new();
    let train = "--epochs 1 --batch-size 64 --auto-batch";
    run(place.tiny(train)).refused(2, &["--auto-batch", "--memory-limit"]);
    let fitted = run(place.tiny(&format!("{train} --memory-limit 1"))).done();
    assert!(
        fitted.stderr.contains("images a batch") && fitted.stderr.contains("batches an update"),
        "{fitted}"
    );
    let args = fs::read_to_string(place.run_folder("tiny").join("args.toml")).unwrap();
    let number = |key: &str| -> usize {
        let line = args.lines().find(|line| line.starts_with(key)).unwrap();
        line.split(" = ").nth(1).unwrap().parse().unwrap()
    };
    let (batch, accumulated) = (number("batch_size"), number("grad_accum_steps"));
    assert_eq!(batch * accumulated, 64);
    assert!(batch < 64, "{batch} images fit into 1 MiB");
}

#[test]
fn training_ends_when_patience_does() {
    let place = Place::new();
    // At this rate nothing is ever learnt.
    let train = "--epochs 9 --lr 1e-20 --patience 2";
    let ended = run(place.tiny(train)).done();
    let rows = fs::read_to_string(place.run_folder("tiny").join("summary.csv")).unwrap();
    assert!(rows.lines().count() < 9, "{rows}");
    assert!(ended.stderr.contains("patience"), "{ended}");
    // Nothing is left to do.
    run(place.tiny(&format!("{train} --resume"))).done();
}
