//! Which networks are tried.

use triaxis_models::{Scaling, Spec};
use triaxis_search::Random;
use triaxis_search::evolution::{Evolution, Individual};

use crate::error::{Error, Result};
use crate::study::same;

/// Draws that find nothing new after which the band counts as empty.
const DRAWS: usize = 2000;

/// Where networks are sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// The network that is shrunk, for the pictures at hand.
    pub base: Spec,
    /// The least and the greatest multiplier of depth, width and resolution.
    pub multipliers: (f64, f64),
    /// The least and the greatest share of the base's multiply-adds.
    pub shares: (f64, f64),
    /// Key of the random numbers.
    pub seed: u64,
}

/// A network that may be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The network.
    pub spec: Spec,
    /// Multipliers of depth, width and resolution.
    pub at: [f64; 3],
}

impl Sampling {
    /// Refuses ranges without anything in them.
    pub fn check(&self) -> Result<()> {
        for (name, (low, high)) in [
            ("--multipliers", self.multipliers),
            ("--shares", self.shares),
        ] {
            if !(low > 0.0 && low < high && high.is_finite()) {
                return Err(Error::config(
                    name,
                    format!("{low}..{high} is no range"),
                    "Give two numbers above 0, the smaller first, such as 0.35..1.35",
                ));
            }
        }
        Ok(())
    }

    /// `count` networks at random, none of them among `known` or twice.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where the band holds no more networks, with the shares nearest to it.
    pub fn at_random(&self, count: usize, known: &[Spec]) -> Result<Vec<Candidate>> {
        let mut random = Random::new(self.seed);
        let mut found = Finding::new(self, known)?;
        found.until(count, || std::array::from_fn(|_| random.uniform()))?;
        Ok(found.candidates)
    }

    /// `count` children of the networks that were tried, none of them among `known`: each has its multipliers, its error
    /// and its multiply-adds. `generation` makes them others than those before.
    ///
    /// # Errors
    ///
    /// As [`Sampling::at_random`].
    pub fn children(
        &self,
        tried: &[([f64; 3], [f64; 2])],
        count: usize,
        generation: u64,
        known: &[Spec],
    ) -> Result<Vec<Candidate>> {
        let seed = self
            .seed
            .wrapping_add(generation.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut random = Random::new(seed);
        let parents: Vec<Individual<2>> = tried
            .iter()
            .map(|(at, objectives)| Individual {
                at: at.map(|x| self.place(x)).into(),
                objectives: *objectives,
            })
            .collect();
        let mut found = Finding::new(self, known)?;
        found.until(count, || {
            let child = Evolution::default()
                .children(&parents, 1, &mut random)
                .pop();
            child.map_or([0.5; 3], |at| std::array::from_fn(|i| at[i]))
        })?;
        Ok(found.candidates)
    }

    /// A multiplier's place in its range, 0 to 1: doubling counts the same wherever.
    fn place(&self, multiplier: f64) -> f64 {
        let (low, high) = self.multipliers;
        ((multiplier / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
    }

    /// The multiplier at a place, to three digits.
    fn multiplier(&self, place: f64) -> f64 {
        let (low, high) = self.multipliers;
        let exact = low * (high / low).powf(place);
        ((exact * 1000.0).round() / 1000.0).clamp(low, high)
    }
}

/// A search for networks that are new and lie in the band.
struct Finding<'a> {
    sampling: &'a Sampling,
    base_flops: f64,
    known: Vec<Spec>,
    candidates: Vec<Candidate>,
    /// The nearest shares outside of the band.
    below: Option<f64>,
    above: Option<f64>,
}

impl<'a> Finding<'a> {
    fn new(sampling: &'a Sampling, known: &[Spec]) -> Result<Self> {
        sampling.check()?;
        Ok(Self {
            base_flops: sampling.base.complexity()?.flops as f64,
            sampling,
            known: known.to_vec(),
            candidates: Vec::new(),
            below: None,
            above: None,
        })
    }

    fn until(&mut self, count: usize, mut place: impl FnMut() -> [f64; 3]) -> Result<()> {
        let mut draws = 0;
        while self.candidates.len() < count {
            if draws == DRAWS {
                return Err(self.empty(count));
            }
            draws += 1;
            let at = place().map(|x| self.sampling.multiplier(x));
            if self.take(at)? {
                draws = 0;
            }
        }
        Ok(())
    }

    /// Takes the network of these multipliers, where it can be, is new and lies in the band.
    fn take(&mut self, at: [f64; 3]) -> Result<bool> {
        let [depth, width, resolution] = at;
        let scaling = Scaling::tiny(depth, width, resolution);
        // A picture that is too small for the strides makes no network.
        let Ok(mut spec) = self.sampling.base.scaled(scaling) else {
            return Ok(false);
        };
        if self.known.iter().any(|other| same(other, &spec)) {
            return Ok(false);
        }
        let share = spec.complexity()?.flops as f64 / self.base_flops;
        let (low, high) = self.sampling.shares;
        if share < low {
            self.below = Some(self.below.map_or(share, |below| below.max(share)));
            return Ok(false);
        }
        if share > high {
            self.above = Some(self.above.map_or(share, |above| above.min(share)));
            return Ok(false);
        }
        spec.name = format!(
            "{}-d{depth}-w{width}-r{resolution}",
            self.sampling.base.name
        );
        self.known.push(spec.clone());
        self.candidates.push(Candidate { spec, at });
        Ok(true)
    }

    fn empty(&self, count: usize) -> Error {
        let ((low, high), found) = (self.sampling.shares, self.candidates.len());
        let outside: Vec<String> = [self.below, self.above]
            .into_iter()
            .flatten()
            .map(|share| format!("{share:.4}"))
            .collect();
        let nearest = match outside.is_empty() {
            true => String::new(),
            false => format!("; the nearest outside have {}", outside.join(" and ")),
        };
        Error::config(
            "--shares",
            format!(
                "{count} networks of {low} to {high} times the multiply-adds of {} were asked for, and {DRAWS} draws in a row \
                 found no more than {found} new ones{nearest}",
                self.sampling.base.name
            ),
            "Give a wider band, wider --multipliers, fewer --trials, or larger pictures (--img-size)",
        )
    }
}
