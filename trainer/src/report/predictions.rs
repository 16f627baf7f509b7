//! What a network says of the validation pictures: what it takes for what, and some pictures of each kind.

mod page;

use std::collections::BTreeMap;

use crate::data::Picture;
use crate::trainer::WeightKind;

pub(super) use page::{STYLE, html};

/// Wrong and right pictures that are kept, each.
const SHOWN: usize = 12;

/// What a network said of labelled pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// The classes' names.
    pub classes: Vec<String>,
    /// Which weights were asked.
    pub weights: WeightKind,
    /// How many pictures of one class were taken for another, or for itself: by (class, said).
    counts: BTreeMap<(u32, u32), u64>,
    /// The surest mistakes, the surest first.
    mistakes: Vec<Sample>,
    /// The first pictures that were told rightly.
    hits: Vec<Sample>,
}

/// A picture with what was said of it.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    class: u32,
    said: u32,
    /// The probability that the network gave to what it said, 0 to 1.
    probability: f32,
    picture: Picture,
}

/// What was said of one picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    /// Its class.
    pub(crate) class: u32,
    /// A logit for each class.
    pub(crate) logits: &'a [f32],
}

impl Predictions {
    /// None yet.
    pub(crate) fn new(classes: &[String], weights: WeightKind) -> Self {
        Self {
            classes: classes.to_vec(),
            weights,
            ..Self::default()
        }
    }

    /// Adds a picture; `show` gives its name and the picture, where that is wanted.
    pub(crate) fn add(&mut self, answer: Answer<'_>, show: impl FnOnce() -> (String, Picture)) {
        let Answer { class, logits } = answer;
        let Some((said, probability)) = first(logits) else {
            return;
        };
        *self.counts.entry((class, said)).or_default() += 1;
        let sample = |(name, picture)| Sample {
            name,
            class,
            said,
            probability,
            picture,
        };
        if said == class {
            if self.hits.len() < SHOWN {
                self.hits.push(sample(show()));
            }
            return;
        }
        let at = self
            .mistakes
            .partition_point(|m| m.probability >= probability);
        if at < SHOWN {
            self.mistakes.insert(at, sample(show()));
            self.mistakes.truncate(SHOWN);
        }
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Pictures of `class` that were taken for `said`.
    pub fn count(&self, class: usize, said: usize) -> u64 {
        let key = (class as u32, said as u32);
        self.counts.get(&key).copied().unwrap_or(0)
    }

    /// For each class its pictures, and how many of them were told rightly.
    pub fn by_class(&self) -> Vec<(u64, u64)> {
        let mut all = vec![(0, 0); self.classes.len()];
        for (&(class, said), count) in &self.counts {
            if let Some((pictures, right)) = all.get_mut(class as usize) {
                *pictures += count;
                *right += if said == class { *count } else { 0 };
            }
        }
        all
    }

    /// Pairs of classes of which the first was taken for the second, and how often; the most frequent first.
    pub fn confusions(&self) -> Vec<(usize, usize, u64)> {
        let wrong = self
            .counts
            .iter()
            .filter(|((class, said), _)| class != said);
        let mut pairs: Vec<(usize, usize, u64)> = wrong
            .map(|(&(class, said), &count)| (class as usize, said as usize, count))
            .collect();
        pairs.sort_by_key(|&(class, said, count)| (std::cmp::Reverse(count), class, said));
        pairs
    }
}

/// The likeliest class, the first among equals as in the top-1 count, and its probability.
fn first(logits: &[f32]) -> Option<(u32, f32)> {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > *logits.get(best)? {
            best = class;
        }
    }
    let highest = *logits.get(best)?;
    let sum: f32 = logits.iter().map(|x| (x - highest).exp()).sum();
    Some((best as u32, 1.0 / sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn some() -> Predictions {
        let classes = ["cat", "dog", "<cow>"].map(str::to_owned);
        let mut all = Predictions::new(&classes, WeightKind::Raw);
        let mut add = |class, logits: [f32; 3], name: &str| {
            let picture = Picture {
                width: 200,
                height: 100,
                rgb: vec![9; 200 * 100 * 3],
            };
            let logits = &logits;
            all.add(Answer { class, logits }, || (name.into(), picture));
        };
        add(0, [2.0, 1.0, 0.0], "first");
        add(0, [2.0, 2.0, 0.0], "even");
        add(1, [2.0, 1.0, 0.0], "taken for a cat");
        add(1, [9.0, 1.0, 0.0], "surely taken for a cat");
        add(2, [0.0, 1.0, 0.5], "taken for a dog");
        all
    }

    #[test]
    fn who_is_taken_for_whom_is_counted() {
        let all = some();
        assert_eq!(all.by_class(), [(2, 2), (2, 0), (1, 0)]);
        assert_eq!((all.count(1, 0), all.count(0, 1)), (2, 0));
        assert_eq!(all.confusions(), [(1, 0, 2), (2, 1, 1)]);
        let names: Vec<&str> = all.mistakes.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "surely taken for a cat",
                "taken for a cat",
                "taken for a dog"
            ]
        );
        let e = std::f32::consts::E;
        let expected = e * e / (e * e + e + 1.0);
        assert!((all.hits[0].probability - expected).abs() < 1e-6);
        assert_eq!(all.hits.len(), 2);
    }

    #[test]
    fn no_more_pictures_are_kept_than_are_shown() {
        let mut all = some();
        for i in 0..40 {
            let logits = &[0.0, 1.0 + i as f32, 0.0];
            let shown = |text: &str| (text.to_owned(), some().hits[0].picture.clone());
            all.add(Answer { class: 0, logits }, || shown("wrong"));
            all.add(Answer { class: 1, logits }, || shown("right"));
        }
        assert_eq!((all.mistakes.len(), all.hits.len()), (SHOWN, SHOWN));
        assert!(
            all.mistakes
                .is_sorted_by(|a, b| a.probability >= b.probability)
        );
    }
}
