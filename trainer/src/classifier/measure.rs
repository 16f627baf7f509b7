//! How often a classifier is right.

use serde::Serialize;

/// The probabilities that belong to these logits, in f64.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits
        .iter()
        .map(|x| f64::from(x - largest).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

/// Hits and losses, counted picture by picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measurement {
    hits1: usize,
    hits5: usize,
    losses: f64,
    images: usize,
}

/// How often a classifier is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Pictures whose class came first, in percent.
    pub top1: f64,
    /// Pictures whose class was among the first five, in percent.
    pub top5: f64,
    /// Pictures that were looked at.
    pub images: usize,
    /// Mean cross-entropy.
    pub loss: f64,
}

impl Measurement {
    /// Counts a picture with these logits that shows class `label`. The label is a hit where fewer than 1 or 5 other
    /// classes have a larger logit, or the same logit and a smaller index.
    ///
    /// # Panics
    ///
    /// Where there is no logit of that label.
    pub fn add(&mut self, logits: &[f32], label: usize) {
        let own = logits[label];
        let before = |(i, x): &(usize, &f32)| **x > own || (**x == own && *i < label);
        let rank = match own.is_finite() {
            true => logits.iter().enumerate().filter(before).count(),
            false => logits.len(),
        };
        self.hits1 += usize::from(rank < 1);
        self.hits5 += usize::from(rank < 5);
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|x| f64::from(x - largest).exp()).sum();
        self.losses += sum.ln() - f64::from(own - largest);
        self.images += 1;
    }

    /// What was counted.
    #[must_use]
    pub fn result(&self) -> Measured {
        let images = self.images.max(1) as f64;
        Measured {
            top1: 100.0 * self.hits1 as f64 / images,
            top5: 100.0 * self.hits5 as f64 / images,
            images: self.images,
            loss: self.losses / images,
        }
    }
}
