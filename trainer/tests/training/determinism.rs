//! The same seed gives the same bytes, whatever the number of threads.

use crate::support::{Place, assert_same_end, files, pointed, run};

#[test]
fn what_the_device_augments_is_the_same_with_1_and_3_workers() {
    let place = Place::new();
    let train = |name: &str, more: &str| {
        let options = "--epochs 2 --augment gpu --scale 0.2 1 --color-jitter 0.4 --reprob 0.5 --mixup 0 --cutmix 1";
        run(place.tiny(&format!("{options} {more} --experiment {name}"))).done();
        place.run_folder(name)
    };
    let first = train("one", "--workers 1");
    assert_same_end(&first, &train("three", "--workers 3"));
    let weights = |run| files(&pointed(run, "last"))["model.safetensors"].clone();
    let other = train("other", "--workers 1 --recount 2");
    assert!(weights(&first) != weights(&other), "what is erased counts");
}

#[test]
fn one_seed_gives_one_checkpoint_with_1_2_and_8_workers() {
    let place = Place::new();
    let train = |name: &str, seed: u64, workers: usize| {
        let options = format!(
            "--recipe everything.toml --epochs 1 --seed {seed} --workers {workers} --experiment {name}"
        );
        run(place.tiny(&options)).done();
        place.run_folder(name)
    };
    let first = train("one", 1, 1);
    assert_same_end(&first, &train("again", 1, 1));
    assert_same_end(&first, &train("two", 1, 2));
    assert_same_end(&first, &train("eight", 1, 8));
    let other = train("other-seed", 2, 1);
    let weights = |run| files(&pointed(run, "last"))["model.safetensors"].clone();
    assert!(weights(&first) != weights(&other), "the seed decides");
}
