//! Through folders, in one order, out of none and into no circle.

use std::{
    ffi::OsStr,
    fs::{self, DirEntry, Metadata},
    path::{Path, PathBuf},
};

use crate::data::DataError;

/// Folders below a class folder, at most; deeper is a mistake or an attack.
const MAX_DEPTH: usize = 32;
const EXTENSIONS: [&str; 10] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "webp", "tif", "tiff",
];

/// What becomes of a folder below that may not be listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// It ends the walk: nobody knows how many pictures training would miss.
    Refused,
    /// It counts as a picture that cannot be read.
    Counted,
}

/// A walk that never leaves the data set and never turns in a circle.
pub(super) struct Walk {
    real_root: PathBuf,
    follow_links: bool,
    unreadable: Unreadable,
    /// Files without a picture's extension.
    pub(super) ignored: Vec<PathBuf>,
    /// Folders that were left out for their names.
    hidden: Vec<PathBuf>,
    /// Real paths of the folders we are in.
    trail: Vec<PathBuf>,
}

impl Walk {
    /// A walk through the data set in `root`.
    pub(super) fn new(root: &Path, follow_links: bool) -> Result<Self, DataError> {
        let real_root = canonical(root)?;
        Ok(Self {
            follow_links,
            unreadable: Unreadable::Refused,
            ignored: Vec::new(),
            hidden: Vec::new(),
            trail: vec![real_root.clone()],
            real_root,
        })
    }

    /// Adds the pictures below `folder` with their sizes.
    pub(super) fn descend(
        &mut self,
        folder: &Path,
        files: &mut Vec<(PathBuf, u64)>,
    ) -> Result<(), DataError> {
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
        let entries = sorted_entries(folder)?;
        self.trail.push(real);
        for entry in entries {
            let path = entry.path();
            if self.hides(&entry) {
                continue;
            }
            match self.metadata(&entry, &path)? {
                Some(metadata) if metadata.is_dir() => match self.descend(&path, files) {
                    Err(DataError::Read { .. }) if self.unreadable == Unreadable::Counted => {
                        files.push((path, 0));
                    }
                    done => done?,
                },
                Some(metadata) if metadata.is_file() && may_be_picture(&path) => {
                    files.push((path, metadata.len()));
                }
                // It counts as a picture that cannot be read.
                None if may_be_picture(&path) => files.push((path, 0)),
                _ => self.ignored.push(path),
            }
        }
        self.trail.pop();
        Ok(())
    }

    /// What was left out, and why.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(first) = self.hidden.first() {
            notes.push(format!(
                "{} hidden folders are left out, {} among them",
                self.hidden.len(),
                first.display()
            ));
        }
        if let Some(first) = self.ignored.first() {
            notes.push(format!(
                "{} files without a picture's extension are left out, {} among them",
                self.ignored.len(),
                first.display()
            ));
        }
        notes
    }

    /// Whether the entry is one that is left out; folders are remembered, to be told of.
    pub(super) fn hides(&mut self, entry: &DirEntry) -> bool {
        let hidden = is_hidden(&entry.file_name());
        if hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            self.hidden.push(entry.path());
        }
        hidden
    }

    /// What the entry, or the link's target, is; none where there is nothing that can be reached, as behind a dangling
    /// link or one that leads to itself.
    pub(super) fn metadata(
        &self,
        entry: &DirEntry,
        path: &Path,
    ) -> Result<Option<Metadata>, DataError> {
        let found = entry.metadata().and_then(|metadata| {
            let target = match metadata.is_symlink() {
                true => Some(fs::canonicalize(path)?),
                false => None,
            };
            Ok((target, fs::metadata(path)?))
        });
        match found {
            Ok((Some(target), _)) if !self.follow_links && !target.starts_with(&self.real_root) => {
                Err(DataError::Link {
                    path: path.to_owned(),
                    problem: "out of the data set",
                    advice: "copy the files in, or follow such links with --follow-links",
                })
            }
            Ok((_, metadata)) => Ok(Some(metadata)),
            // Reading it will say why.
            Err(_) => Ok(None),
        }
    }
}

/// Every picture in `folder` and below, by name, and notes on what was left out; folders below that may not be listed are
/// among the pictures, and cannot be read. Links that lead out of it are refused unless they are to be followed.
pub(in crate::data) fn pictures_below(
    folder: &Path,
    follow_links: bool,
) -> Result<(Vec<PathBuf>, Vec<String>), DataError> {
    let mut walk = Walk::new(folder, follow_links)?;
    walk.unreadable = Unreadable::Counted;
    // The descent begins with the root itself.
    walk.trail.clear();
    let mut files = Vec::new();
    walk.descend(folder, &mut files)?;
    let pictures = files.into_iter().map(|(path, _)| path).collect();
    Ok((pictures, walk.notes()))
}

/// The folders directly in `path`, hidden ones left out.
pub(in crate::data) fn folders(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(shown(path)?.into_iter().filter(|p| p.is_dir()).collect())
}

/// The files directly in `path`, hidden ones left out.
pub(in crate::data) fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(shown(path)?.into_iter().filter(|p| p.is_file()).collect())
}

/// What is directly in `path`, hidden entries left out, by name.
fn shown(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = sorted_entries(path)?.into_iter();
    let entries = entries.filter(|entry| !is_hidden(&entry.file_name()));
    Ok(entries.map(|entry| entry.path()).collect())
}

fn canonical(path: &Path) -> Result<PathBuf, DataError> {
    fs::canonicalize(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The entries in the order of their names' bytes, the same on every file system.
pub(super) fn sorted_entries(path: &Path) -> Result<Vec<DirEntry>, DataError> {
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
pub(in crate::data) fn is_hidden(name: &OsStr) -> bool {
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
    path.extension().is_none() || has_picture_extension(path)
}

/// Whether the name ends as those of pictures do.
pub(in crate::data) fn has_picture_extension(path: &Path) -> bool {
    let is = |known: &&str| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case(known))
    };
    EXTENSIONS.iter().any(is)
}
