//! What a run leaves for people and scripts.

use std::fs;

use crate::support::{Place, Running, files, pointed, run};

#[test]
fn a_run_leaves_its_recipe_summary_report_and_checkpoints() {
    let place = Place::new();
    let ran = run(place.tiny("--recipe everything.toml --epochs 3 --swa-start 0")).done();
    let folder = place.run_folder("tiny");

    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(3));
    let hash = json["recipe_hash"].as_str().unwrap();
    let mut lines = summary.lines();
    assert_eq!(
        lines.next(),
        Some(
            "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,recipe,ema_loss,ema_top1,ema_top5,swa_loss,swa_top1,swa_top5"
        )
    );
    for (epoch, line) in (0..3).zip(lines.by_ref()) {
        let mut cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.remove(6), hash);
        let numbers: Vec<f64> = cells.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(
            (numbers.len(), numbers[0]),
            (12, f64::from(epoch)),
            "{line}"
        );
        assert!(numbers.iter().all(|n| n.is_finite()), "{line}");
        assert!(numbers[3] <= numbers[4] && numbers[4] <= 100.0, "{line}");
    }
    assert_eq!(lines.next(), None);

    let newest = pointed(&folder, "last");
    assert!(newest.ends_with("checkpoint-000012"), "{newest:?}");
    pointed(&folder, "best");
    let parts = files(&newest);
    let parts: Vec<&String> = parts.keys().collect();
    assert_eq!(
        parts,
        [
            "MANIFEST.json",
            "ema.safetensors",
            "model.safetensors",
            "optimizer.safetensors",
            "state.json",
            "swa-sum.safetensors",
            "swa.safetensors"
        ]
    );
    assert!(folder.join("args.toml").is_file());
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.trim_end().ends_with("</html>"));
    assert_eq!(ran.stdout.lines().last(), Some("output/tiny/report.html"));
}

#[test]
fn weights_bear_the_names_and_shapes_of_the_network() {
    let place = Place::new();
    run(place.tiny("--epochs 1")).done();
    let weights = &files(&pointed(&place.run_folder("tiny"), "last"))["model.safetensors"];
    let tensors = safetensors::SafeTensors::deserialize(weights).unwrap();
    let shape = |name: &str| tensors.tensor(name).map(|t| t.shape().to_vec()).ok();
    for (name, expected) in [
        ("conv_stem.weight", vec![6, 3, 3, 3]),
        ("bn1.weight", vec![6]),
        ("bn1.running_var", vec![6]),
        ("blocks.0.0.conv_pw.weight", vec![12, 6, 1, 1]),
        ("blocks.0.1.conv_dw.weight", vec![12, 1, 3, 3]),
        ("blocks.0.1.se.conv_reduce.bias", vec![3]),
        ("blocks.0.1.bn3.running_mean", vec![6]),
        ("classifier.weight", vec![10, 6]),
        ("classifier.bias", vec![10]),
    ] {
        assert_eq!(shape(name), Some(expected), "{name}");
    }
    assert_eq!(tensors.names().len(), 45);
}

#[test]
fn json_is_one_document_on_standard_output_and_quiet_says_nothing() {
    let place = Place::new();
    let ran = run(place.tiny("--epochs 1 --json")).done();
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["model"], "tiny");
    let ran = run(place.tiny("--epochs 1 --quiet --experiment quiet")).done();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn a_reader_that_is_gone_does_no_harm() {
    let place = Place::new();
    assert_eq!(Running::start(place.tiny("--epochs 1")).unheard(), Some(0));
    pointed(&place.run_folder("tiny"), "last");
    let unknown = place.command("--data-dir synthetic --model resnet51");
    assert_eq!(Running::start(unknown).unheard(), Some(2));
}

#[test]
fn a_small_network_learns_the_synthetic_pictures() {
    let place = Place::new();
    run(place.tiny("--epochs 4 --data-dir synthetic:480 --img-size 16")).done();
    let summary = fs::read_to_string(place.run_folder("tiny").join("summary.csv")).unwrap();
    let losses: Vec<f64> = summary
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(losses[3] < losses[0] - 0.1, "{losses:?}");
}
