//! A look at everything before a long run.

mod text;

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde::{Deserialize, Serialize};

use super::{DataError, DataOptions, Dataset, Fingerprint, decode, decode::sniff, open::open};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// What was checked.
    pub path: String,
    /// The training data.
    pub train: SplitReport,
    /// The validation data.
    pub validation: SplitReport,
    /// Pictures with the same pixels in training and in validation.
    pub duplicates: Vec<Duplicate>,
    /// How the data was understood, and what is odd about it.
    pub notes: Vec<String>,
}

/// One split of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SplitReport {
    /// Its pictures by class, in label order.
    pub classes: Vec<ClassCount>,
    /// Pictures of the largest class for one of the smallest that has any.
    pub imbalance: f64,
    /// Pictures by file format; empty where they are stored as plain numbers.
    pub formats: BTreeMap<String, usize>,
    /// The sizes of those that decode; none where none does.
    pub sizes: Option<Sizes>,
    /// What cannot be decoded.
    pub damaged: Vec<DamagedPicture>,
    /// Pictures with the same pixels as one before them.
    #[serde(default)]
    pub repeated: Vec<Repeated>,
    /// What tells whether the data changed; its bytes are those of this split alone.
    pub fingerprint: Fingerprint,
}

/// A class and how many pictures it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Its pictures, damaged ones included.
    pub pictures: usize,
}

/// Widths and heights, in pixels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The picture with the least pixels.
    pub smallest: [usize; 2],
    /// The one in the middle.
    pub median: [usize; 2],
    /// The one with the most pixels.
    pub largest: [usize; 2],
    /// How many different sizes there are.
    pub different: usize,
}

/// A picture that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedPicture {
    /// Its name in the data set.
    pub picture: String,
    /// What is wrong, and where.
    pub reason: String,
}

/// The same pixels on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The first such picture of training.
    pub train: String,
    /// A picture of validation.
    pub validation: String,
    /// Their classes, that of training first, where they contradict each other.
    #[serde(default)]
    pub contradiction: Option<[String; 2]>,
}

/// The same pixels twice in one split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The first such picture.
    pub first: String,
    /// A later one.
    pub picture: String,
    /// Their classes, that of the first one first, where they contradict each other.
    #[serde(default)]
    pub contradiction: Option<[String; 2]>,
}

impl CheckReport {
    /// Whether training on this data would stop: more than 1 % of a split is damaged.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        let too_many = |split: &SplitReport| split.damaged.len() * 100 > split.fingerprint.pictures;
        too_many(&self.train) || too_many(&self.validation)
    }
}

/// Decodes every picture of a data set, on all cores.
///
/// # Errors
///
/// Where the data cannot be opened; damaged pictures are part of the report.
pub fn check(path_or_name: &str, options: &DataOptions) -> Result<CheckReport, DataError> {
    let split = open(path_or_name, options)?;
    let (train, train_pixels) = survey(&*split.train)?;
    let (validation, validation_pixels) = survey(&*split.validation)?;
    let mut first = HashMap::new();
    for (index, hash) in train_pixels {
        first.entry(hash).or_insert(index);
    }
    let duplicates = validation_pixels
        .iter()
        .filter_map(|&(index, hash)| {
            let twin = *first.get(&hash)?;
            Some(Duplicate {
                train: split.train.name(twin),
                validation: split.validation.name(index),
                contradiction: contradiction([(&*split.train, twin), (&*split.validation, index)]),
            })
        })
        .collect();
    Ok(CheckReport {
        path: path_or_name.to_owned(),
        train,
        validation,
        duplicates,
        notes: split.notes,
    })
}

/// The classes of two equal pictures, where they are not the same.
fn contradiction(pictures: [(&dyn Dataset, usize); 2]) -> Option<[String; 2]> {
    let [one, other] = pictures.map(|(data, index)| &data.classes()[data.label(index)]);
    (one != other).then(|| [one.clone(), other.clone()])
}

/// The pictures that are equal to one before them.
fn repeated(data: &dyn Dataset, pixels: &[(usize, [u8; 32])]) -> Vec<Repeated> {
    let mut first = HashMap::new();
    let mut repeated = Vec::new();
    for &(index, hash) in pixels {
        match first.entry(hash) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(entry) => {
                let twin = *entry.get();
                repeated.push(Repeated {
                    first: data.name(twin),
                    picture: data.name(index),
                    contradiction: contradiction([(data, twin), (data, index)]),
                });
            }
        }
    }
    repeated
}

/// One picture that decodes.
struct Seen {
    size: [usize; 2],
    format: Option<&'static str>,
    pixels: [u8; 32],
}

/// Index and hash of the pixels.
type Hashes = Vec<(usize, [u8; 32])>;

/// The split's report, and the hash of each good picture's pixels, in order of index.
fn survey(data: &dyn Dataset) -> Result<(SplitReport, Hashes), DataError> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(data.len()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= data.len() {
                return;
            }
            let seen = look(data, index);
            found
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, seen));
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_unstable_by_key(|(index, _)| *index);

    let name = |name: &String| ClassCount {
        name: name.clone(),
        pictures: 0,
    };
    let mut report = SplitReport {
        classes: data.classes().iter().map(name).collect(),
        imbalance: 1.0,
        formats: BTreeMap::new(),
        sizes: None,
        damaged: Vec::new(),
        repeated: Vec::new(),
        fingerprint: Fingerprint {
            bytes: (0..data.len()).map(|index| data.bytes(index)).sum(),
            ..data.fingerprint()
        },
    };
    let mut sizes = Vec::new();
    let mut pixels = Vec::new();
    for (index, seen) in found {
        report.classes[data.label(index)].pictures += 1;
        match seen {
            Ok(seen) => {
                sizes.push(seen.size);
                pixels.push((index, seen.pixels));
                if let Some(format) = seen.format {
                    *report.formats.entry(format.to_owned()).or_default() += 1;
                }
            }
            Err(error) if error.is_one_picture() => report.damaged.push(DamagedPicture {
                picture: data.name(index),
                reason: error.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    let counts = || {
        report
            .classes
            .iter()
            .map(|class| class.pictures)
            .filter(|&count| count > 0)
    };
    if let (Some(least), Some(most)) = (counts().min(), counts().max()) {
        report.imbalance = most as f64 / least as f64;
    }
    sizes.sort_unstable_by_key(|&[width, height]| (width * height, width));
    report.sizes = sizes.first().map(|&smallest| Sizes {
        smallest,
        median: sizes[sizes.len() / 2],
        largest: sizes[sizes.len() - 1],
        different: sizes.chunk_by(|a, b| a == b).count(),
    });
    report.repeated = repeated(data, &pixels);
    Ok((report, pixels))
}

fn look(data: &dyn Dataset, index: usize) -> Result<Seen, DataError> {
    let (format, picture) = match data.encoded(index) {
        Some(bytes) => {
            let bytes = bytes?;
            let format = sniff(&bytes).map(decode::PictureFormat::name);
            let place = data.path(index).unwrap_or_else(|| data.name(index).into());
            (format, decode::decode(&bytes, &place)?)
        }
        None => (None, data.picture(index)?),
    };
    let mut hash = blake3::Hasher::new();
    hash.update(&(picture.width as u64).to_le_bytes());
    hash.update(&picture.rgb);
    Ok(Seen {
        size: [picture.width, picture.height],
        format,
        pixels: hash.finalize().into(),
    })
}
