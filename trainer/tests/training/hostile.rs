//! Pictures and weights that are damaged or mean harm, as a person meets them.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::pictures::{class_folders, png};
use crate::support::{Place, Ran, assert_same_end, pointed, run, tiny};

/// A folder with a short run in `output/tiny`.
fn trained() -> Place {
    let place = Place::new();
    run(place.tiny("--epochs 1 --img-size 12")).done();
    place
}

fn ask(place: &Place, command: &str, options: &str) -> Command {
    let mut ask = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    ask.current_dir(place.path())
        .arg(command)
        .args(options.split_whitespace());
    ask
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"))
}

/// Files in `photos` that are no usable picture, by name.
fn spoil(place: &Place) -> Vec<&'static str> {
    let good = png(9, 9);
    let mut bomb = good.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    for (name, bytes) in [
        ("0100-cut.png", &good[..good.len() / 2]),
        ("0200-empty.png", b""),
        ("0300-text.jpg", b"This is not a picture."),
        ("0400-bomb.png", &bomb),
        ("0500-flipped.png", &flipped),
    ] {
        place.write(&format!("photos/{name}"), bytes);
    }
    let mut names = vec![
        "0100-cut.png",
        "0200-empty.png",
        "0300-text.jpg",
        "0400-bomb.png",
        "0500-flipped.png",
    ];
    #[cfg(unix)]
    for (name, target) in [
        ("0600-gone.png", "nowhere.png"),
        ("0700-circle.png", "0700-circle.png"),
    ] {
        std::os::unix::fs::symlink(target, place.path().join("photos").join(name)).unwrap();
        names.push(name);
    }
    names
}

#[test]
fn of_a_thousand_pictures_the_bad_ones_are_told_and_the_rest_are_done() {
    let place = trained();
    let bad = spoil(&place);
    let good = 1000 - bad.len();
    for i in 0..good {
        let picture = png(8 + i as u32 % 5, 8 + i as u32 % 3);
        place.write(&format!("photos/{i:04}.png"), picture);
    }
    let ran = run(ask(
        &place,
        "predict",
        "--weights output/tiny photos --csv --topk 1",
    ));
    let told: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|l| l.starts_with("photos"))
        .collect();
    let done: Vec<&str> = ran.stdout.lines().skip(1).collect();
    assert_eq!(
        (done.len(), told.len()),
        (good, bad.len()),
        "{}",
        ran.stderr
    );
    // In the folder's order, whichever thread was first.
    assert!(done.is_sorted(), "{ran}");
    for name in &bad {
        let of_it = told.iter().filter(|line| line.contains(name)).count();
        assert_eq!(of_it, 1, "{name}: {}", ran.stderr);
        assert!(!ran.stdout.contains(name));
    }
    ran.refused(
        3,
        &[&format!("{} of 1000 pictures cannot be used", bad.len())],
    );
}

#[test]
fn features_and_maps_take_folders_patterns_and_pipes_and_leave_bad_pictures_out() {
    let place = trained();
    for i in 0..5 {
        place.write(&format!("photos/{i:04}.png"), png(8 + i, 9));
    }
    place.write("more/x.png", png(9, 9));
    let bad = spoil(&place).len();
    let all = 5 + bad + 2;
    let piped = |command: &str, options: &str| {
        let words = format!("--weights output/tiny {options} --json photos more/*.png -");
        let mut child = ask(&place, command, &words);
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &png(9, 9)).unwrap();
        Ran::new(child.wait_with_output().unwrap())
    };
    // The first bad one is named, not what was given first.
    let count = format!("0100-cut.png: {bad} of {all} pictures cannot be used");

    let ran = piped(
        "extract",
        "--node global_avg_pool --out f.safetensors --batch-size 2",
    );
    let report = json(&ran);
    assert_eq!(report["pictures"].as_array().unwrap().len(), 7, "{report}");
    assert_eq!(report["pictures"][6], "-");
    assert_eq!(report["features"][0]["shape"][0], 7);
    ran.refused(3, &[&count]);
    // The picture of the pattern and that of the pipe are the same.
    let file = triaxis::checkpoint::tensors::read(&place.path().join("f.safetensors")).unwrap();
    let features = &file.tensors[0];
    let width = features.data.len() / 7;
    assert_eq!(
        features.data[5 * width..6 * width],
        features.data[6 * width..]
    );

    let ran = piped("cam", "--output maps");
    let maps = json(&ran);
    assert_eq!(maps.as_array().unwrap().len(), 7, "{maps}");
    for map in maps.as_array().unwrap() {
        let overlay = fs::read(place.path().join(map["overlay"].as_str().unwrap())).unwrap();
        assert!(overlay.starts_with(b"\x89PNG"), "{map}");
    }
    ran.refused(3, &[&count]);
    run(ask(&place, "cam", "--weights output/tiny none/*.png"))
        .refused(3, &["no picture is there"]);
}

