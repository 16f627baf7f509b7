//! Tar archives of pictures, WebDataset's shards among them (<https://github.com/webdataset/webdataset>). An index is made
//! by one pass over the headers; pictures are read from where they lie, so that any order costs the same.

mod members;
mod samples;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DataError, Dataset, Fingerprint, MAX_CLASSES, MAX_FILE_BYTES, Picture, decode::decode,
    error::list, folder, natural,
};
use samples::{Found, Label, Sample, samples};

/// Folders and beginnings of archives' names that hold validation; the first that is there is used.
const VALIDATION: [&str; 3] = ["val", "validation", "test"];

/// Pictures of one split, in the order of the archives.
pub(super) struct Shards {
    shards: Arc<Vec<PathBuf>>,
    classes: Arc<Vec<String>>,
    samples: Vec<Sample>,
    labels: Vec<u32>,
    fingerprint: Fingerprint,
}

/// The training pictures of archives, those of validation where they have some, and notes.
pub(super) type Opened = (Shards, Option<Shards>, Vec<String>);

/// The archives in the folder `root`, and in `train/`, `val/` and the like below it; or `root` itself where it is one.
pub(super) fn find(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_tar = |path: &Path| {
        let extension = path.extension();
        path.is_file() && extension.is_some_and(|e| e.eq_ignore_ascii_case("tar"))
    };
    if is_tar(root) {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    let below = ["train"]
        .iter()
        .chain(&VALIDATION)
        .map(|name| root.join(name));
    for folder in [root.to_owned()]
        .into_iter()
        .chain(below)
        .filter(|path| path.is_dir())
    {
        found.extend(
            folder::files(&folder)?
                .into_iter()
                .filter(|path| is_tar(path)),
        );
    }
    Ok(found)
}

/// Opens archives that [`find`] has found.
///
/// What trains and what validates is told by the archives' names or folders (`train-0000.tar`, `val/0000.tar`), else by the
/// outermost folders in them. Labels are numbers or names in `.cls` files, else the names of the folders.
pub(super) fn open(root: &Path, shards: Vec<PathBuf>) -> Result<Opened, DataError> {
    let Found {
        mut samples,
        mut notes,
    } = samples(&shards)?;
    // An archive is often that of one folder.
    strip(&mut samples);
    let (mut training, mut validation) = divide(root, &shards, samples, &mut notes);
    label_by_folder(&mut training);
    label_by_folder(&mut validation);
    let shards = Arc::new(shards);
    if training.is_empty() {
        return Err(DataError::Layout {
            path: root.to_owned(),
            found: format!("no training picture is in {} archives", shards.len()),
            expected:
                "archives of class folders, or of WebDataset's pairs of 0001.jpg and 0001.cls"
                    .into(),
        });
    }
    let classes = Arc::new(classes(&training));
    let train = Shards::new(&shards, &classes, training)?;
    if validation.is_empty() {
        return Ok((train, None, notes));
    }
    let known: HashSet<&str> = classes.iter().map(String::as_str).collect();
    let named = |label: &Label| match label {
        Label::Name(name) if !known.contains(name.as_str()) => Some(name.clone()),
        _ => None,
    };
    let mut extra: Vec<String> = validation.iter().filter_map(|s| named(&s.label)).collect();
    extra.sort_by(|a, b| natural::compare(a, b));
    extra.dedup();
    if !extra.is_empty() {
        return Err(DataError::ForeignClasses {
            path: root.to_owned(),
            extra,
            training: classes.to_vec(),
        });
    }
    let validation = Shards::new(&shards, &classes, validation)?;
    let present: HashSet<u32> = validation.labels.iter().copied().collect();
    let missing: Vec<String> = (0u32..)
        .zip(classes.iter())
        .filter(|(label, _)| !present.contains(label))
        .map(|(_, name)| name.clone())
        .collect();
    if !missing.is_empty() {
        notes.push(format!(
            "validation has no picture of {}: their accuracy stays unknown",
            list(&missing)
        ));
    }
    Ok((train, Some(validation), notes))
}

/// Whether a picture belongs to the split of that name.
type Is<'a> = &'a dyn Fn(&Sample, &str) -> bool;

/// Training and validation, by the names of the archives or by the outermost folders in them.
fn divide(
    root: &Path,
    shards: &[PathBuf],
    samples: Vec<Sample>,
    notes: &mut Vec<String>,
) -> (Vec<Sample>, Vec<Sample>) {
    let place = |path: &PathBuf| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .to_string_lossy()
            .to_ascii_lowercase()
    };
    let places: Vec<String> = shards.iter().map(place).collect();
    let begins = |sample: &Sample, word: &str| places[sample.shard as usize].starts_with(word);
    let in_folder = |sample: &Sample, word: &str| sample.folders.first().is_some_and(|f| f == word);
    let by: [Is<'_>; 2] = [&begins, &in_folder];
    for is in by {
        // A set in which each is one of these is divided; one with a class that is called `test` is not.
        let named = |s: &Sample| is(s, "train") || VALIDATION.iter().any(|word| is(s, word));
        let chosen = VALIDATION
            .iter()
            .find(|word| samples.iter().any(|s| is(s, word)));
        let Some(chosen) = chosen.filter(|_| samples.iter().all(named)) else {
            continue;
        };
        let (training, rest): (Vec<_>, Vec<_>) = samples.into_iter().partition(|s| is(s, "train"));
        let (validation, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|s| is(s, chosen));
        if !others.is_empty() {
            notes.push(format!(
                "validation is `{chosen}`; {} other pictures are left alone",
                others.len()
            ));
        }
        return (training, validation);
    }
    (samples, Vec::new())
}

/// Leaves out the outermost folders that all pictures share, but for the innermost of each.
fn strip(samples: &mut [Sample]) {
    let shared = |samples: &[Sample]| {
        let first = samples.first().and_then(|s| s.folders.first());
        first.is_some()
            && samples
                .iter()
                .all(|s| s.folders.len() > 1 && s.folders.first() == first)
    };
    while shared(samples) {
        samples.iter_mut().for_each(|s| drop(s.folders.remove(0)));
    }
}

/// Pictures in folders are labelled by the outermost one that is left.
fn label_by_folder(samples: &mut [Sample]) {
    strip(samples);
    for sample in samples {
        if let Some(outermost) = sample.folders.first() {
            sample.label = Label::Name(outermost.clone());
        }
    }
}

/// The classes of training pictures, in the order of their labels.
fn classes(training: &[Sample]) -> Vec<String> {
    let mut names = HashSet::new();
    let mut count = 0;
    for sample in training {
        match &sample.label {
            Label::Name(name) => drop(names.insert(name.as_str())),
            Label::Number(number) => count = count.max(number + 1),
        }
    }
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_by(|a, b| natural::compare(a, b));
    match names.is_empty() {
        true => (0..count.min(MAX_CLASSES))
            .map(|label| label.to_string())
            .collect(),
        false => names,
    }
}

impl Shards {
    fn new(
        shards: &Arc<Vec<PathBuf>>,
        classes: &Arc<Vec<String>>,
        samples: Vec<Sample>,
    ) -> Result<Self, DataError> {
        let places: HashMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
        let mut labels = Vec::with_capacity(samples.len());
        let mut hash = blake3::Hasher::new();
        let mut bytes = 0;
        for (row, sample) in samples.iter().enumerate() {
            let path = &shards[sample.shard as usize];
            let label = match &sample.label {
                Label::Name(name) => match places.get(name.as_str()) {
                    Some(&label) => label,
                    None => {
                        return Err(DataError::ForeignClasses {
                            path: path.clone(),
                            extra: vec![name.clone()],
                            training: classes.to_vec(),
                        });
                    }
                },
                &Label::Number(label) if label < classes.len() => label,
                &Label::Number(label) => {
                    return Err(DataError::Label {
                        path: path.join(&sample.name),
                        row,
                        label,
                        classes: classes.len(),
                    });
                }
            };
            hash.update(sample.name.as_bytes());
            hash.update(&[0]);
            hash.update(&sample.length.to_le_bytes());
            hash.update(&(label as u32).to_le_bytes());
            bytes += sample.length;
            labels.push(label as u32);
        }
        Ok(Self {
            shards: Arc::clone(shards),
            classes: Arc::clone(classes),
            fingerprint: Fingerprint {
                pictures: samples.len(),
                bytes,
                hash: hash.finalize().to_hex().to_string(),
            },
            samples,
            labels,
        })
    }

    /// The bytes of a picture, as they lie in its archive.
    fn read(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let sample = &self.samples[index];
        if sample.length > MAX_FILE_BYTES {
            return Err(DataError::TooLarge {
                path: self.place(index),
                found: format!("{} bytes", sample.length),
                cap: format!("{MAX_FILE_BYTES} bytes"),
            });
        }
        let mut bytes = Vec::with_capacity(sample.length as usize);
        File::open(&self.shards[sample.shard as usize])
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(sample.offset))?;
                file.take(sample.length).read_to_end(&mut bytes)
            })
            .map_err(|source| DataError::Read {
                path: self.place(index),
                source,
            })?;
        Ok(bytes)
    }

    /// The archive and the name in it, for messages.
    fn place(&self, index: usize) -> PathBuf {
        let sample = &self.samples[index];
        self.shards[sample.shard as usize].join(&sample.name)
    }
}

impl Dataset for Shards {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index] as usize
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        decode(&self.read(index)?, &self.place(index))
    }

    fn name(&self, index: usize) -> String {
        let shard = &self.shards[self.samples[index].shard as usize];
        let shard = shard.file_name().unwrap_or_default().to_string_lossy();
        format!("{shard}/{}", self.samples[index].name)
    }

    fn encoded(&self, index: usize) -> Option<Result<Vec<u8>, DataError>> {
        Some(self.read(index))
    }

    fn bytes(&self, index: usize) -> u64 {
        self.samples[index].length
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }
}
