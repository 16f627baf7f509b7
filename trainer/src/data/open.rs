//! From a path or a name to a training and a validation data set.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{DataError, Dataset, Subset, Synthetic, cifar, folder, idx, parquet, shards};

/// How a data set is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct DataOptions {
    /// The part of every class that is held out where the data has no validation of its own, above 0 and below 1.
    pub validation_fraction: f64,
    /// Chooses what is held out, and what `synthetic` draws.
    pub seed: u64,
    /// Whether links may lead out of the data set's folder.
    pub follow_links: bool,
    /// The side of `synthetic` pictures, in pixels.
    pub synthetic_side: usize,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self {
            validation_fraction: 0.1,
            seed: 0,
            follow_links: false,
            synthetic_side: 32,
        }
    }
}

/// Training and validation data with the same classes.
pub struct Split {
    /// What to learn from.
    pub train: Arc<dyn Dataset>,
    /// What to measure on.
    pub validation: Arc<dyn Dataset>,
    /// How the data was understood, and what is odd about it: to be told to the user.
    pub notes: Vec<String>,
}

/// Pictures that `synthetic` trains on where no count is given.
const SYNTHETIC: usize = 5_000;
const EXPECTED: &str = "class folders (in `train/` and `val/`, or alone), tar archives (`train-0000.tar`), Parquet files \
                        (`train-*.parquet`), CIFAR binary batches (`data_batch_1.bin`, `train.bin`) or IDX files \
                        (`train-images-idx3-ubyte`, plain or .gz)";

/// Opens `synthetic`, `synthetic:COUNT`, or the folder of that path.
///
/// A folder holds CIFAR binary batches, IDX files, tar archives, Parquet files, or class folders: under `train/` with validation beside it in `val/`,
/// `validation/` or `test/` (the first that exists), or directly, then split by seed.
///
/// # Errors
///
/// Where nothing usable is there, or training and validation do not agree.
pub fn open(path_or_name: &str, options: &DataOptions) -> Result<Split, DataError> {
    if let Some(rest) = path_or_name.strip_prefix("synthetic")
        && (rest.is_empty() || rest.starts_with(':'))
    {
        return synthetic(path_or_name, rest, options);
    }
    open_folder(Path::new(path_or_name), options)
}

/// As [`open`], for a path that need not be UTF-8.
pub(super) fn open_folder(root: &Path, options: &DataOptions) -> Result<Split, DataError> {
    let fraction = options.validation_fraction;
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(DataError::Option {
            option: format!("validation fraction {fraction}"),
            problem: "nothing would be left on one side".into(),
            advice: "give a number above 0 and below 1, such as 0.1".into(),
        });
    }
    if !root.exists() {
        return Err(DataError::Missing {
            path: root.to_owned(),
        });
    }
    let archives = shards::find(root)?;
    if !archives.is_empty() {
        let (train, validation, notes) = shards::open(root, archives)?;
        return either(root, Arc::new(train), validation, notes, options);
    }
    let tables = parquet::find(root)?;
    if !tables.is_empty() {
        let (train, validation) = parquet::open(root, &tables)?;
        return either(root, Arc::new(train), validation, tables.notes, options);
    }
    if !root.is_dir() {
        return Err(DataError::Layout {
            path: root.to_owned(),
            found: "this is a file".into(),
            expected: format!(
                "a .tar or .parquet, or a folder with {EXPECTED}; unpack other archives first"
            ),
        });
    }
    if let Some(folder) = cifar::find(root) {
        let (train, validation, notes) = cifar::load(&folder)?;
        return either(&folder, Arc::new(train), validation, notes, options);
    }
    if let Some((images, labels)) = idx::find(root, &["train"])? {
        let train = idx::load(&images, &labels, None)?;
        let validation = match idx::find(root, &["t10k", "test", "val", "validation"])? {
            Some((images, labels)) => Some(idx::load(&images, &labels, Some(train.classes()))?),
            None => None,
        };
        return either(root, Arc::new(train), validation, Vec::new(), options);
    }
    class_folders(root, options)
}

/// Opens what a trained network is measured on: the validation data of [`open`], or, of class folders and archives that
/// have none, all pictures. The classes are those that are there, which need not be all that the network tells apart.
///
/// Also gives notes for the user.
///
/// # Errors
///
/// Where nothing usable is there.
pub fn open_validation(
    path_or_name: &str,
    options: &DataOptions,
) -> Result<(Arc<dyn Dataset>, Vec<String>), DataError> {
    let root = Path::new(path_or_name);
    let archives = shards::find(root)?;
    if !archives.is_empty() {
        let (train, validation, notes) = shards::open(root, archives)?;
        return Ok((Arc::new(validation.unwrap_or(train)), notes));
    }
    let tables = parquet::find(root)?;
    if !tables.is_empty() {
        let data = parquet::open_validation(root, &tables)?;
        return Ok((Arc::new(data), tables.notes));
    }
    if !root.is_dir() || cifar::find(root).is_some() || idx::find(root, &["train"])?.is_some() {
        let split = open(path_or_name, options)?;
        return Ok((split.validation, split.notes));
    }
    let beside = validation_folders(root);
    let folders = folder::folders(root)?;
    let is_split = root.join("train").is_dir() || folders.iter().all(|f| beside.contains(f));
    let chosen = match beside.first() {
        Some(folder) if is_split => folder,
        _ => root,
    };
    let scan = folder::Scan::new(chosen, options.follow_links)?;
    let notes = scan.notes.clone();
    let (data, _) = scan.into_training();
    if data.is_empty() {
        return Err(DataError::Layout {
            path: chosen.to_owned(),
            found: "there is no picture in a class folder".into(),
            expected: "one folder of pictures a class".into(),
        });
    }
    Ok((Arc::new(data), notes))
}