#[test]
fn files_that_are_no_pictures_by_their_names_are_left_out_and_told() {
    let place = trained();
    place.write("photos/a.png", png(9, 9));
    for name in ["b.avif", "below/c.jp2", "d.ppm"] {
        place.write(&format!("photos/{name}"), "of another format");
    }
    for options in [
        "predict --weights output/tiny photos",
        "cam --weights output/tiny photos --output maps",
        "extract --weights output/tiny photos --node global_avg_pool --out f.npy",
    ] {
        let (command, rest) = options.split_once(' ').unwrap();
        let ran = run(ask(&place, command, rest)).done();
        let told = "3 files without a picture's extension are left out, ";
        assert_eq!(ran.stderr.matches(told).count(), 1, "{ran}");
        assert!(ran.stderr.contains("b.avif among them"), "{ran}");
    }
}

#[test]
fn a_run_remembers_how_its_pictures_were_prepared_and_options_come_first() {
    let place = trained();
    place.write("x.png", png(40, 30));
    // Moved away from its recipe, a checkpoint still knows: the network's own resolution would be 16.
    let wide = fs::read_to_string(place.path().join("tiny.toml")).unwrap();
    place.write(
        "wide.toml",
        wide.replace("resolution = 12", "resolution = 16"),
    );
    let last = pointed(&place.run_folder("tiny"), "last");
    fs::rename(last, place.path().join("alone")).unwrap();
    let side = |options: &str| {
        let options = format!(
            "--weights alone --model wide.toml --node conv_stem --out f.safetensors {options} x.png"
        );
        run(ask(&place, "extract", &options)).done();
        let file = triaxis::checkpoint::tensors::read(&place.path().join("f.safetensors")).unwrap();
        file.tensors[0].shape[2]
    };
    assert_eq!(side(""), 6);
    assert_eq!(side("--img-size 20"), 10);
}

