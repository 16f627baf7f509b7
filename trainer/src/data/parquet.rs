//! Parquet files of pictures, as the Hugging Face Hub has them: which there are, and what each is for.
//!
//! They are read under the cargo feature `parquet`; without it, a data set of them is refused with the name of the feature.

use std::path::{Path, PathBuf};

use super::{DataError, folder};

#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod rows;
#[cfg(feature = "parquet")]
mod table;

#[cfg(feature = "parquet")]
pub(super) use rows::Rows;
/// What stands for rows where none can be read.
#[cfg(not(feature = "parquet"))]
pub(super) type Rows = super::Subset;

/// What the names of files begin with that hold validation; the first that is there is used.
const VALIDATION: [&str; 2] = ["val", "test"];

/// Parquet files by what they are for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// To train on: `train-*.parquet`, or all files where no name says more.
    pub(super) training: Vec<PathBuf>,
    /// To measure on: `validation-*.parquet` or `test-*.parquet`.
    pub(super) validation: Vec<PathBuf>,
    /// Worth telling, not worth stopping for.
    pub(super) notes: Vec<String>,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.training.is_empty() && self.validation.is_empty()
    }
}

/// The Parquet files in the folder `root`, or else in `data/` below it; or `root` itself where it is one.
pub(super) fn find(root: &Path) -> Result<Found, DataError> {
    if root.is_file() {
        return Ok(divide(match is_parquet(root) {
            true => vec![root.to_owned()],
            false => Vec::new(),
        }));
    }
    for folder in [root.to_owned(), root.join("data")] {
        if folder.is_dir() {
            let files = folder::files(&folder)?.into_iter();
            let found = divide(files.filter(|path| is_parquet(path)).collect());
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(Found::default())
}

fn is_parquet(path: &Path) -> bool {
    let extension = path.extension();
    path.is_file() && extension.is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}

/// Files by how their names begin.
fn divide(files: Vec<PathBuf>) -> Found {
    let begins = |path: &PathBuf, word: &str| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.to_ascii_lowercase().starts_with(word)
    };
    let chosen = VALIDATION
        .iter()
        .find(|word| files.iter().any(|path| begins(path, word)));
    let is_named = files.iter().any(|path| begins(path, "train")) || chosen.is_some();
    if !is_named {
        return Found {
            training: files,
            ..Found::default()
        };
    }
    let mut found = Found::default();
    let mut others = Vec::new();
    for path in files {
        if begins(&path, "train") {
            found.training.push(path);
        } else if chosen.is_some_and(|word| begins(&path, word)) {
            found.validation.push(path);
        } else {
            others.push(path);
        }
    }
    if let Some(first) = others.first() {
        found.notes.push(format!(
            "{} Parquet files are left alone, {} among them",
            others.len(),
            first.display()
        ));
    }
    found
}

/// The training pictures of files that [`find`] has found, and those of validation where it has some.
pub(super) fn open(root: &Path, found: &Found) -> Result<(Rows, Option<Rows>), DataError> {
    if found.training.is_empty() {
        return Err(DataError::Layout {
            path: root.to_owned(),
            found: "Parquet files of validation are there but none to train on".into(),
            expected: "files that are called `train-*.parquet`".into(),
        });
    }
    let training = read(root, &found.training, None)?;
    let validation = match found.validation.is_empty() {
        true => None,
        false => Some(read(root, &found.validation, Some(&training))?),
    };
    Ok((training, validation))
}

/// The pictures of validation, or, where there are none of their own, all.
pub(super) fn open_validation(root: &Path, found: &Found) -> Result<Rows, DataError> {
    match found.validation.is_empty() {
        true => read(root, &found.training, None),
        false => read(root, &found.validation, None),
    }
}

#[cfg(feature = "parquet")]
fn read(_: &Path, files: &[PathBuf], training: Option<&Rows>) -> Result<Rows, DataError> {
    Rows::open(files, training)
}

#[cfg(not(feature = "parquet"))]
fn read(root: &Path, files: &[PathBuf], _: Option<&Rows>) -> Result<Rows, DataError> {
    Err(DataError::Layout {
        path: root.to_owned(),
        found: format!(
            "{} Parquet files are there, which this binary cannot read: it was built without the cargo feature `parquet`",
            files.len()
        ),
        expected: "another layout, or a binary that was built with --features parquet".into(),
    })
}
