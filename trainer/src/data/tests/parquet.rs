//! Parquet files as the Hugging Face Hub has them, and hostile ones.

use std::fs;

#[cfg(feature = "parquet")]
mod reading;

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_which_build_reads_it() {
    use super::super::{DataOptions, open, open_validation};
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("train-00000-of-00001.parquet");
    fs::write(&file, b"PAR1").unwrap();
    for place in [root.path(), &file] {
        let place = place.display().to_string();
        let training = open(&place, &DataOptions::default()).map(|_| ());
        let validation = open_validation(&place, &DataOptions::default()).map(|_| ());
        for error in [training.unwrap_err(), validation.unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("--features parquet"), "{text}");
            assert_eq!(error.exit_code(), 3);
        }
    }
}

#[test]
fn files_are_told_apart_by_how_their_names_begin() {
    use super::super::parquet::find;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("data");
    fs::create_dir(&folder).unwrap();
    let found = || {
        let found = find(root.path()).unwrap();
        let names = [&found.training, &found.validation].map(|files| {
            let name = |path: &std::path::PathBuf| path.file_name().unwrap().display().to_string();
            files.iter().map(name).collect::<Vec<_>>()
        });
        (names, found.notes.len())
    };
    assert_eq!(found(), ([vec![], vec![]], 0));
    let write = |name: &str| fs::write(folder.join(name), b"").unwrap();
    write("b.parquet");
    write("a.parquet");
    write("notes.txt");
    assert_eq!(found().0, [vec!["a.parquet", "b.parquet"], vec![]]);
    write("train-1.parquet");
    write("train-0.parquet");
    write("test-0.parquet");
    let training = vec!["train-0.parquet", "train-1.parquet"];
    let expected = [training.clone(), vec!["test-0.parquet"]];
    assert_eq!(
        found(),
        (
            expected.map(|v| v.iter().map(|s| s.to_string()).collect()),
            1
        )
    );
    // Validation counts before the test, which is left alone.
    write("validation-0.parquet");
    let (names, notes) = found();
    assert_eq!(names, [training, vec!["validation-0.parquet"]]);
    assert_eq!(notes, 1);
}