#[test]
fn weights_with_numbers_that_are_not_finite_are_shown_only_on_request() {
    let place = trained();
    place.write("x.png", png(9, 9));
    let file = pointed(&place.run_folder("tiny"), "last").join("model.safetensors");
    let mut weights = triaxis::checkpoint::tensors::read(&file).unwrap().tensors;
    let bias = weights
        .iter_mut()
        .find(|t| t.name == "classifier.bias")
        .unwrap();
    bias.data[3] = f32::INFINITY;
    let bytes = triaxis::checkpoint::tensors::encode(&weights).unwrap();
    place.write("diverged.safetensors", bytes);
    let options = "--weights diverged.safetensors --model tiny.toml --img-size 12 x.png";
    run(ask(&place, "predict", options)).refused(
        4,
        &[
            "classifier.bias holds a number that is not finite",
            "--allow-nonfinite",
        ],
    );
    let ran = run(ask(
        &place,
        "predict",
        &format!("{options} --allow-nonfinite"),
    ))
    .done();
    assert!(
        ran.stderr.contains("classifier.bias holds a number"),
        "{ran}"
    );
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_told_and_does_not_stop_the_rest() {
    let place = trained();
    for name in ["a.png", "b.png", "below/c.png", "other/d.png"] {
        place.write(&format!("photos/{name}"), png(9, 9));
    }
    for name in ["photos/b.png", "photos/below"] {
        place.allow(name, 0);
    }
    let ran = run(place.bound("predict --weights output/tiny --csv --topk 1 photos"));
    // So that the folder can be removed.
    place.allow("photos/below", 0o755);
    assert_eq!(ran.stdout.lines().count(), 1 + 2, "{ran}");
    for name in ["photos/b.png cannot be read", "photos/below cannot be read"] {
        assert!(ran.stderr.contains(name), "{name}: {ran}");
    }
    ran.refused(3, &["2 of 4 pictures cannot be used"]);
}

#[cfg(unix)]
#[test]
fn training_counts_a_picture_that_may_not_be_read_among_the_damaged_and_needs_its_folders() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 120);
    class_folders(&place, "data/val", &["cat", "dog"], 8);
    let locked = |i: usize| format!("data/train/cat/locked{i}.png");
    let lock = |i: usize| {
        place.write(&locked(i), png(9, 9));
        place.allow(&locked(i), 0);
    };
    let train = |policy: &str, name: &str| {
        let options = tiny(&format!(
            "--data-dir data --epochs 1 --on-damaged {policy} --experiment {name}"
        ));
        run(place.bound(&format!("train {options}")))
    };
    lock(0);
    let ran = train("skip", "one").done();
    for words in [
        "1 picture could not be decoded",
        &locked(0),
        "Permission denied",
    ] {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {ran}");
    }
    train("fail", "none").refused(3, &["1 of 241 pictures", "none is put up with", &locked(0)]);
    let ran = run(place.bound("data check data"));
    assert!(ran.stdout.contains(&locked(0)), "{ran}");
    assert!(!ran.stderr.contains("panicked"), "{ran}");

    (1..3).for_each(lock);
    train("skip", "three").refused(3, &["of 243 pictures", "1 %"]);
    place.allow("data/train/dog", 0);
    for ran in [train("skip", "folder"), run(place.bound("data check data"))] {
        ran.refused(3, &["data/train/dog", "Permission denied"]);
    }
    // So that the folder can be removed.
    place.allow("data/train/dog", 0o755);
}

#[cfg(unix)]
#[test]
fn links_out_of_what_is_given_are_refused_with_advice_and_followed_on_request() {
    let place = trained();
    // Ten classes, as the network has; one of them is a link.
    let digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];
    class_folders(&place, "data", &digits, 2);
    class_folders(&place, "elsewhere", &["9"], 2);
    let link = place.path().join("data/9");
    std::os::unix::fs::symlink(place.path().join("elsewhere/9"), link).unwrap();
    place.write("names", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let weights = "--weights output/tiny";
    for (command, options) in [
        ("predict", format!("{weights} data")),
        ("cam", format!("{weights} data")),
        (
            "extract",
            format!("{weights} --node global_avg_pool --out x.npy data"),
        ),
        (
            "validate",
            format!("{weights} --data-dir data --class-map names"),
        ),
        ("data", "check data".into()),
    ] {
        let refused = run(ask(&place, command, &options));
        refused.refused(3, &["data/9 is a symbolic link", "--follow-links"]);
        let ran = run(ask(
            &place,
            command,
            &format!("{options} --follow-links --json"),
        ))
        .done();
        let answer = json(&ran);
        let seen = match command {
            "validate" => answer["images"].as_u64().unwrap(),
            "extract" => answer["pictures"].as_array().unwrap().len() as u64,
            "data" => ["train", "validation"]
                .iter()
                .map(|split| answer[split]["fingerprint"]["pictures"].as_u64().unwrap())
                .sum(),
            _ => answer.as_array().unwrap().len() as u64,
        };
        assert_eq!(seen, 20, "{command}: {answer}");
    }
}

