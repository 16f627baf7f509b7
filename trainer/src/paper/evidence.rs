//! What was trained and timed here: trials of ledgers, rows of `triaxis bench`.

use std::path::Path;

use triaxis_models::Spec;

use crate::bench::page::{Clock, Rows, Way};
use crate::bench::scaling::UNSCALED;
use crate::error::Result;
use crate::ledger::{Absent, Ledger, LedgerOptions, Trial};

/// Training pictures of ImageNet, which the paper's epochs are made of.
pub const IMAGENET: f64 = 1_281_167.0;

/// Networks that were trained or timed here.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Networks and their errors.
    pub trained: Vec<Trained>,
    /// Networks and their times.
    pub timed: Vec<Timed>,
}

/// A network that was trained, once or with several seeds.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The study, and what it looked for.
    pub study: (String, String),
    /// What tells whether the pictures changed.
    pub data: String,
    /// The network's name.
    pub name: String,
    /// The network.
    pub spec: Spec,
    /// How it came about, where its study scales.
    pub way: Option<Way>,
    /// Multiply-adds, parameters and activations for one picture.
    pub counts: [f64; 3],
    /// Epochs of training.
    pub epochs: usize,
    /// Top-1 errors at the end, percent: one for each seed.
    pub errors: Vec<f64>,
}

/// A network that was timed.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The network's name.
    pub name: String,
    /// `train` or `infer`.
    pub suite: String,
    /// How it came about, where the rows say so.
    pub way: Option<Way>,
    /// Side of the pictures, pixels.
    pub pixels: usize,
    /// Multiply-adds, parameters and activations for one picture.
    pub counts: [f64; 3],
    /// Milliseconds a picture.
    pub ms: f64,
    /// The adapter.
    pub adapter: String,
}

impl Timed {
    /// Minutes that as many pictures take as ImageNet has for training.
    pub fn minutes(&self) -> f64 {
        self.ms * IMAGENET / 60_000.0
    }
}

impl Evidence {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.trained.is_empty() && self.timed.is_empty()
    }

    /// Adds the trials of a ledger that are done.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::open`]; a network in it that cannot be read.
    pub fn add_ledger(&mut self, path: &Path) -> Result<()> {
        let options = LedgerOptions {
            absent: Absent::Refuse,
            ..LedgerOptions::default()
        };
        for trial in Ledger::open(path, &options)?.trials(None)? {
            self.add_trial(&trial)?;
        }
        Ok(())
    }

    fn add_trial(&mut self, trial: &Trial) -> Result<()> {
        let Some(outcome) = &trial.outcome else {
            return Ok(());
        };
        let planned = &trial.planned;
        let study = (trial.study.clone(), trial.kind.clone());
        // Only seeds differ between the trials of one network.
        let known = self.trained.iter_mut().find(|known| {
            known.study == study && known.data == trial.data && known.name == planned.name
        });
        if let Some(known) = known {
            known.errors.push(outcome.top1_error);
            return Ok(());
        }
        self.trained.push(Trained {
            study,
            data: trial.data.clone(),
            name: planned.name.clone(),
            spec: Spec::from_toml(&planned.network)?,
            way: way(trial),
            counts: [planned.flops, planned.params, planned.acts].map(|count| count as f64),
            epochs: outcome.curve.len(),
            errors: vec![outcome.top1_error],
        });
        Ok(())
    }

    /// Adds the rows of a file of `triaxis bench` whose network's size is known.
    ///
    /// # Errors
    ///
    /// Those of [`Rows::add`].
    pub fn add_rows(&mut self, path: &Path, clock: Clock) -> Result<()> {
        let mut rows = Rows::default();
        rows.add(path)?;
        self.timed.extend(rows.runs.into_iter().filter_map(|run| {
            let size = run.size?;
            Some(Timed {
                ms: clock.of(&run.row)? / run.row.batch.max(1) as f64,
                name: run.row.model,
                suite: run.row.suite,
                way: run.way,
                pixels: run.row.resolution,
                counts: [size.flops, size.params, size.acts],
                adapter: run.row.adapter,
            })
        }));
        Ok(())
    }

    /// The trained network that is `spec`, whatever the pictures' size, the classes, the dropout and the first scales: of
    /// several the one that was trained the longest.
    pub fn trained_as(&self, spec: &Spec) -> Option<&Trained> {
        let body = |spec: &Spec| {
            let mut network = spec.network.clone();
            network.set_drop(0.0, 0.0);
            network.style_mut().zero_init_last = false;
            network
        };
        let wanted = body(spec);
        let same = self.trained.iter().filter(|one| body(&one.spec) == wanted);
        same.max_by_key(|one| (one.epochs, one.errors.len()))
    }

    /// The training times of the network of that name.
    pub fn timed_as(&self, name: &str) -> Option<&Timed> {
        let named = |one: &&Timed| one.suite == "train" && one.name.eq_ignore_ascii_case(name);
        self.timed.iter().find(named)
    }
}

/// Of a study that scales: its names end in the strategy and the factor.
fn way(trial: &Trial) -> Option<Way> {
    let name = &trial.planned.name;
    let unscaled = || Way {
        base: name.clone(),
        strategy: UNSCALED.into(),
        factor: 1.0,
    };
    match trial.kind.as_str() {
        "scaling" | "ablation" => {}
        _ => return None,
    }
    let mut parts = name.rsplitn(3, '-');
    let (factor, strategy, base) = (parts.next()?, parts.next(), parts.next());
    let way = strategy
        .zip(base)
        .filter(|(strategy, _)| strategy.parse::<triaxis_models::Strategy>().is_ok())
        .zip(factor.parse().ok());
    Some(way.map_or_else(unscaled, |((strategy, base), factor)| Way {
        base: base.into(),
        strategy: strategy.into(),
        factor,
    }))
}

/// The mean and the standard deviation of a sample; none of one number.
pub fn mean(errors: &[f64]) -> (f64, Option<f64>) {
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let squares: f64 = errors.iter().map(|error| (error - mean).powi(2)).sum();
    (
        mean,
        (errors.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
    )
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // numpy.std([2, 4, 4, 4, 5, 5, 7, 9], ddof=1)
        let (mean_of_eight, deviation) = mean(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(mean_of_eight, 5.0);
        assert!((deviation.unwrap() - 2.138_089_935_299_395).abs() < 1e-12);
        assert_eq!(mean(&[7.0]), (7.0, None));
        assert_eq!(mean(&[3.0, 3.0]), (3.0, Some(0.0)));
    }
}
