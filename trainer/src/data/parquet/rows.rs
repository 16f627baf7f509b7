//! The pictures of several Parquet files as one data set.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::table::{Table, wrong};
use crate::data::{DataError, Dataset, Fingerprint, MAX_CLASSES, Picture, decode};

/// Rows of one split, in the order of the files.
pub(in crate::data) struct Rows {
    tables: Vec<Table>,
    /// The index of the first row of each file.
    firsts: Vec<usize>,
    classes: Arc<Vec<String>>,
    labels: Vec<u32>,
    fingerprint: Fingerprint,
}

impl Rows {
    /// Opens `files`: their metadata and labels are read, pictures are not. The classes are those of `training`, where it is
    /// given, else what the files name, else numbers.
    pub(in crate::data) fn open(
        files: &[PathBuf],
        training: Option<&Self>,
    ) -> Result<Self, DataError> {
        let mut tables = Vec::new();
        let (mut firsts, mut labels) = (Vec::new(), Vec::new());
        let mut names: Option<Vec<String>> = None;
        for path in files {
            let opened = Table::open(path)?;
            if let Some(found) = opened.names {
                let known = training.map(|t| &*t.classes).or(names.as_ref());
                if known.is_some_and(|known| *known != found) {
                    return Err(wrong(
                        path,
                        "names other classes than the files before it".into(),
                        "files of one data set",
                    ));
                }
                names = Some(found);
            }
            firsts.push(labels.len());
            labels.extend(opened.labels);
            tables.push(opened.table);
        }
        let count = labels.iter().max().map_or(0, |&most| most as usize + 1);
        let classes = match (training, names) {
            (Some(training), _) => Arc::clone(&training.classes),
            (None, Some(names)) => Arc::new(names),
            (None, None) => Arc::new((0..count.min(MAX_CLASSES)).map(|i| i.to_string()).collect()),
        };
        let mut rows = Self {
            tables,
            firsts,
            classes,
            labels,
            fingerprint: Fingerprint {
                pictures: 0,
                bytes: 0,
                hash: String::new(),
            },
        };
        rows.check_labels()?;
        rows.fingerprint = rows.printed();
        Ok(rows)
    }

    /// Refuses labels that name no class.
    fn check_labels(&self) -> Result<(), DataError> {
        let classes = self.classes.len();
        let Some(index) = self.labels.iter().position(|&l| l as usize >= classes) else {
            return Ok(());
        };
        let (table, row) = self.place(index);
        Err(DataError::Label {
            path: table.path.clone(),
            row,
            label: self.labels[index] as usize,
            classes,
        })
    }

    fn printed(&self) -> Fingerprint {
        let mut hash = blake3::Hasher::new();
        for table in &self.tables {
            hash.update(file_name(&table.path).as_encoded_bytes());
            hash.update(&[0]);
            hash.update(&table.bytes.to_le_bytes());
        }
        for label in &self.labels {
            hash.update(&label.to_le_bytes());
        }
        Fingerprint {
            pictures: self.labels.len(),
            bytes: self.tables.iter().map(|table| table.bytes).sum(),
            hash: hash.finalize().to_hex().to_string(),
        }
    }

    /// The file that holds a picture, and its row there.
    fn place(&self, index: usize) -> (&Table, usize) {
        let table = self.firsts.partition_point(|&first| first <= index) - 1;
        (&self.tables[table], index - self.firsts[table])
    }
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index] as usize
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let (table, row) = self.place(index);
        decode(&table.read(row)?, &table.place(row))
    }

    fn name(&self, index: usize) -> String {
        let (table, row) = self.place(index);
        format!("{}, row {row}", file_name(&table.path).to_string_lossy())
    }

    fn encoded(&self, index: usize) -> Option<Result<Vec<u8>, DataError>> {
        let (table, row) = self.place(index);
        Some(table.read(row))
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }
}
