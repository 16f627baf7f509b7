//! What cannot be is refused with its own exit code and one paragraph that says what to do.

use std::fs;

use crate::pictures::class_folders;
use crate::support::{NETWORK, Place, run};

#[test]
fn an_unknown_model_option_or_recipe_key_brings_the_one_that_was_meant() {
    let place = Place::new();
    run(place.command("--data-dir synthetic --model resnet51"))
        .refused(2, &["resnet51", "resnet50"]);
    run(place.tiny("--epoch 1")).refused(2, &["--epoch", "--epochs"]);
    run(place.tiny("--opt adam")).refused(2, &["adam", "Did you mean `adamw`?"]);
    place.write("typo.toml", "seed = 1\nbatchsize = 16\n");
    run(place.command("--data-dir synthetic --recipe typo.toml"))
        .refused(2, &["typo.toml", "line 2", "Did you mean `batch_size`?"]);
    place.write("typo-net.toml", NETWORK.replace("depth", "dept"));
    run(place.command("--data-dir synthetic --model typo-net.toml"))
        .refused(2, &["typo-net.toml", "line 9", "did you mean `depth`?"]);
    run(place.command("--data-dir synthetic --model nowhere.toml")).refused(2, &["nowhere.toml"]);
    run(place.command("--data-dir synthetic --recipe nowhere.toml")).refused(2, &["nowhere.toml"]);
}

#[test]
fn numbers_that_cannot_be_are_refused_before_anything_is_written() {
    let place = Place::new();
    run(place.tiny("--epochs 0")).refused(2, &["epochs = 0"]);
    run(place.tiny("--lr nan")).refused(2, &["lr = NaN"]);
    run(place.tiny("--smoothing 1")).refused(2, &["smoothing = 1"]);
    run(place.tiny("--batch-size 65")).refused(2, &["64 pictures", "batch"]);
    run(place.tiny("--num-classes 7")).refused(2, &["7 classes", "--num-classes 10"]);
    run(place.tiny("--img-size 0")).refused(2, &["img_size = 0"]);
    run(place.tiny("--data-dir synthetic:1")).refused(2, &["synthetic:1"]);
}

#[test]
fn runs_stay_in_the_folder_of_results() {
    let place = Place::new();
    for name in ["../x", "a/b", "."] {
        run(place.tiny(&format!("--experiment {name}")))
            .refused(2, &["--experiment", name, "cannot name a folder"]);
    }
    place.write(
        "outside.toml",
        NETWORK.replace("\"tiny\"", "\"../outside\""),
    );
    run(place.tiny("--model outside.toml"))
        .refused(2, &["outside.toml: name is `../outside`", "slashes"]);
    assert!(!place.path().join("output").exists());
}

#[test]
fn data_that_is_not_there_ends_with_3() {
    let place = Place::new();
    run(place.tiny("--data-dir nowhere")).refused(3, &["nowhere does not exist"]);
    fs::create_dir(place.path().join("empty")).unwrap();
    run(place.tiny("--data-dir empty")).refused(3, &["empty", "class folders"]);
    run(place.tiny("--data-dir tiny.toml")).refused(3, &["tiny.toml", "this is a file"]);
    class_folders(&place, "one", &["dog"], 4);
    run(place.tiny("--data-dir one")).refused(3, &["one class, `dog`", "two classes"]);
}

#[test]
fn a_class_that_only_validation_has_ends_with_3() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 8);
    class_folders(&place, "data/val", &["cat", "fox"], 2);
    run(place.tiny("--data-dir data --batch-size 4"))
        .refused(3, &["lacks: `fox`", "training has `cat`, `dog`"]);
}

#[test]
fn a_checkpoint_of_another_network_ends_with_4() {
    let place = Place::new();
    run(place.tiny("--epochs 1")).done();
    place.write(
        "tiny.toml",
        NETWORK.replace(
            "width = 6, kernel = 3, stride = 2",
            "width = 8, kernel = 3, stride = 2",
        ),
    );
    run(place.tiny("--epochs 1")).refused(2, &["network.efficientnet.stem.width: 6 -> 8"]);
    run(place.tiny("--epochs 1 --force"))
        .refused(4, &["do not fit", "conv_stem.weight", "8×3×3×3", "6×3×3×3"]);
}

#[test]
fn a_checkpoint_of_other_classes_ends_with_3_and_is_left_as_it_was() {
    let place = Place::new();
    class_folders(&place, "data", &["cat", "dog"], 16);
    let train = "--data-dir data --epochs 1";
    run(place.tiny(train)).done();
    fs::rename(place.path().join("data/cat"), place.path().join("data/cow")).unwrap();
    run(place.tiny(train)).refused(
        3,
        &[
            "trained on the classes `cat`, `dog`",
            "the data has `cow`, `dog`",
        ],
    );
    fs::rename(place.path().join("data/cow"), place.path().join("data/cat")).unwrap();
    run(place.tiny(train)).done();
}

#[test]
fn one_picture_a_batch_leaves_batch_norm_nothing_to_count() {
    let place = Place::new();
    run(place.tiny("--img-size 1 --batch-size 1")).refused(2, &["bn"]);
}
