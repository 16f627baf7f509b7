//! `triaxis validate` and `triaxis predict`: a run's checkpoints are asked what pictures show.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::pictures::class_folders;
use crate::support::{Place, Ran, pointed, run};

/// A folder with a short run on synthetic pictures in `output/tiny`.
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

#[test]
fn validation_finds_what_training_found() {
    let place = trained();
    let state = fs::read_to_string(pointed(&place.run_folder("tiny"), "best").join("state.json"));
    let state: Value = serde_json::from_str(&state.unwrap()).unwrap();
    let found = &state["rows"][0]["eval"];
    let options = "--weights output/tiny --data-dir synthetic:64 --json --results-file r.csv";
    let ran = run(ask(&place, "validate", options)).done();
    let report = json(&ran);
    for key in ["top1", "top5", "loss"] {
        let [ours, theirs] = [&report, found].map(|numbers| numbers[key].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-4, "{key}: {report} and {found}");
    }
    assert_eq!(report["images"], 10);
    assert!(report["images_per_second"].as_f64().unwrap() > 0.0);
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "top1",
            "top5",
            "images",
            "loss",
            "images_per_second",
            "batch_size"
        ]
    );
    let results = fs::read_to_string(place.path().join("r.csv")).unwrap();
    assert!(
        results.starts_with("model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,")
            && results.contains("\ntiny,"),
        "{results}"
    );
    // Twice as many views, and another size: the same pictures.
    let options = "--weights output/tiny/last --data-dir synthetic:64 --tta flip --img-size 16";
    let ran = run(ask(&place, "validate", options)).done();
    assert!(ran.stdout.contains("10 images"), "{ran}");
}

#[test]
fn classes_are_matched_by_name_or_refused() {
    let place = trained();
    // The synthetic classes have names; three of them have folders here.
    let manifest = pointed(&place.run_folder("tiny"), "last").join("MANIFEST.json");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
    let classes = manifest["origin"]["classes"].as_array().unwrap();
    let known: Vec<&str> = [7, 2, 4].map(|i| classes[i].as_str().unwrap()).to_vec();
    class_folders(&place, "some/val", &known, 2);
    let ran = run(ask(
        &place,
        "validate",
        "--weights output/tiny --data-dir some --json",
    ))
    .done();
    assert_eq!(json(&ran)["images"], 6);
    class_folders(&place, "other", &["stranger", known[0]], 2);
    run(ask(
        &place,
        "validate",
        "--weights output/tiny --data-dir other",
    ))
    .refused(3, &["stranger", known[0]]);
    run(ask(
        &place,
        "validate",
        "--weights output/tiny --data-dir nowhere",
    ))
    .refused(3, &["nowhere"]);
}

