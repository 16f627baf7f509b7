//! Single batches, without threads.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Batch, Damaged, LoaderOptions, PIXEL, StandIn, epoch::Made};
use crate::{
    data::{DataError, Dataset, Key, Picture, fit_views},
    random::Stream,
};

/// Makes single batches; knows nothing of threads.
pub(super) struct Source {
    pub(super) data: Arc<dyn Dataset>,
    pub(super) options: LoaderOptions,
    /// The views of each picture before anything random is done to them; empty where they would take too much memory.
    pub(super) cache: Vec<OnceLock<Vec<Picture>>>,
    /// Bytes that the cache may still take.
    pub(super) room: AtomicU64,
}

impl Source {
    pub(super) fn batches(&self) -> usize {
        if self.options.drop_last {
            self.data.len() / self.options.batch
        } else {
            self.data.len().div_ceil(self.options.batch)
        }
    }

    pub(super) fn order(&self, epoch: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.data.len() as u32).collect();
        if self.options.shuffle {
            Stream::new(self.options.seed, epoch, 0, "order").shuffle(&mut order);
        }
        order
    }

    pub(super) fn batch(
        &self,
        epoch: u32,
        order: &[u32],
        number: usize,
        stopped: impl Fn() -> bool,
    ) -> Option<Made> {
        let LoaderOptions {
            batch: n,
            drop_last,
            tolerance,
            stand_in,
            ..
        } = self.options;
        let bytes = self.options.picture_bytes();
        let mut batch = Batch {
            images: Vec::with_capacity(n * bytes),
            labels: Vec::with_capacity(n),
            indices: Vec::with_capacity(n),
            valid: 0,
        };
        let mut damaged = Damaged::new();
        for position in (number * n..order.len()).take(n) {
            // In training the next good picture of the order may stand in for a damaged one, in evaluation none does.
            let stand_ins = if drop_last { order.len() } else { 1 };
            for ahead in 0..stand_ins {
                if stopped() {
                    return None;
                }
                let index = order[(position + ahead) % order.len()];
                match self.append(epoch, index, &mut batch.images) {
                    Ok(()) => {}
                    Err(error) if error.is_one_picture() => {
                        damaged.insert(index, error.to_string());
                        // Far more than is tolerated: no use in searching on.
                        if !tolerance.allows(damaged.len(), order.len()) {
                            break;
                        }
                        match stand_in {
                            StandIn::Next => continue,
                            StandIn::Gray => append_gray(bytes, &mut batch.images),
                        }
                    }
                    Err(error) => return Some(Err(error)),
                }
                batch.labels.push(self.data.label(index as usize) as u32);
                batch.indices.push(index);
                break;
            }
        }
        batch.valid = batch.labels.len();
        let last = batch.images.len().saturating_sub(bytes);
        let padding = batch.images[last..].to_vec();
        let (label, index) = (batch.labels.last().copied(), batch.indices.last().copied());
        for _ in batch.valid..n {
            batch.images.extend_from_slice(&padding);
            batch.labels.push(label.unwrap_or(0));
            batch.indices.push(index.unwrap_or(0));
        }
        batch.images.resize(n * bytes, 0);
        Some(Ok((batch, damaged)))
    }

    /// Adds the views of a picture as words; a panic on the way is an error that names the picture.
    fn append(&self, epoch: u32, index: u32, images: &mut Vec<u8>) -> Result<(), DataError> {
        let start = images.len();
        let make = || self.views(epoch, index, images);
        catch_unwind(AssertUnwindSafe(make))
            .unwrap_or_else(|panic| Err(panicked(self.data.name(index as usize), &*panic)))
            .inspect_err(|_| images.truncate(start))
    }

    fn views(&self, epoch: u32, index: u32, images: &mut Vec<u8>) -> Result<(), DataError> {
        let slot = self.cache.get(index as usize);
        let kept = slot.and_then(OnceLock::get);
        let read = match kept {
            Some(_) => None,
            None => Some(self.steady(index as usize)?),
        };
        for view in kept.or(read.as_ref()).into_iter().flatten() {
            match &self.options.augmentation {
                None => append_words(view, images),
                Some(augmentation) => {
                    let seed = self.options.seed;
                    let key = Key { seed, epoch, index };
                    append_words(&augmentation.apply(view, self.options.side, key), images);
                }
            }
        }
        if let (Some(slot), Some(read)) = (slot, read)
            && self.affords(&read)
        {
            // Another worker may have been faster, with the same pictures.
            let _ = slot.set(read);
        }
        Ok(())
    }

    /// What of a picture is the same in every epoch: its views, or the whole where parts of it are drawn.
    fn steady(&self, index: usize) -> Result<Vec<Picture>, DataError> {
        let picture = self.data.picture(index)?;
        let augmentation = self.options.augmentation.as_ref();
        Ok(match augmentation.is_some_and(|a| a.crop.is_some()) {
            true => vec![picture],
            false => fit_views(&picture, &self.options.fit()),
        })
    }

    /// Takes the pictures' bytes from the room that is left, if there is as much.
    fn affords(&self, pictures: &[Picture]) -> bool {
        let bytes = pictures
            .iter()
            .map(|picture| picture.rgb.len() as u64)
            .sum();
        let take = |room: u64| room.checked_sub(bytes);
        self.room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

/// A word a pixel: red, green, blue and 0.
fn append_words(picture: &Picture, images: &mut Vec<u8>) {
    let pixels = picture.rgb.chunks_exact(3);
    images.extend(pixels.flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 0]));
}

/// Grey in the place of a picture of so many bytes, all of its views.
fn append_gray(bytes: usize, images: &mut Vec<u8>) {
    const GRAY: [u8; PIXEL] = [128, 128, 128, 0];
    images.extend(GRAY.iter().cycle().take(bytes));
}

/// The error that a caught panic becomes.
pub(super) fn panicked(sample: String, panic: &(dyn Any + Send)) -> DataError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    DataError::Panicked {
        sample,
        reason: text.unwrap_or_else(|| "no message".into()),
    }
}
