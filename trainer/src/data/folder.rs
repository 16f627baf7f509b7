//! Class folders: one folder a class, pictures anywhere below it.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirEntry, Metadata},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{DataError, Dataset, Fingerprint, Picture, decode::read_picture, error::list};

/// Folders below a class folder, at most; deeper is a mistake or an attack.
const MAX_DEPTH: usize = 32;
const EXTENSIONS: [&str; 10] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "webp", "tif", "tiff",
];

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
        let mut walk = Walk {
            real_root: canonical(root)?,
            follow_links,
            ignored: Vec::new(),
            trail: Vec::new(),
        };
        let mut scan = Self {
            root: root.to_owned(),
            classes: Vec::new(),
            notes: Vec::new(),
        };
        walk.trail.push(walk.real_root.clone());
        for entry in sorted_entries(root)? {
            let name = entry.file_name();
            if is_hidden(&name) {
                continue;
            }
            let path = entry.path();
            if walk.metadata(&entry, &path)?.is_dir() {
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
        // Folders named by number sort by number, so that class 10 follows class 9.
        let number = |name: &OsString| name.to_str().and_then(|text| text.parse::<u64>().ok());
        if !scan.classes.is_empty() && scan.classes.iter().all(|(name, _)| number(name).is_some()) {
            scan.classes.sort_by_key(|(name, _)| number(name));
            let names = scan.names();
            scan.notes.push(format!(
                "class folders are numbers and are taken in numeric order: {}",
                list(&names)
            ));
        }
        if let Some(first) = walk.ignored.first() {
            scan.notes.push(format!(
                "{} files without a picture's extension are left out, {} among them",
                walk.ignored.len(),
                first.display()
            ));
        }
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
    pub(super) fn into_training(self) -> Result<(Folder, Vec<OsString>), DataError> {
        let mut filled = self.classes.iter().filter(|(_, files)| !files.is_empty());
        if let (first, None) = (filled.next(), filled.next()) {
            return Err(DataError::TooFewClasses {
                path: self.root.clone(),
                class: first.map(|(name, _)| name.to_string_lossy().into_owned()),
            });
        }
        let names = self.names();
        let keys: Vec<OsString> = self.classes.iter().map(|(name, _)| name.clone()).collect();
        Ok((self.into_folder(Arc::new(names), &keys), keys))
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

/// A walk that never leaves the data set and never turns in a circle.
struct Walk {
    real_root: PathBuf,
    follow_links: bool,
    ignored: Vec<PathBuf>,
    /// Real paths of the folders we are in.
    trail: Vec<PathBuf>,
}

impl Walk {
    fn descend(&mut self, folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<(), DataError> {
        let real = canonical(folder)?;
        if self.trail.contains(&real) {
            return Err(DataError::Link {
                path: folder.to_owned(),
                problem: "back to a folder above it",
                advice: "remove the link",
            });
        }
        if self.trail.len() > MAX_DEPTH {
            return Err(DataError::Layout {
                path: folder.to_owned(),
                found: format!("folders are nested more than {MAX_DEPTH} deep"),
                expected: "pictures in or closely below their class folder; move them up".into(),
            });
        }
        self.trail.push(real);
        for entry in sorted_entries(folder)? {
            let (name, path) = (entry.file_name(), entry.path());
            if is_hidden(&name) {
                continue;
            }
            let metadata = self.metadata(&entry, &path)?;
            if metadata.is_dir() {
                self.descend(&path, files)?;
            } else if metadata.is_file() && may_be_picture(&path) {
                files.push((path, metadata.len()));
            } else {
                self.ignored.push(path);
            }
        }
        self.trail.pop();
        Ok(())
    }

    /// What the entry, or the link's target, is.
    fn metadata(&self, entry: &DirEntry, path: &Path) -> Result<Metadata, DataError> {
        let failed = |source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let metadata = entry.metadata().map_err(failed)?;
        if !metadata.is_symlink() {
            return Ok(metadata);
        }
        let target = fs::canonicalize(path).map_err(failed)?;
        if !self.follow_links && !target.starts_with(&self.real_root) {
            return Err(DataError::Link {
                path: path.to_owned(),
                problem: "out of the data set",
                advice: "follow such links with --follow-links, or copy the files in",
            });
        }
        fs::metadata(path).map_err(failed)
    }
}

/// The folders directly in `path`, hidden ones left out.
pub(super) fn folders(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(sorted_entries(path)?
        .iter()
        .filter(|entry| !is_hidden(&entry.file_name()))
        .map(DirEntry::path)
        .filter(|path| path.is_dir())
        .collect())
}

fn canonical(path: &Path) -> Result<PathBuf, DataError> {
    fs::canonicalize(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The entries in the order of their names' bytes, the same on every file system.
fn sorted_entries(path: &Path) -> Result<Vec<DirEntry>, DataError> {
    let mut entries: Vec<DirEntry> =
        fs::read_dir(path)
            .and_then(Iterator::collect)
            .map_err(|source| DataError::Read {
                path: path.to_owned(),
                source,
            })?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// What desktops, archives and notebooks leave behind.
fn is_hidden(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.starts_with(b".")
        || [
            "__MACOSX",
            "Thumbs.db",
            "desktop.ini",
            "@eaDir",
            "lost+found",
        ]
        .iter()
        .any(|known| bytes.eq_ignore_ascii_case(known.as_bytes()))
}

/// By extension, or without one; what the file is, its content says when it is read.
fn may_be_picture(path: &Path) -> bool {
    match path.extension() {
        None => true,
        Some(extension) => EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known)),
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

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            pictures: self.files.len(),
            bytes: self.bytes,
            hash: self.hash.clone(),
        }
    }
}
