//! Devices that are missing or too small, and numbers that leave the finite.

use std::fs;

use crate::support::{Place, checkpoints, files, pointed, run};

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
fn too_little_memory_names_the_largest_batch_which_then_trains() {
    let place = Place::new();
    let train = |batch: usize, name: &str| {
        let options = format!(
            "--epochs 1 --stop-after-epoch 1 --img-size 24 --data-dir synthetic:1024 --memory-limit 4 \
             --batch-size {batch} --experiment {name}"
        );
        run(place.tiny(&options))
    };
    let refused = train(1024, "large").refused(5, &["batch size 1024", "4.0 MiB", "--batch-size"]);
    let advice = refused.stderr.split("--batch-size ").nth(1).unwrap();
    let batch: usize = advice.split(',').next().unwrap().parse().unwrap();
    assert!((2..1024).contains(&batch), "{refused}");
    train(batch + 1, "one-more").refused(5, &[&format!("fits is {batch}")]);
    train(batch, "fitting").done();
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
