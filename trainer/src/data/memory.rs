//! Pictures of one size, all in memory.

use std::path::{Path, PathBuf};

use super::{DataError, Dataset, Fingerprint, Picture};

/// Pictures of one size in memory, and where each came from.
pub(super) struct Memory {
    folder: PathBuf,
    classes: Vec<String>,
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
    labels: Vec<u16>,
    /// Each file with the index of its first picture.
    files: Vec<(PathBuf, usize)>,
    bytes: u64,
    hash: blake3::Hasher,
}

impl Memory {
    pub(super) fn new(
        folder: &Path,
        classes: Vec<String>,
        width: usize,
        height: usize,
        channels: usize,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            classes,
            width,
            height,
            channels,
            pixels: Vec::new(),
            labels: Vec::new(),
            files: Vec::new(),
            bytes: 0,
            hash: blake3::Hasher::new(),
        }
    }

    /// Lets these bytes as stored count in the fingerprint.
    pub(super) fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// Notes a file that pictures come from; gives its number for [`Memory::push`].
    pub(super) fn file(&mut self, path: &Path, bytes: &[u8]) -> usize {
        self.count(bytes);
        self.files.push((path.to_owned(), self.labels.len()));
        self.files.len() - 1
    }

    /// Adds a picture, row `row` of file `file`; the label must name a class.
    pub(super) fn push(
        &mut self,
        file: usize,
        row: usize,
        label: usize,
        pixels: impl Iterator<Item = u8>,
    ) -> Result<(), DataError> {
        if label >= self.classes.len() {
            return Err(DataError::Label {
                path: self.files[file].0.clone(),
                row,
                label,
                classes: self.classes.len(),
            });
        }
        self.pixels.extend(pixels);
        self.labels.push(label as u16);
        Ok(())
    }
}

impl Dataset for Memory {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let size = self.width * self.height * self.channels;
        let pixels = &self.pixels[index * size..(index + 1) * size];
        let rgb = match self.channels {
            1 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
            _ => pixels.to_vec(),
        };
        Ok(Picture {
            width: self.width,
            height: self.height,
            rgb,
        })
    }

    fn name(&self, index: usize) -> String {
        let file = self.files.iter().rev().find(|(_, first)| *first <= index);
        match file {
            Some((path, first)) => {
                let name = path.strip_prefix(&self.folder).unwrap_or(path);
                format!("{}, row {}", name.display(), index - first)
            }
            None => format!("row {index}"),
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            pictures: self.len(),
            bytes: self.bytes,
            hash: self.hash.finalize().to_hex().to_string(),
        }
    }
}
