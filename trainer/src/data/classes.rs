//! Some classes of a data set.

use std::path::PathBuf;
use std::sync::Arc;

use super::{DataError, Dataset, Fingerprint, Picture, Split};
use crate::random::Stream;

/// The pictures of some classes of a data set; labels count those classes alone.
pub struct Classes {
    whole: Arc<dyn Dataset>,
    /// Pictures, by their index in the whole.
    indices: Vec<usize>,
    /// The label here of each label there.
    labels: Vec<Option<usize>>,
    names: Vec<String>,
}

impl Classes {
    /// The pictures of `whole` whose class is one of `names`, in its order.
    ///
    /// # Errors
    ///
    /// Where `whole` has no class of that name.
    pub fn new(whole: Arc<dyn Dataset>, names: &[String]) -> Result<Self, DataError> {
        let known = whole.classes();
        if let Some(name) = names.iter().find(|name| !known.contains(name)) {
            return Err(DataError::Option {
                option: format!("class {name}"),
                problem: format!("the data set has {} other classes", known.len()),
                advice: "give classes of the data set".into(),
            });
        }
        let label = |class: &String| names.iter().position(|name| name == class);
        let labels: Vec<Option<usize>> = known.iter().map(label).collect();
        let is_kept = |&index: &usize| labels[whole.label(index)].is_some();
        Ok(Self {
            indices: (0..whole.len()).filter(is_kept).collect(),
            names: names.to_vec(),
            labels,
            whole,
        })
    }
}

impl Dataset for Classes {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn classes(&self) -> &[String] {
        &self.names
    }

    fn label(&self, index: usize) -> usize {
        self.labels[self.whole.label(self.indices[index])]
            .expect("pictures of other classes are left out")
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

    /// The whole's, with the classes that are left.
    fn fingerprint(&self) -> Fingerprint {
        let whole = self.whole.fingerprint();
        let mut hasher = blake3::Hasher::new();
        hasher.update(whole.hash.as_bytes());
        for name in &self.names {
            hasher.update(name.as_bytes()).update(b"\n");
        }
        Fingerprint {
            pictures: self.len(),
            bytes: whole.bytes,
            hash: hasher.finalize().to_hex().to_string(),
        }
    }
}

impl Split {
    /// `count` of the classes, chosen by seed, in the order they have; all of them where there are no more.
    ///
    /// # Errors
    ///
    /// Fewer than two classes.
    pub fn some_classes(self, count: usize, seed: u64) -> Result<Self, DataError> {
        let all = self.train.classes();
        if count < 2 {
            return Err(DataError::Option {
                option: format!("{count} classes"),
                problem: "a network tells two classes apart or more".into(),
                advice: "give 2 or more".into(),
            });
        }
        if count >= all.len() {
            return Ok(self);
        }
        let mut chosen: Vec<usize> = (0..all.len()).collect();
        Stream::new(seed, 0, 0, "classes").shuffle(&mut chosen);
        chosen.truncate(count);
        chosen.sort_unstable();
        let names: Vec<String> = chosen.iter().map(|&class| all[class].clone()).collect();
        Ok(Self {
            train: Arc::new(Classes::new(self.train, &names)?),
            validation: Arc::new(Classes::new(self.validation, &names)?),
            notes: self.notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataOptions, open};

    fn split() -> Split {
        open("synthetic:200", &DataOptions::default()).unwrap()
    }

    #[test]
    fn the_chosen_classes_keep_their_pictures_and_count_from_0() {
        let whole = split();
        let some = split().some_classes(3, 7).unwrap();
        assert_eq!(some.train.classes().len(), 3);
        assert_eq!(some.train.classes(), some.validation.classes());
        let named = |data: &Arc<dyn Dataset>| -> Vec<(String, String)> {
            let pair = |i| (data.name(i), data.classes()[data.label(i)].clone());
            (0..data.len()).map(pair).collect()
        };
        let kept = |data: &Arc<dyn Dataset>| -> Vec<(String, String)> {
            let mut pairs = named(data);
            pairs.retain(|(_, class)| some.train.classes().contains(class));
            pairs
        };
        assert!(!named(&some.train).is_empty());
        assert_eq!(named(&some.train), kept(&whole.train));
        assert_eq!(named(&some.validation), kept(&whole.validation));
        let first = (0..whole.train.len()).find(|&i| whole.train.name(i) == some.train.name(0));
        assert_eq!(
            some.train.picture(0).unwrap(),
            whole.train.picture(first.unwrap()).unwrap()
        );
    }

    #[test]
    fn a_seed_chooses_the_classes_and_the_fingerprint_tells_them() {
        let print = |count, seed| {
            let split = split().some_classes(count, seed).unwrap();
            split.train.fingerprint().hash
        };
        assert_eq!(print(3, 7), print(3, 7));
        assert_ne!(print(3, 7), print(3, 8));
        assert_eq!(print(99, 7), split().train.fingerprint().hash);
    }

    #[test]
    fn one_class_and_unknown_ones_are_refused() {
        let error = split().some_classes(1, 0).err().unwrap().to_string();
        assert!(error.contains("two classes apart"), "{error}");
        let whole = split().train;
        let error = Classes::new(whole, &["no such class".into()])
            .err()
            .unwrap();
        assert!(error.to_string().contains("no such class"), "{error}");
    }
}
