//! Single pictures without labels: files, what lies in folders, and what came through a pipe.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    DataError, Dataset, Fingerprint, Picture,
    decode::{decode, read_picture},
    folder::pictures_below,
};

/// Pictures in the order in which they were added, all of one nameless class.
#[derive(Debug, Default)]
pub struct Files {
    pictures: Vec<Source>,
    class: [String; 1],
    notes: Vec<String>,
    follow_links: bool,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Bytes { name: String, bytes: Vec<u8> },
}

impl Files {
    /// None yet; links may lead out of the folders that are added.
    #[must_use]
    pub fn following_links() -> Self {
        Self {
            follow_links: true,
            ..Self::default()
        }
    }

    /// Adds the file at `path`, or every picture in the folder at `path` and below, by name. Whether a file holds a
    /// picture shows when it is read.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be listed, or links lead out of it and are not to be followed, or in a circle.
    pub fn add(&mut self, path: &Path) -> Result<(), DataError> {
        if path.is_dir() {
            let (found, notes) = pictures_below(path, self.follow_links)?;
            self.notes.extend(notes);
            self.pictures.extend(found.into_iter().map(Source::File));
        } else {
            self.pictures.push(Source::File(path.to_owned()));
        }
        Ok(())
    }

    /// What was left out of the folders, and why: to be told to the user.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds the picture in `bytes`, which messages call `name`.
    pub fn add_bytes(&mut self, name: &str, bytes: Vec<u8>) {
        let name = name.to_owned();
        self.pictures.push(Source::Bytes { name, bytes });
    }
}

impl Dataset for Files {
    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn classes(&self) -> &[String] {
        &self.class
    }

    fn label(&self, _: usize) -> usize {
        0
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        match &self.pictures[index] {
            Source::File(path) => read_picture(path),
            Source::Bytes { name, bytes } => decode(bytes, Path::new(name)),
        }
    }

    fn name(&self, index: usize) -> String {
        match &self.pictures[index] {
            Source::File(path) => path.to_string_lossy().into_owned(),
            Source::Bytes { name, .. } => name.clone(),
        }
    }

    fn path(&self, index: usize) -> Option<PathBuf> {
        match &self.pictures[index] {
            Source::File(path) => Some(path.clone()),
            Source::Bytes { .. } => None,
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hash = blake3::Hasher::new();
        let mut bytes = 0;
        for source in &self.pictures {
            let (name, size): (&OsStr, u64) = match source {
                Source::File(path) => (path.as_os_str(), path.metadata().map_or(0, |m| m.len())),
                Source::Bytes { name, bytes } => (OsStr::new(name), bytes.len() as u64),
            };
            bytes += size;
            hash.update(name.as_encoded_bytes());
            hash.update(&[0]);
            hash.update(&size.to_le_bytes());
        }
        Fingerprint {
            pictures: self.pictures.len(),
            bytes,
            hash: hash.finalize().to_hex().to_string(),
        }
    }
}
