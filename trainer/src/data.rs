//! Pictures with labels, from where they lie to the batches that the GPU reads.
//!
//! [`open`] finds the data's layout and gives a training and a validation [`Dataset`]; a [`Loader`] decodes, fits and batches
//! one of them on threads, in an order fixed by (seed, epoch); [`check`] looks at everything before a long run. Files are
//! untrusted: a picture that cannot be decoded is an error that names it, never a panic, and never grey
//! pixels unless a loader is asked for them.

mod augment;
mod check;
mod cifar;
mod classes;
mod decode;
mod error;
mod files;
mod fit;
mod folder;
mod gzip;
mod idx;
mod jpeg;
mod loader;
mod memory;
mod natural;
mod open;
mod parquet;
mod preprocess;
mod shards;
mod subset;
mod synthetic;

use std::path::PathBuf;

pub use augment::{
    Augmentation, ColorJitter, CropRule, DeviceAugmentation, EraseMode, Key, Lighting, Policy,
    RandomErasing, Resampling, ResizedCrop,
};
pub use check::{
    CheckReport, ClassCount, DamagedPicture, Duplicate, Repeated, Sizes, SplitReport, check,
};
pub use classes::Classes;
pub use decode::{
    MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, PictureFormat, decode, read_picture, sniff,
};
pub use error::DataError;
pub use files::Files;
pub use fit::{Fit, Interpolation, Part, Views, fit, fit_views};
pub use loader::{Batch, Damage, Epoch, Loader, LoaderOptions, StandIn, Tolerance};
pub use open::{DataOptions, Split, open, open_validation};
pub use preprocess::Preprocess;
pub use subset::Subset;
pub use synthetic::Synthetic;

/// The most classes that numbers in a file may tell apart.
const MAX_CLASSES: usize = 1 << 16;

/// A picture on the host: 8-bit red, green, blue, interleaved, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height × width × 3` bytes.
    pub rgb: Vec<u8>,
}

/// What tells whether a data set changed between two runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint {
    /// How many pictures.
    pub pictures: usize,
    /// Bytes as stored.
    pub bytes: u64,
    /// BLAKE3 over the names and sizes of the files, or over the content where the whole set is one file.
    pub hash: String,
}

/// Labelled pictures, addressed by index.
pub trait Dataset: Send + Sync {
    /// How many pictures there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes' names; a label is an index into them.
    fn classes(&self) -> &[String];

    /// The class of picture `index`, less than `classes().len()`.
    fn label(&self, index: usize) -> usize;

    /// Picture `index`, decoded, at its own size.
    ///
    /// # Errors
    ///
    /// Where the picture cannot be read or decoded.
    fn picture(&self, index: usize) -> Result<Picture, DataError>;

    /// What to call picture `index` in messages.
    fn name(&self, index: usize) -> String;

    /// The file that holds picture `index` alone, if one does.
    fn path(&self, index: usize) -> Option<PathBuf> {
        let _ = index;
        None
    }

    /// The bytes of picture `index` as they are stored, where they are those of a picture file.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn encoded(&self, index: usize) -> Option<Result<Vec<u8>, DataError>> {
        let _ = index;
        None
    }

    /// Bytes of picture `index` as stored: those of its own file, else an equal share of all.
    fn bytes(&self, index: usize) -> u64 {
        if let Some(path) = self.path(index) {
            return path.metadata().map_or(0, |file| file.len());
        }
        // Shares of all pictures add up to all bytes.
        let (all, count) = (u128::from(self.fingerprint().bytes), self.len() as u128);
        let up_to = |index: usize| all * index as u128 / count;
        (up_to(index + 1) - up_to(index)) as u64
    }

    /// What tells whether the data changed. That of a part of a data set tells the bytes of the whole: checkpoints and
    /// ledgers keep it.
    fn fingerprint(&self) -> Fingerprint;
}

#[cfg(test)]
mod tests;
