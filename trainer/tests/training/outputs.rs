//! What commands write beside training, and how much they read: nothing over what they read, nothing without an end.

use std::fs;
use std::process::Command;

use crate::pictures::class_folders;
use crate::support::{Place, Ran, files, pointed, run};

/// A folder with a short run in `output/tiny`.
fn trained() -> Place {
    let place = Place::new();
    run(place.tiny("--epochs 1 --img-size 12")).done();
    place
}

fn triaxis(place: &Place, words: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command
        .current_dir(place.path())
        .args(words.split_whitespace());
    run(command)
}

#[test]
fn a_checkpoint_and_the_pictures_that_are_read_are_not_written_to() {
    let place = trained();
    class_folders(&place, "val", &["cat", "dog"], 2);
    let last = pointed(&place.run_folder("tiny"), "last");
    let name = last.file_name().unwrap().to_str().unwrap();
    let checkpoint = format!("output/tiny/{name}");
    let (kept, pictures) = (files(&last), files(&place.path().join("val/cat")));
    let weights = "--weights output/tiny";
    for (words, said) in [
        (
            format!("export {weights} --out {checkpoint}/model.safetensors"),
            "--out",
        ),
        (
            format!("extract {weights} val --node global_avg_pool --out {checkpoint}/f.npy"),
            "--out",
        ),
        (
            format!("cam {weights} val/cat --output {checkpoint}"),
            "--output",
        ),
        (
            format!("cam {weights} val/cat --output val/cat"),
            "--output: val/cat is among",
        ),
        (
            format!("cam {weights} val/cat/*.png --output val/cat"),
            "--output: val/cat is among",
        ),
        (
            format!("cam {weights} val --output val/maps"),
            "--output: val/maps is among",
        ),
        (
            format!("export {weights} --format safetensors --out output/tiny/args.toml"),
            "this command reads",
        ),
        (
            format!(
                "validate {weights} --data-dir synthetic:64 --results-file {checkpoint}/state.json"
            ),
            "--results-file",
        ),
        (
            "search tiny --data-dir synthetic --model tiny.toml --emit-sbatch tiny.toml".into(),
            "--emit-sbatch: tiny.toml is what",
        ),
        (
            "tune tiny.toml --out tiny.toml".into(),
            "--out: tiny.toml is what",
        ),
    ] {
        triaxis(&place, &words).refused(2, &[said]);
    }
    assert!(files(&last) == kept, "the checkpoint is what it was");
    assert!(files(&place.path().join("val/cat")) == pictures);
    // Beside the checkpoint there is room.
    let words = format!("export {weights} --out output/tiny/model.onnx");
    triaxis(&place, &words).done();
}

#[test]
fn a_stages_features_are_those_of_its_last_block() {
    let place = trained();
    class_folders(&place, "photos", &["cat"], 3);
    let extract = "extract --weights output/tiny photos --json --out";
    let words = format!("{extract} f.safetensors --stage 1 --stage 0 --node blocks.0.1");
    triaxis(&place, &words).done();
    let file = triaxis::checkpoint::tensors::read(&place.path().join("f.safetensors")).unwrap();
    // By name.
    let [stage, block, stem] = &file.tensors[..] else {
        panic!("{} tensors", file.tensors.len());
    };
    let names = [stage, block, stem].map(|t| t.name.as_str());
    assert_eq!(names, ["blocks.0", "blocks.0.1", "bn1"]);
    assert_eq!(stem.shape, [3, 6, 6, 6]);
    assert!(stage.data == block.data && stage.data != stem.data);
    triaxis(&place, &format!("{extract} f.npy --stage 2")).refused(
        2,
        &["--stage 2: tiny has no such stage", "0 (bn1), 1 (blocks.0)"],
    );
}

#[test]
fn rows_and_ledgers_are_not_replaced_by_what_is_made_of_them() {
    let place = Place::new();
    let rows = "suite,case\n";
    place.write("bm.csv", rows);
    triaxis(&place, "bench report --out bm.csv bm.csv")
        .refused(2, &["--out: bm.csv is what this command reads"]);
    place.write("out/figure-1.csv", rows);
    triaxis(&place, "figures 1 --rows out/figure-1.csv --out out")
        .refused(2, &["--out: out/figure-1.csv is what this command reads"]);
    for name in ["bm.csv", "out/figure-1.csv"] {
        assert_eq!(fs::read_to_string(place.path().join(name)).unwrap(), rows);
    }
    place.write("x.ledger", "of trials");
    triaxis(&place, "ledger export x.ledger csv --out ./x.ledger")
        .refused(2, &["--out: ./x.ledger is what this command reads"]);
    assert_eq!(
        fs::read_to_string(place.path().join("x.ledger")).unwrap(),
        "of trials"
    );
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let place = trained();
    class_folders(&place, "photos", &["cat"], 1);
    place.write("file", "in the way");
    let weights = "--weights output/tiny";
    for (words, code, said) in [
        (
            format!("validate {weights} --data-dir synthetic:64 --results-file none/r.csv"),
            2,
            "--results-file: there is no folder none",
        ),
        (
            format!("extract {weights} photos --node global_avg_pool --out none/f.npy"),
            2,
            "--out: there is no folder none",
        ),
        (
            "export --weights none.safetensors --out none/x.onnx".into(),
            2,
            "--out: there is no folder none",
        ),
        (
            format!("cam {weights} photos --output file/maps"),
            8,
            "file/maps: cannot make the folder",
        ),
        (
            "tune tiny.toml --out output".into(),
            2,
            "--out: output is a folder",
        ),
        (
            "tune tiny.toml --out file/x.toml".into(),
            8,
            "file: cannot make the folder",
        ),
        (
            "search tiny --data-dir none --model tiny.toml --out file/below".into(),
            8,
            "file/below: cannot make the folder",
        ),
    ] {
        let ran = triaxis(&place, &words).refused(code, &[said]);
        assert_eq!(ran.stdout, "", "{words}");
    }
}

#[cfg(unix)]
#[test]
fn advise_does_not_measure_for_a_folder_that_takes_no_file() {
    let place = Place::new();
    let words = "advise --max-flops 1G --quick --measured closed/here.toml";
    fs::create_dir(place.path().join("closed")).unwrap();
    place.allow("closed", 0o555);
    let ran = run(place.bound(words)).refused(8, &["closed: cannot make a file in it"]);
    assert!(!ran.stderr.contains("measuring"), "{ran}");
}

#[cfg(target_os = "linux")]
#[test]
fn inputs_without_an_end_are_refused() {
    let place = trained();
    class_folders(&place, "photos", &["cat"], 1);
    for (words, said) in [
        (
            "bench models --model tiny.toml --csv /dev/zero",
            "/dev/zero begins with another header",
        ),
        (
            "bench report --out page.html /dev/zero",
            "it is longer than 256 MiB",
        ),
        (
            "figures --heat-maps /dev/zero --out new",
            "it is longer than 64 MiB",
        ),
        (
            "predict --weights output/tiny --labels /dev/zero photos",
            "is larger than",
        ),
    ] {
        triaxis(&place, words).refused(2, &[said]);
    }
}
