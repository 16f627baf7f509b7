//! `triaxis tune`, and what becomes of its table.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{NETWORK, Place, run};

/// The tiny network, wide enough for a choice of kernels.
fn wide() -> String {
    NETWORK
        .replace("width = 6", "width = 32")
        .replace("tiny", "wide")
}

fn triaxis(place: &Place, options: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    let output = command
        .current_dir(place.path())
        .args(options.split_whitespace())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{options}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e} in {output:?}"))
}

#[test]
fn a_table_is_measured_and_decides_which_kernels_run() {
    let place = Place::new();
    place.write("wide.toml", wide());
    let tuned = triaxis(
        &place,
        "tune wide.toml -b 4 --runs 1 --out here.toml --json",
    );
    let classes = tuned["classes"].as_array().unwrap();
    assert!(!classes.is_empty(), "{tuned}");
    for class in classes {
        for key in ["blocked_ms", "tiled_ms"] {
            assert!(class[key].as_f64().unwrap() > 0.0, "{class}");
        }
    }
    assert_eq!(tuned["table"]["cases"][0], "train wide_r12_b4_f32");

    // What takes minutes is told while it is measured.
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command
        .current_dir(place.path())
        .args("tune wide.toml -b 4 --runs 1 --out again.toml".split(' '));
    let told = run(command).done().stderr;
    assert!(
        told.contains("measuring on ") && told.contains("  train wide_r12_b4_f32: tiled kernels\n"),
        "{told}"
    );

    // The other variant than this adapter's kind has, for every class: a plan that follows it runs other kernels.
    let kernels = |options: &str| -> Vec<String> {
        let rows = triaxis(
            &place,
            &format!("bench training --model wide.toml -b 4 --runs 1 --profile --json {options}"),
        );
        let names = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["kernel"].as_str().unwrap().to_owned());
        names.collect()
    };
    let by_kind = classes[0]["by_kind"].as_str().unwrap();
    let other = if by_kind == "tiled" {
        "blocked"
    } else {
        "tiled"
    };
    let names: Vec<&str> = classes
        .iter()
        .map(|class| class["class"].as_str().unwrap())
        .collect();
    let adapter = &tuned["table"]["adapter"];
    let table = format!("adapter = {adapter}\n[kernels]\n{other} = {names:?}\n");
    place.write("other.toml", table);
    let tiled = |names: &[String]| {
        names
            .iter()
            .filter(|name| name.contains("conv2d_tiled"))
            .count()
    };
    let (default, turned) = (kernels(""), kernels("--tune other.toml"));
    assert_ne!(tiled(&default), tiled(&turned), "{default:?} {turned:?}");

    // A run keeps it, and goes on by it alone.
    let train = |options: &str| {
        let fixed =
            "--model wide.toml --epochs 1 --experiment run --batch-size 4 --data-dir synthetic:32";
        run(place.tiny(&format!("{fixed} {options}")))
    };
    train("--tune other.toml").done();
    let kept = fs::read_to_string(place.path().join("output/run/args.toml")).unwrap();
    assert!(names.iter().all(|name| kept.contains(name)), "{kept}");
    train("").refused(2, &["kernels"]);
    fs::remove_file(place.path().join("other.toml")).unwrap();
    run(place.command("--recipe output/run/args.toml --experiment run --data-dir synthetic:32"))
        .done();
}

#[test]
fn values_that_are_better_written_are_looked_for_where_plans_are_fused() {
    let place = Place::new();
    place.write("wide.toml", wide());
    let tuned = triaxis(
        &place,
        "tune wide.toml -b 4 --runs 1 --amp --out here.toml --json",
    );
    let edges = tuned["edges"].as_array().unwrap();
    let names: Vec<&str> = edges
        .iter()
        .filter_map(|edge| edge["class"].as_str())
        .collect();
    for way in ["into", "back to"] {
        assert!(names.iter().any(|name| name.starts_with(way)), "{tuned}");
    }
    for edge in edges {
        for key in ["fused_ms", "stored_ms"] {
            assert!(edge[key].as_f64().unwrap() > 0.0, "{edge}");
        }
    }

    // All of them written: the kernels that write batch norms run again.
    let adapter = &tuned["table"]["adapter"];
    let table = format!("adapter = {adapter}\n[kernels]\nstored = {names:?}\n");
    place.write("stored.toml", table);
    let written = |options: &str| {
        let rows = triaxis(
            &place,
            &format!(
                "bench training --model wide.toml -b 4 --runs 1 --amp --profile --json {options}"
            ),
        );
        let rows = rows.as_array().unwrap().iter();
        let kernels = rows.filter_map(|row| row["kernel"].as_str());
        let writes = |kernel: &&str| {
            kernel.ends_with("/batch_norm_apply") || kernel.ends_with("/batch_norm_grad_input")
        };
        kernels.filter(writes).count()
    };
    let [fused, stored] = ["", "--tune stored.toml"].map(written);
    assert!(fused < stored, "{fused} of {stored}");
}

#[test]
fn tables_of_other_adapters_and_files_that_are_none_are_refused() {
    let place = Place::new();
    place.write("none.toml", "[kernels]\ntiled = [\"fast\"]\n");
    place.write("other.toml", "adapter = \"Another\"\n");
    place.write("edge.toml", "[kernels]\nstored = [\"fast\"]\n");
    for (file, said) in [
        ("none.toml", "fast is no class of convolutions"),
        ("edge.toml", "fast is no class of edges"),
        ("other.toml", "the table is of Another"),
        ("missing.toml", "missing.toml"),
    ] {
        run(place.tiny(&format!("--epochs 1 --tune {file}"))).refused(2, &[said]);
    }
}
