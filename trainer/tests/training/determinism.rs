//! The same seed gives the same bytes, whatever the number of threads.

use crate::pictures::class_folders;
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
fn pictures_that_stay_on_the_device_give_the_same_bits_as_those_that_are_uploaded() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 110);
    class_folders(&place, "data/val", &["cat", "dog"], 8);
    place.write("data/train/dog/050.png", b"no picture");
    let options = "--data-dir data --epochs 3 --augment gpu --scale 0.2 1 --color-jitter 0.4 --mixup 0.2 --precise-bn 32";
    for damaged in ["skip", "gray"] {
        let train = |name: &str, more: &str| {
            let options =
                format!("{options} --on-damaged {damaged} {more} --experiment {name}-{damaged}");
            run(place.tiny(&options)).done()
        };
        let words = "220 training pictures stay in GPU memory";
        let uploaded = train("uploaded", "--resident-data never");
        assert!(!uploaded.stderr.contains(words), "{uploaded}");
        let kept = train("kept", "");
        assert!(kept.stderr.contains(words), "{kept}");
        // Stopped within the run, and gone on with the other way round.
        let stop = "--stop-after-epoch 1";
        train("mixed", stop);
        train("mixed", &format!("{stop} --resident-data never"));
        train("mixed", "--resident-data never --stop-after-epoch 2");
        train("mixed", "");
        let folder = |name: &str| place.run_folder(&format!("{name}-{damaged}"));
        assert_same_end(&folder("uploaded"), &folder("kept"));
        assert_same_end(&folder("uploaded"), &folder("mixed"));
    }
}

#[test]
fn pictures_that_leave_too_little_memory_are_uploaded() {
    let place = Place::new();
    let train = |name: &str, more: &str| {
        let options = format!(
            "--data-dir synthetic:2000 --epochs 1 --stop-after-epoch 1 {more} --experiment {name}"
        );
        run(place.tiny(&options)).done()
    };
    // 12 × 12 pixels: 1.1 MiB.
    let ran = train("large", "--memory-limit 5");
    assert!(ran.stderr.contains("2000 training pictures stay"), "{ran}");
    let ran = train("small", "--memory-limit 4");
    assert!(!ran.stderr.contains("training pictures stay"), "{ran}");
    let ran = train("host", "--aa rand-m9");
    assert!(!ran.stderr.contains("training pictures stay"), "{ran}");
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
