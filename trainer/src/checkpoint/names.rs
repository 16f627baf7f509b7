//! Names in an output directory.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Pointer;

/// Longest content of a pointer file, in bytes.
const LONGEST_POINTER: u64 = 64;

/// The directory of a checkpoint, numbered by step.
pub(super) fn directory_name(step: u64) -> String {
    format!("checkpoint-{step:06}")
}

/// The step of a checkpoint directory's name; no other spelling of it counts.
pub(super) fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("checkpoint-")?.parse().ok()?;
    (directory_name(step) == name).then_some(step)
}

/// The step that a pointer names; what is not the name of a checkpoint is not followed.
pub(super) fn pointed(output: &Path, pointer: Pointer) -> Option<u64> {
    step_of(line(&output.join(pointer.name()))?.trim_end())
}

/// The step that a pointer was about to name; none where the file was not written to its end.
pub(super) fn announced(file: &Path) -> Option<u64> {
    step_of(line(file)?.strip_suffix('\n')?)
}

fn line(file: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(file).ok()?;
    file.take(LONGEST_POINTER).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Where a checkpoint stands while another takes its place.
pub(super) fn replaced(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".old");
    place.with_file_name(name)
}

/// The names in a directory; those that are no text are none of ours.
pub(super) fn entries(directory: &Path) -> Vec<String> {
    let listing = fs::read_dir(directory).into_iter().flatten().flatten();
    listing
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Bytes in a file, or in a directory and below.
pub(super) fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(file) if file.is_dir() => entries(path)
            .iter()
            .map(|name| size(&path.join(name)))
            .sum(),
        Ok(file) => file.len(),
        Err(_) => 0,
    }
}