/// The folders of `root` that hold validation data by their name; the first is used.
fn validation_folders(root: &Path) -> Vec<PathBuf> {
    let named = ["val", "validation", "test"].map(|name| root.join(name));
    named.into_iter().filter(|path| path.is_dir()).collect()
}

fn class_folders(root: &Path, options: &DataOptions) -> Result<Split, DataError> {
    let train = root.join("train");
    let folders = folder::folders(root)?;
    if folders.is_empty() {
        return Err(DataError::Layout {
            path: root.to_owned(),
            found: "no data set is in this folder".into(),
            expected: EXPECTED.into(),
        });
    }
    let beside = validation_folders(root);
    if !train.is_dir() {
        // Without this, `val` and `test` would pass as two classes.
        if !beside.is_empty() && folders.iter().all(|path| beside.contains(path)) {
            return Err(DataError::Layout {
                path: root.to_owned(),
                found: format!("{} is there but `train` is not", beside[0].display()),
                expected: "class folders in `train/`".into(),
            });
        }
        let scan = folder::Scan::new(root, options.follow_links)?;
        let notes = scan.notes.clone();
        let (training, _) = scan.into_training();
        return either(root, Arc::new(training), None::<Subset>, notes, options);
    }
    let scan = folder::Scan::new(&train, options.follow_links)?;
    let mut notes = scan.notes.clone();
    let (training, keys) = scan.into_training();
    let Some(chosen) = beside.first() else {
        return either(&train, Arc::new(training), None::<Subset>, notes, options);
    };
    two_classes(&train, &training)?;
    if beside.len() > 1 {
        notes.push(format!(
            "validation is {}; {} is left alone",
            chosen.display(),
            beside[1].display()
        ));
    }
    let scan = folder::Scan::new(chosen, options.follow_links)?;
    let (validation, more) = scan.into_validation(&training, &keys)?;
    notes.extend(more);
    Ok(Split {
        train: Arc::new(training),
        validation: Arc::new(validation),
        notes,
    })
}

/// Refuses training data in which all pictures have one label.
fn two_classes(path: &Path, train: &dyn Dataset) -> Result<(), DataError> {
    let first = (!train.is_empty()).then(|| train.label(0));
    if (1..train.len()).any(|index| Some(train.label(index)) != first) {
        return Ok(());
    }
    Err(DataError::TooFewClasses {
        path: path.to_owned(),
        class: first.map(|label| train.classes()[label].clone()),
    })
}

/// The data's own validation, or a part of training.
fn either(
    path: &Path,
    train: Arc<dyn Dataset>,
    validation: Option<impl Dataset + 'static>,
    mut notes: Vec<String>,
    options: &DataOptions,
) -> Result<Split, DataError> {
    two_classes(path, &*train)?;
    if let Some(validation) = validation {
        return Ok(Split {
            train,
            validation: Arc::new(validation),
            notes,
        });
    }
    let (kept, held) = Subset::split(&train, options.validation_fraction, options.seed);
    if held.is_empty() {
        return Err(DataError::Layout {
            path: path.to_owned(),
            found: "no class has two pictures, so none can be held out for validation".into(),
            expected: "more pictures, or a folder `val` beside `train`".into(),
        });
    }
    notes.push(format!(
        "the data has no validation of its own: {} of {} pictures are held out, {} % of every class chosen by seed {}",
        held.len(),
        train.len(),
        options.validation_fraction * 100.0,
        options.seed
    ));
    Ok(Split {
        train: Arc::new(kept),
        validation: Arc::new(held),
        notes,
    })
}

fn synthetic(name: &str, rest: &str, options: &DataOptions) -> Result<Split, DataError> {
    let wrong = |problem: &str| DataError::Option {
        option: name.to_owned(),
        problem: problem.to_owned(),
        advice:
            "write `synthetic`, or `synthetic:5000` for 5000 training pictures (20 to 100 million)"
                .into(),
    };
    let count = match rest.strip_prefix(':') {
        None => SYNTHETIC,
        Some(text) => text
            .parse()
            .map_err(|_| wrong("what follows the colon is not a whole number"))?,
    };
    if !(20..=100_000_000).contains(&count) {
        return Err(wrong("the count is out of range"));
    }
    if !(1..=4096).contains(&options.synthetic_side) {
        return Err(DataError::Option {
            option: format!("synthetic side {}", options.synthetic_side),
            problem: "the side is out of range".into(),
            advice: "give 1 to 4096 pixels".into(),
        });
    }
    let part = |split, count| {
        Arc::new(Synthetic::new(
            options.seed,
            split,
            count,
            options.synthetic_side,
        ))
    };
    // A fifth, in whole rounds of the ten classes.
    let held = (count / 50).max(1) * 10;
    Ok(Split {
        train: part("train", count),
        validation: part("validation", held),
        notes: vec![format!(
            "synthetic pictures by seed {}: {count} to train on, {held} to validate on",
            options.seed
        )],
    })
}