#[test]
fn one_bad_picture_ends_training_that_puts_up_with_none() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 120);
    class_folders(&place, "data/val", &["cat", "dog"], 8);
    place.write("data/train/cat/cut.png", &png(9, 9)[..40]);
    let train = "--data-dir data --epochs 1";
    run(place.tiny(&format!("{train} --on-damaged fail --experiment strict")))
        .refused(3, &["1 of 241 pictures", "none is put up with", "cut.png"]);
    for policy in ["skip", "gray"] {
        let with = format!("{train} --on-damaged {policy} --experiment {policy}");
        let ran = run(place.tiny(&with)).done();
        assert!(ran.stderr.contains("cut.png"), "{ran}");
    }
    let recipe = fs::read_to_string(place.run_folder("strict").join("args.toml")).unwrap();
    assert!(recipe.contains("damaged = \"fail\""), "{recipe}");
}

#[test]
fn data_that_changed_between_two_parts_of_a_run_is_told_or_refused() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 16);
    class_folders(&place, "data/val", &["cat", "dog"], 8);
    run(place.tiny("--data-dir data --epochs 1")).done();
    let unchanged = run(place.tiny("--data-dir data --epochs 2 --strict-data")).done();
    assert!(
        !unchanged.stderr.contains("has changed since the last"),
        "{unchanged}"
    );
    place.write("data/train/dog/more.png", png(9, 9));
    run(place.tiny("--data-dir data --epochs 3 --strict-data")).refused(
        3,
        &[
            "training had 32 pictures",
            "now 33 pictures",
            "--strict-data",
        ],
    );
    let ran = run(place.tiny("--data-dir data --epochs 3")).done();
    assert!(
        ran.stderr
            .contains("the data has changed since the last checkpoint: training had 32"),
        "{ran}"
    );
}

#[test]
fn archives_train_as_folders_do_and_go_on_where_they_stopped() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 24);
    class_folders(&place, "data/val", &["cat", "dog"], 8);
    for split in ["train", "val"] {
        let file = fs::File::create(place.path().join(format!("{split}.tar"))).unwrap();
        let mut archive = tar::Builder::new(file);
        for class in ["cat", "dog"] {
            let folder = place.path().join("data").join(split).join(class);
            let mut names: Vec<_> = fs::read_dir(&folder)
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            names.sort();
            for path in names {
                let name = path
                    .strip_prefix(place.path().join("data").join(split))
                    .unwrap();
                archive.append_path_with_name(&path, name).unwrap();
            }
        }
        archive.finish().unwrap();
        fs::create_dir_all(place.path().join("shards")).unwrap();
        let to = place.path().join(format!("shards/{split}.tar"));
        fs::rename(place.path().join(format!("{split}.tar")), to).unwrap();
    }
    let options = |data: &str, name: &str, end: &str| {
        format!("--recipe everything.toml --data-dir {data} --epochs 2 --experiment {name} {end}")
    };
    run(place.tiny(&options("data", "folders", ""))).done();
    run(place.tiny(&options("shards", "shards", ""))).done();
    // In two parts, the first of which is one epoch.
    run(place.tiny(&options("shards", "parts", "--stop-after-epoch 1"))).done();
    run(place.tiny(&options("shards", "parts", "--workers 1"))).done();
    assert_same_end(&place.run_folder("shards"), &place.run_folder("parts"));
    let weights = |name: &str| {
        fs::read(pointed(&place.run_folder(name), "last").join("model.safetensors")).unwrap()
    };
    assert!(
        weights("folders") == weights("shards"),
        "the weights differ"
    );
    let changed = fs::read(place.path().join("shards/train.tar")).unwrap();
    place.write("shards/train.tar", &changed[..changed.len() - 2000]);
    run(place.tiny(&options("shards", "cut", "")))
        .refused(3, &["train.tar", "a whole tar archive"]);
    let ran = Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .current_dir(place.path())
        .args(["data", "check", "shards/val.tar"])
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(
        ran.status.success() && text.contains("every picture decodes"),
        "{text}"
    );
}
