//! From the files of archives to pictures with labels: class folders, or WebDataset's pairs of a picture and a `.cls`.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::members::{Member, members};
use crate::data::{DataError, MAX_CLASSES, folder::has_picture_extension};

/// The longest content of a `.cls` file, in bytes.
const MAX_LABEL: u64 = 1024;

/// What a picture is said to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Label {
    Name(String),
    Number(usize),
}

/// A picture in an archive.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) shard: u32,
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) label: Label,
    /// The folders that it lies in, outermost first; none where a `.cls` says what it shows.
    pub(super) folders: Vec<String>,
}

/// What several archives hold.
pub(super) struct Found {
    pub(super) samples: Vec<Sample>,
    /// Worth telling, not worth stopping for.
    pub(super) notes: Vec<String>,
}

/// The pictures of `shards`, in the order of the archives and of their files.
pub(super) fn samples(shards: &[PathBuf]) -> Result<Found, DataError> {
    let mut found = Found {
        samples: Vec::new(),
        notes: Vec::new(),
    };
    let (mut hidden, mut ignored) = (0, Vec::new());
    for (shard, path) in shards.iter().enumerate() {
        let (members, left_out) = members(path)?;
        hidden += left_out;
        let labelled = members.iter().any(|member| split(&member.name).1 == "cls");
        match labelled {
            true => pairs(path, shard as u32, members, &mut found.samples)?,
            false => {
                for member in members {
                    match has_picture_extension(Path::new(&member.name)) {
                        true => found.samples.push(in_folders(path, shard as u32, member)?),
                        false => ignored.push(member.name),
                    }
                }
            }
        }
    }
    let (count, numbers) = found
        .samples
        .iter()
        .fold((0, 0), |(count, numbers), sample| {
            (
                count + 1,
                numbers + usize::from(matches!(sample.label, Label::Number(_))),
            )
        });
    if let (Some(path), true) = (shards.first(), numbers != 0 && numbers != count) {
        return Err(wrong(
            path,
            format!("{numbers} of {count} labels in these archives are numbers, the others names"),
            "labels of one kind",
        ));
    }
    if let Some(first) = ignored.first() {
        found.notes.push(format!(
            "{} files without a picture's extension are left out, {first} among them",
            ignored.len()
        ));
    }
    if hidden > 0 {
        found
            .notes
            .push(format!("{hidden} hidden files in archives are left out"));
    }
    Ok(found)
}

pub(super) fn wrong(path: &Path, found: String, expected: &str) -> DataError {
    DataError::Container {
        path: path.to_owned(),
        found,
        expected: expected.into(),
    }
}

/// A name without and with what stands behind the first dot of its last part, in lower case.
fn split(name: &str) -> (&str, String) {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].find('.') {
        Some(dot) => (
            &name[..file + dot],
            name[file + dot + 1..].to_ascii_lowercase(),
        ),
        None => (name, String::new()),
    }
}

fn in_folders(path: &Path, shard: u32, member: Member) -> Result<Sample, DataError> {
    let mut folders: Vec<String> = member.name.split('/').map(str::to_owned).collect();
    folders.pop();
    let Some(innermost) = folders.last() else {
        return Err(wrong(
            path,
            format!(
                "{} lies in no class folder and has no .cls beside it",
                member.name
            ),
            "pictures in class folders, or WebDataset's pairs of 0001.jpg and 0001.cls",
        ));
    };
    Ok(Sample {
        shard,
        label: Label::Name(innermost.clone()),
        name: member.name,
        offset: member.offset,
        length: member.length,
        folders,
    })
}

/// Files that differ behind the first dot only are one sample: a picture and its `.cls`. Other files of it are passed over.
fn pairs(
    path: &Path,
    shard: u32,
    members: Vec<Member>,
    samples: &mut Vec<Sample>,
) -> Result<(), DataError> {
    let mut labels = HashMap::new();
    let mut file = File::open(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    for member in &members {
        let (key, extension) = split(&member.name);
        if extension == "cls" {
            labels.insert(key.to_owned(), label(path, &mut file, member)?);
        }
    }
    let mut seen: HashMap<String, String> = HashMap::new();
    for member in members {
        let (key, _) = split(&member.name);
        if !has_picture_extension(Path::new(&member.name)) {
            continue;
        }
        let Some(label) = labels.get(key) else {
            let found = format!("{} has no {key}.cls beside it", member.name);
            return Err(wrong(path, found, "a label for every picture"));
        };
        if let Some(other) = seen.insert(key.to_owned(), member.name.clone()) {
            let found = format!("{other} and {} are pictures of one sample", member.name);
            return Err(wrong(path, found, "one picture for each .cls"));
        }
        samples.push(Sample {
            shard,
            label: label.clone(),
            name: member.name,
            offset: member.offset,
            length: member.length,
            folders: Vec::new(),
        });
    }
    Ok(())
}

/// What a `.cls` says: a number, or a name.
fn label(path: &Path, file: &mut File, member: &Member) -> Result<Label, DataError> {
    let refuse = |found: &str| {
        let found = format!("{} {found}", member.name);
        Err(wrong(path, found, "the number or the name of a class"))
    };
    if member.length > MAX_LABEL {
        return refuse(&format!("has {} bytes", member.length));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(member.offset))
        .and_then(|_| file.take(member.length).read_to_end(&mut bytes))
        .map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })?;
    let Ok(text) = String::from_utf8(bytes) else {
        return refuse("is no text");
    };
    match (text.trim(), text.trim().parse()) {
        ("", _) => refuse("is empty"),
        (_, Ok(number)) if number < MAX_CLASSES => Ok(Label::Number(number)),
        (text, Ok(_)) => refuse(&format!(
            "says {text}, more than {MAX_CLASSES} classes have"
        )),
        (text, Err(_)) if text.contains(char::is_control) => refuse("has several lines"),
        (text, Err(_)) => Ok(Label::Name(text.to_owned())),
    }
}
