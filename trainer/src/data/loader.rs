//! Pictures to batches, on threads, in an order that the threads cannot change.
//!
//! A batch is a function of (data, seed, epoch, its number): workers take numbers in turn, and finished batches wait until
//! theirs is asked for. At most `queue` batches are ready or in work beyond the one that training holds.

mod damage;
mod epoch;
mod source;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicU64},
    thread,
};

use super::{Augmentation, DataError, Dataset, Fit, Interpolation, Views};
pub use damage::{Damage, StandIn, Tolerance};
pub use epoch::Epoch;
use epoch::Shared;
use source::Source;

/// How a [`Loader`] makes batches.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderOptions {
    /// Pictures a batch.
    pub batch: usize,
    /// The pictures' side, in pixels.
    pub side: usize,
    /// Pixels of the shorter side before the middle is cut; `side` where left out.
    pub resized: Option<usize>,
    /// How pictures of another size are resized.
    pub interpolation: Interpolation,
    /// Which squares of each picture are shown, one after the other.
    pub views: Views,
    /// What is done to each picture anew in every epoch.
    pub augmentation: Option<Augmentation>,
    /// Threads that decode and augment.
    pub workers: usize,
    /// Chooses the order, and what is done to each picture.
    pub seed: u64,
    /// A new random order every epoch, or the data's own.
    pub shuffle: bool,
    /// Training leaves out what does not fill a batch. Evaluation (`false`) shows every picture once and pads the last batch.
    pub drop_last: bool,
    /// How many damaged pictures there may be before the epoch ends with an error.
    pub tolerance: Tolerance,
    /// What is shown in the place of a damaged picture.
    pub stand_in: StandIn,
    /// Pictures are kept in memory where the whole data set, fitted, takes no more than this many bytes; where crops are
    /// drawn, as many at their own size as these bytes hold.
    pub cache_bytes: u64,
    /// Batches prepared ahead.
    pub queue: usize,
}

impl LoaderOptions {
    fn fit(&self) -> Fit {
        Fit {
            side: self.side,
            resized: self.resized.unwrap_or(self.side),
            interpolation: self.interpolation,
            views: self.views,
        }
    }

    /// Bytes of all views of one picture in a batch.
    fn picture_bytes(&self) -> usize {
        self.views.count() * self.side * self.side * PIXEL
    }
}

impl Default for LoaderOptions {
    /// Training: 64 pictures of 32×32 a batch, all cores, 1 GiB of cache, four batches ahead.
    fn default() -> Self {
        Self {
            batch: 64,
            side: 32,
            resized: None,
            interpolation: Interpolation::default(),
            views: Views::default(),
            augmentation: None,
            workers: thread::available_parallelism().map_or(1, usize::from),
            seed: 0,
            shuffle: true,
            drop_last: true,
            tolerance: Tolerance::default(),
            stand_in: StandIn::default(),
            cache_bytes: 1 << 30,
            queue: 4,
        }
    }
}

/// Pictures as the GPU reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// `[n · views, side, side]` words of red, green, blue and 0: one `u32` a pixel.
    pub images: Vec<u8>,
    /// The class of each picture.
    pub labels: Vec<u32>,
    /// The index of each picture in the data set.
    pub indices: Vec<u32>,
    /// How many pictures count; the rest repeat the last of them as padding.
    pub valid: usize,
}

/// Makes the batches of every epoch of a data set.
pub struct Loader {
    source: Arc<Source>,
    workers: usize,
    queue: usize,
    damage: Arc<Mutex<Damaged>>,
}

/// Damaged pictures by index, with the message.
type Damaged = BTreeMap<u32, String>;

/// Bytes a pixel in a batch.
const PIXEL: usize = 4;
const EXAMPLES: usize = 5;

impl Loader {
    /// A loader for `data`.
    ///
    /// # Errors
    ///
    /// Where a size is 0 or too large, or the data set does not fill one batch.
    pub fn new(data: Arc<dyn Dataset>, options: LoaderOptions) -> Result<Self, DataError> {
        let refuse = |option: String, problem: String, advice: &str| {
            Err(DataError::Option {
                option,
                problem,
                advice: advice.into(),
            })
        };
        let LoaderOptions { batch, side, .. } = options;
        let resized = options.fit().resized;
        if batch == 0 || side == 0 || resized < side || resized > super::MAX_SIDE {
            return refuse(
                format!("batch {batch}, side {side}, resized to {resized}"),
                "sizes are out of range".into(),
                "give a batch of at least 1, a side of 1 to 16384 pixels, and no smaller size to resize to",
            );
        }
        let pictures = data.len();
        if pictures == 0 || (options.drop_last && pictures < batch) {
            return refuse(
                format!("batch {batch}"),
                format!("the data set has only {pictures} pictures"),
                "give a smaller batch or more pictures",
            );
        }
        let picture_bytes = options.picture_bytes();
        if u32::try_from(pictures).is_err() || picture_bytes.checked_mul(batch).is_none() {
            return refuse(
                format!("batch {batch}, side {side}"),
                format!("{pictures} pictures are more than can be counted"),
                "use at most 4294967295 pictures and a smaller batch",
            );
        }
        let cached = (pictures as u64).saturating_mul(picture_bytes as u64) <= options.cache_bytes;
        let slots = if cached { pictures } else { 0 };
        Ok(Self {
            workers: options.workers.max(1),
            queue: options.queue.max(1),
            source: Arc::new(Source {
                data,
                cache: (0..slots).map(|_| OnceLock::new()).collect(),
                room: AtomicU64::new(options.cache_bytes),
                options,
            }),
            damage: Arc::default(),
        })
    }

    /// Batches an epoch.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.source.batches()
    }

    /// The data that is loaded.
    #[must_use]
    pub fn data(&self) -> &Arc<dyn Dataset> {
        &self.source.data
    }

    /// What could not be decoded when it was last needed.
    #[must_use]
    pub fn damage(&self) -> Damage {
        let damaged = lock(&self.damage);
        Damage {
            count: damaged.len(),
            examples: damaged.values().take(EXAMPLES).cloned().collect(),
        }
    }

    /// Whether this picture could not be decoded when it was last needed.
    #[must_use]
    pub fn is_damaged(&self, index: usize) -> bool {
        let index = u32::try_from(index);
        index.is_ok_and(|index| lock(&self.damage).contains_key(&index))
    }

    /// The index of each picture that could not be decoded when it was last needed, and why.
    #[must_use]
    pub fn damaged(&self) -> Vec<(usize, String)> {
        let each = |(&index, why): (&u32, &String)| (index as usize, why.clone());
        lock(&self.damage).iter().map(each).collect()
    }

    /// The batches of `epoch` from number `first_batch` on, which are the same as if all had been taken.
    ///
    /// Threads start at once and stop when the iterator is dropped. It ends after an error.
    #[must_use]
    pub fn epoch(&self, epoch: u32, first_batch: usize) -> Epoch {
        let source = Arc::clone(&self.source);
        let shared = Arc::new(Shared::new(source, epoch, first_batch, self.queue));
        let left = self.batches().saturating_sub(first_batch);
        let worker = |i| {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("loader-{i}"))
                .spawn(move || shared.work())
        };
        // Where the system grants fewer threads than asked for, those do; with none, `next` makes the batches itself.
        let workers = (0..self.workers.min(left))
            .map_while(|i| worker(i).ok())
            .collect();
        Epoch {
            shared,
            workers,
            damage: Arc::clone(&self.damage),
        }
    }
}

/// What is under the lock is whole between any two statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
