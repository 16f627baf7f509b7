//! Weights in several files, with an index that says which tensor is where (Hugging Face's layout).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use serde::Deserialize;

use crate::checkpoint::{TensorFile, tensors};
use crate::error::{Error, Result};

/// The usual name of an index.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Largest index, in bytes.
const LARGEST: u64 = 8 << 20;
/// Most files that an index may name.
const MOST_FILES: usize = 1024;

#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// Reads every file that the index at `path` names; each tensor must be where the index says, and nowhere else.
pub(super) fn read(path: &Path) -> Result<TensorFile> {
    let refuse = |problem: String| {
        Error::checkpoint(
            path,
            problem,
            "Fetch the index and its files again, from one version",
        )
    };
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text))
        .map_err(|e| refuse(format!("cannot be read: {e}")))?;
    if text.len() as u64 > LARGEST {
        return Err(refuse(format!("is larger than {LARGEST} bytes")));
    }
    let index: Index = serde_json::from_slice(&text)
        .map_err(|e| refuse(format!("is no index of weights: {e}")))?;
    let files: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    if files.is_empty() || files.len() > MOST_FILES {
        let count = files.len();
        return Err(refuse(format!(
            "names {count} files, expected 1 to {MOST_FILES}"
        )));
    }
    if let Some(file) = files.iter().find(|file| !is_plain(file)) {
        return Err(refuse(format!(
            "names {file:?}, expected files beside the index"
        )));
    }
    let mut all = TensorFile::default();
    for name in files {
        let file = tensors::read(&path.with_file_name(name))?;
        let stray = |t: &&tensors::NamedTensor| {
            index
                .weight_map
                .get(&t.name)
                .is_none_or(|file| file != name)
        };
        if let Some(tensor) = file.tensors.iter().find(stray) {
            return Err(refuse(format!(
                "does not say that {} is in {name}",
                tensor.name
            )));
        }
        all.tensors.extend(file.tensors);
        for (format, count) in file.converted {
            *all.converted.entry(format).or_default() += count;
        }
    }
    // Every tensor is where the index says, so those that it has too many are in no file.
    let found: BTreeSet<&str> = all.tensors.iter().map(|t| t.name.as_str()).collect();
    if let Some((name, file)) = index
        .weight_map
        .iter()
        .find(|(name, _)| !found.contains(name.as_str()))
    {
        return Err(refuse(format!("says that {name} is in {file}, it is not")));
    }
    all.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Whether it is the name of a file, and no path that leads elsewhere.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    matches!(first, Some(Component::Normal(_)))
        && components.next().is_none()
        && !name.contains(['/', '\\'])
}
