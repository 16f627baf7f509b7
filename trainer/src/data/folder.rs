//! Class folders: one folder a class, pictures anywhere below it.

mod walk;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DataError, Dataset, Fingerprint, MAX_FILE_BYTES, Picture,
    decode::{read_capped, read_picture},
    error::list,
    natural,
};
use walk::{Walk, sorted_entries};
pub(super) use walk::{files, folders, has_picture_extension, is_hidden, pictures_below};

/// Pictures of one split, sorted by class and path.
pub(super) struct Folder {
    root: PathBuf,
    classes: Arc<Vec<String>>,
    files: Vec<(PathBuf, u32)>,
    bytes: u64,
    hash: String,
}

/// What a walk through class folders found, before labels are given.
pub(super) struct Scan {
    root: PathBuf,
    /// Folder name and its files with their sizes, in label order.
    classes: Vec<(OsString, Vec<(PathBuf, u64)>)>,
    /// Worth telling, not worth stopping for.
    pub(super) notes: Vec<String>,
}

impl Scan {
    /// Walks the class folders of `root`.
    pub(super) fn new(root: &Path, follow_links: bool) -> Result<Self, DataError> {
        let mut walk = Walk::new(root, follow_links)?;
        let mut scan = Self {
            root: root.to_owned(),
            classes: Vec::new(),
            notes: Vec::new(),
        };
        for entry in sorted_entries(root)? {
            if walk.hides(&entry) {
                continue;
            }
            let name = entry.file_name();
            let path = entry.path();
            if walk
                .metadata(&entry, &path)?
                .is_some_and(|metadata| metadata.is_dir())
            {
                let mut files = Vec::new();
                walk.descend(&path, &mut files)?;
                if files.is_empty() {
                    scan.notes
                        .push(format!("class folder {} holds no picture", path.display()));
                }
                scan.classes.push((name, files));
            } else {
                walk.ignored.push(path);
            }
        }
        // By the numbers in their names, so that class 10 follows class 9.
        let by_bytes = scan.names();
        scan.classes.sort_by(|(a, _), (b, _)| {
            natural::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b))
        });
        let names = scan.names();
        if names != by_bytes {
            scan.notes.push(format!(
                "class folders are taken in the order of the numbers in their names: {}",
                list(&names)
            ));
        }
        scan.notes.extend(walk.notes());
        Ok(scan)
    }

    /// The classes' names, as shown.
    pub(super) fn names(&self) -> Vec<String> {
        let shown = |name: &OsString| name.to_string_lossy().into_owned();
        self.classes.iter().map(|(name, _)| shown(name)).collect()
    }

    fn pictures(&self) -> usize {
        self.classes.iter().map(|(_, files)| files.len()).sum()
    }

    /// Labels are the positions of this scan's own classes.
    pub(super) fn into_training(self) -> (Folder, Vec<OsString>) {
        let names = self.names();
        let keys: Vec<OsString> = self.classes.iter().map(|(name, _)| name.clone()).collect();
        (self.into_folder(Arc::new(names), &keys), keys)
    }

    /// Labels are those of training, by folder name; also notes on classes that have no picture here.
    pub(super) fn into_validation(
        self,
        training: &Folder,
        keys: &[OsString],
    ) -> Result<(Folder, Vec<String>), DataError> {
        let foreign =
            |(name, files): &&(OsString, Vec<_>)| !files.is_empty() && !keys.contains(name);
        let extra: Vec<String> = self
            .classes
            .iter()
            .filter(foreign)
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
        if !extra.is_empty() {
            return Err(DataError::ForeignClasses {
                path: self.root,
                extra,
                training: training.classes.to_vec(),
            });
        }
        if self.pictures() == 0 {
            return Err(DataError::Layout {
                path: self.root,
                found: "there is no picture to validate on".into(),
                expected: "class folders like those of training; remove this folder to split training instead".into(),
            });
        }
        let mut notes = self.notes.clone();
        let present = |key: &OsString| {
            self.classes
                .iter()
                .any(|(name, files)| name == key && !files.is_empty())
        };
        let missing: Vec<String> = keys
            .iter()
            .zip(training.classes.iter())
            .filter(|(key, _)| !present(key))
            .map(|(_, name)| name.clone())
            .collect();
        if !missing.is_empty() {
            notes.push(format!(
                "{} has no picture of {}: their accuracy stays unknown",
                self.root.display(),
                list(&missing)
            ));
        }
        Ok((self.into_folder(Arc::clone(&training.classes), keys), notes))
    }

    fn into_folder(self, classes: Arc<Vec<String>>, keys: &[OsString]) -> Folder {
        let mut files = Vec::with_capacity(self.pictures());
        let mut hash = blake3::Hasher::new();
        let mut bytes = 0;
        for (label, key) in keys.iter().enumerate() {
            for (_, found) in self.classes.iter().filter(|(name, _)| name == key) {
                for (path, size) in found {
                    let name = path.strip_prefix(&self.root).unwrap_or(path);
                    hash.update(name.as_os_str().as_encoded_bytes());
                    hash.update(&[0]);
                    hash.update(&size.to_le_bytes());
                    bytes += size;
                    files.push((path.clone(), label as u32));
                }
            }
        }
        Folder {
            root: self.root,
            classes,
            files,
            bytes,
            hash: hash.finalize().to_hex().to_string(),
        }
    }
}

impl Dataset for Folder {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, index: usize) -> usize {
        self.files[index].1 as usize
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        read_picture(&self.files[index].0)
    }

    fn name(&self, index: usize) -> String {
        let path = &self.files[index].0;
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn path(&self, index: usize) -> Option<PathBuf> {
        Some(self.files[index].0.clone())
    }

    fn encoded(&self, index: usize) -> Option<Result<Vec<u8>, DataError>> {
        Some(read_capped(&self.files[index].0, MAX_FILE_BYTES))
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            pictures: self.files.len(),
            bytes: self.bytes,
            hash: self.hash.clone(),
        }
    }
}
