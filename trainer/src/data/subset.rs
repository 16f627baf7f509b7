//! Part of a data set, as a data set.

use std::{path::PathBuf, sync::Arc};

use super::{DataError, Dataset, Fingerprint, Picture};
use crate::random::Stream;

/// Some of another data set's pictures, in a given order.
pub struct Subset {
    whole: Arc<dyn Dataset>,
    indices: Vec<usize>,
}

impl Subset {
    /// The pictures of `whole` at these indices.
    ///
    /// # Errors
    ///
    /// Where an index is out of range.
    pub fn new(whole: Arc<dyn Dataset>, indices: Vec<usize>) -> Result<Self, DataError> {
        if let Some(&index) = indices.iter().find(|&&index| index >= whole.len()) {
            return Err(DataError::Option {
                option: format!("index {index}"),
                problem: format!("the data set has {} pictures", whole.len()),
                advice: "indices count from 0".into(),
            });
        }
        Ok(Self { whole, indices })
    }

    /// Holds out `fraction` of every class, chosen by seed: the rest, and what was held out.
    ///
    /// A class of two pictures or more keeps at least one on either side, and a single picture stays in the first.
    #[must_use]
    pub fn split(whole: &Arc<dyn Dataset>, fraction: f64, seed: u64) -> (Self, Self) {
        let mut by_class = vec![Vec::new(); whole.classes().len()];
        for index in 0..whole.len() {
            by_class[whole.label(index)].push(index);
        }
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        for (class, mut indices) in by_class.into_iter().enumerate() {
            Stream::new(seed, 0, class as u32, "split").shuffle(&mut indices);
            let count = (indices.len() as f64 * fraction).round() as usize;
            let count = count.clamp(1, indices.len().saturating_sub(1).max(1));
            let count = if indices.len() < 2 { 0 } else { count };
            held.extend(indices.drain(..count));
            kept.extend(indices);
        }
        kept.sort_unstable();
        held.sort_unstable();
        let part = |indices| Self {
            whole: Arc::clone(whole),
            indices,
        };
        (part(kept), part(held))
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn classes(&self) -> &[String] {
        self.whole.classes()
    }

    fn label(&self, index: usize) -> usize {
        self.whole.label(self.indices[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.whole.picture(self.indices[index])
    }

    fn name(&self, index: usize) -> String {
        self.whole.name(self.indices[index])
    }

    fn path(&self, index: usize) -> Option<PathBuf> {
        self.whole.path(self.indices[index])
    }

    fn encoded(&self, index: usize) -> Option<Result<Vec<u8>, DataError>> {
        self.whole.encoded(self.indices[index])
    }

    fn bytes(&self, index: usize) -> u64 {
        self.whole.bytes(self.indices[index])
    }

    fn fingerprint(&self) -> Fingerprint {
        let whole = self.whole.fingerprint();
        let mut hash = blake3::Hasher::new();
        hash.update(whole.hash.as_bytes());
        for &index in &self.indices {
            hash.update(&(index as u64).to_le_bytes());
        }
        Fingerprint {
            pictures: self.len(),
            bytes: whole.bytes,
            hash: hash.finalize().to_hex().to_string(),
        }
    }
}
