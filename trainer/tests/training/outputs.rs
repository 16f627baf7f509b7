//! What commands write beside training: never over what they read, and refused before the work where it cannot be.

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