#[test]
fn pictures_are_named_by_their_likeliest_classes() {
    let place = trained();
    class_folders(&place, "photos", &["a", "b"], 2);
    let options =
        "--weights output/tiny photos/a photos/b/000.png photos/b/00?.png --json --topk 3";
    let predictions = json(&run(ask(&place, "predict", options)).done());
    let predictions = predictions.as_array().unwrap();
    let names: Vec<&str> = predictions
        .iter()
        .map(|p| p["image"].as_str().unwrap())
        .collect();
    let expected = [
        "photos/a/000.png",
        "photos/a/001.png",
        "photos/b/000.png",
        "photos/b/000.png",
        "photos/b/001.png",
    ];
    assert_eq!(
        names,
        expected.map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
    );
    for prediction in predictions {
        let top = prediction["top"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        assert!(top[0]["probability"].as_f64() >= top[1]["probability"].as_f64());
        assert!(!top[0]["label"].as_str().unwrap().is_empty());
    }
    // The same picture through a pipe, with names of its own.
    let labels: Vec<String> = (0..10)
        .map(|i| format!("class \"{i}\", no other\n"))
        .collect();
    place.write("labels.txt", labels.concat());
    let options = "--weights output/tiny - --csv --labels labels.txt --topk 1";
    let mut piped = ask(&place, "predict", options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let picture = fs::read(place.path().join("photos/a/000.png")).unwrap();
    piped.stdin.take().unwrap().write_all(&picture).unwrap();
    let ran = Ran::new(piped.wait_with_output().unwrap()).done();
    let index = predictions[0]["top"][0]["index"].as_u64().unwrap();
    let row = format!("-,1,{index},\"class \"\"{index}\"\", no other\",");
    assert!(
        ran.stdout.lines().nth(1).unwrap().starts_with(&row),
        "{ran}"
    );
}

#[test]
fn a_bad_picture_is_told_and_does_not_stop_the_rest() {
    let place = trained();
    class_folders(&place, "photos", &["a"], 3);
    let good = fs::read(place.path().join("photos/a/000.png")).unwrap();
    place.write("photos/a/0011.png", &good[..good.len() - 20]);
    place.write("photos/text.png", "no picture");
    let options = "--weights output/tiny photos gone.png --json --batch-size 2";
    let ran = run(ask(&place, "predict", options));
    assert_eq!(json(&ran).as_array().unwrap().len(), 3);
    let ran = ran.refused(3, &["0011.png: 3 of 6 pictures cannot be used"]);
    for part in ["0011.png", "text.png", "gone.png"] {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
    // A header that announces 65535×65535 pixels costs neither time nor memory.
    let mut bomb = good;
    bomb[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    place.write("bomb.png", bomb);
    run(ask(&place, "predict", "--weights output/tiny bomb.png")).refused(3, &["1 of 1"]);
}

#[cfg(unix)]
#[test]
fn standard_input_that_cannot_be_read_is_no_matter_of_a_disk() {
    let place = trained();
    let folder = fs::File::open(place.path()).unwrap();
    let mut predict = ask(&place, "predict", "--weights output/tiny -");
    predict.stdin(folder);
    let ran = run(predict).refused(3, &["standard input: it cannot be read", "one picture"]);
    assert!(!ran.stderr.contains("checkpoint"), "{ran}");
}

#[test]
fn a_batch_is_no_larger_than_there_are_pictures_or_memory() {
    let place = trained();
    class_folders(&place, "photos", &["a"], 2);
    let little = "--weights output/tiny --memory-limit 8 --batch-size 4096";
    run(ask(&place, "predict", &format!("{little} photos"))).done();
    let validate = format!("{little} --data-dir synthetic:64 --no-retry");
    run(ask(&place, "validate", &validate))
        .refused(5, &["out of GPU memory", "Use a smaller --batch-size"]);
}

#[test]
fn weights_that_cannot_be_used_say_why() {
    let place = trained();
    class_folders(&place, "photos", &["a"], 1);
    let cases = [
        ("--weights none.safetensors photos", 4, "none.safetensors"),
        ("--weights photos photos", 4, "holds no weights"),
        ("--weights model.pth photos", 4, "weights_only=True"),
        ("--weights bare.safetensors photos", 2, "--model"),
        (
            "--weights bare.safetensors --model resnet18 photos",
            4,
            "conv1.weight",
        ),
        (
            "--weights hf://timm/nothing --model resnet18 photos",
            4,
            "hf://timm/nothing",
        ),
        ("--weights output/tiny --crop-pct 2 photos", 2, "--crop-pct"),
        (
            "--weights output/tiny --labels photos/a/000.png photos",
            2,
            "one label a line",
        ),
        ("--weights output/tiny none/*.png", 3, "no picture is there"),
    ];
    place.write("model.pth", "");
    let file = pointed(&place.run_folder("tiny"), "last").join("model.safetensors");
    place.write("bare.safetensors", fs::read(file).unwrap());
    for (options, code, word) in cases {
        run(ask(&place, "predict", options)).refused(code, &[word]);
    }
    // A new classifier for another number of classes, as one asked.
    let options = "--weights bare.safetensors --model tiny.toml --num-classes 3 photos";
    let ran = run(ask(&place, "predict", options)).done();
    assert!(ran.stderr.contains("begins anew"), "{ran}");
}

#[test]
fn a_file_of_weights_in_a_checkpoint_is_of_the_runs_network() {
    let place = trained();
    class_folders(&place, "photos", &["a"], 1);
    let last = pointed(&place.run_folder("tiny"), "last");
    let name = last.file_name().unwrap().to_str().unwrap();
    let predict = |weights: String| {
        let options = format!("--weights {weights} photos --json");
        json(&run(ask(&place, "predict", &options)).done())
    };
    let folder = predict(format!("output/tiny/{name}"));
    let file = predict(format!("output/tiny/{name}/model.safetensors"));
    assert_eq!(file, folder);
}

#[test]
fn training_begins_from_the_weights_of_another_run() {
    let place = trained();
    // At a learning rate of nothing the weights stay what they were, and so does what they find.
    let options = "--epochs 1 --img-size 12 --lr 0.0000000001 --experiment second --initial-checkpoint output/tiny";
    run(place.tiny(options)).done();
    let weights = |name: &str| {
        let file = pointed(&place.run_folder(name), "best").join("model.safetensors");
        let file = triaxis::checkpoint::tensors::read(&file).unwrap();
        let learned = |t: &&triaxis::checkpoint::NamedTensor| !t.name.contains("running_");
        file.tensors
            .iter()
            .filter(learned)
            .cloned()
            .collect::<Vec<_>>()
    };
    for (one, other) in weights("tiny").iter().zip(&weights("second")) {
        assert_eq!(one.name, other.name);
        for (a, b) in one.data.iter().zip(&other.data) {
            assert!((a - b).abs() < 1e-4, "{}: {a} and {b}", one.name);
        }
    }
    let options = "--epochs 1 --img-size 12 --experiment third --initial-checkpoint none";
    run(place.tiny(options)).refused(4, &["none"]);
}
