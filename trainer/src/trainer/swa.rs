//! Stochastic weight averaging: the arithmetic mean of the weights at the ends of epochs (Izmailov et al. 2018,
//! <https://arxiv.org/abs/1803.05407>).

use std::path::Path;

use triaxis_engine::{Arena, Exported};

use super::snapshot::expect_same;
use super::{Trainer, WeightKind};
use crate::checkpoint::{NamedTensor, Snapshot};
use crate::error::{Error, Result};

/// The weights at the ends of some epochs, added up in f64: their mean is rounded to f32 once, however many they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WeightSum {
    /// How many were added.
    pub(super) epochs: u64,
    /// Ordered by name, as checkpoints hold them.
    pub(super) tensors: Vec<NamedTensor<f64>>,
}

impl WeightSum {
    /// That of a snapshot, which has been checked.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut tensors = match &snapshot.swa {
            Some(swa) => swa.sum.clone(),
            None => Vec::new(),
        };
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            epochs: snapshot.state.swa_epochs,
            tensors,
        }
    }

    /// Adds the weights at the end of an epoch.
    fn add(&mut self, mut weights: Vec<Exported>) {
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        if self.epochs == 0 {
            let first = |(name, shape, x): Exported| NamedTensor {
                name,
                shape,
                data: x.into_iter().map(f64::from).collect(),
            };
            self.tensors = weights.into_iter().map(first).collect();
        } else {
            for (sum, (.., x)) in self.tensors.iter_mut().zip(weights) {
                let each = sum.data.iter_mut().zip(x);
                each.for_each(|(sum, x)| *sum += f64::from(x));
            }
        }
        self.epochs += 1;
    }

    /// Each tensor's mean, by its name.
    fn means(&self) -> impl Iterator<Item = (&str, Vec<f32>)> {
        let epochs = self.epochs as f64;
        self.tensors.iter().map(move |sum| {
            let mean = sum.data.iter().map(|x| (x / epochs) as f32);
            (sum.name.as_str(), mean.collect::<Vec<f32>>())
        })
    }
}

impl Trainer {
    /// Takes the weights at the end of an epoch into their mean. Its running statistics are measured, not averaged: those of
    /// single epochs are of other weights.
    pub(super) fn add_to_mean(&mut self) -> Result<()> {
        self.swa.add(self.train.export(&Arena::Parameters)?);
        let [parameters, _] = WeightKind::Swa.arenas();
        for (name, mean) in self.swa.means() {
            self.train.import(&parameters, name, &mean)?;
        }
        Ok(())
    }

    /// Checks that the mean of a snapshot is one of this recipe and of a network with the weights `own`; `path` names it in
    /// errors.
    pub(super) fn expect_swa(
        &self,
        own: &[NamedTensor],
        snapshot: &Snapshot,
        path: &Path,
    ) -> Result<()> {
        if snapshot.swa.is_some() != (snapshot.state.swa_epochs > 0) {
            let problem = "it does not tell of how many epochs its mean of the weights is";
            return Err(Error::checkpoint(path, problem, "Resume from another one"));
        }
        let Some(swa) = &snapshot.swa else {
            return Ok(());
        };
        let (mean, sum) = match self.recipe.swa_start {
            // Parameters stand first.
            Some(_) => (own, &own[..self.train.graph().parameters().len()]),
            None => (&own[..0], &own[..0]),
        };
        expect_same(path, mean, &swa.mean)?;
        expect_same(path, sum, &swa.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_f64_rounded_once() {
        let epochs: [[f32; 2]; 4] = [[0.3, 16_777_216.0], [0.6, 1.0], [0.8, 1.0], [0.2, 1.0]];
        let mut sum = WeightSum::default();
        let mut rounded = epochs[0];
        for (count, x) in (1u32..).zip(epochs) {
            let tensor = |name: &str, x: f32| (name.to_owned(), vec![1], vec![x]);
            sum.add(vec![tensor("b", x[1]), tensor("a", x[0])]);
            for (mean, x) in rounded.iter_mut().zip(x) {
                let (a, x) = (f64::from(*mean), f64::from(x));
                *mean = (a + (x - a) / f64::from(count)) as f32;
            }
        }
        let means: Vec<(&str, Vec<f32>)> = sum.means().collect();
        // numpy: np.mean([[...], ...], axis=0, dtype=np.float64).astype(np.float32)
        let expected = [f32::from_bits(1_056_125_748), 4_194_305.0];
        assert_eq!(means, [("a", vec![expected[0]]), ("b", vec![expected[1]])]);
        // A mean that is rounded at every epoch is another.
        assert!(rounded.iter().zip(expected).all(|(a, b)| *a != b));
    }
}
