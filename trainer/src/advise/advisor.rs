//! Candidates with what they cost and how they err, and the best of those that fit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use triaxis_engine::{Error as EngineError, Limits};
use triaxis_models::{Error as ModelError, Spec};

use super::accuracy::{Accuracy, Expected};
use super::budget::{Budget, Cost, Quantity};
use super::candidate::{Candidate, Line};
use super::demand::{Demand, Phase, schedule};
use super::time::TimeModel;
use crate::error::{Error, Result};
use crate::recipe::Recipe;
use crate::study::same;
use crate::trainer::memory_needed;

/// Growth of a base's multiply-adds beyond which a line is not followed, upwards and downwards.
const FARTHEST: (f64, f64) = (1.0 / 256.0, 128.0);
/// Times that a step beyond the end of a line is tried half as long.
const SHORTER: usize = 4;
/// Halvings of the distance, in logarithms, between a network that fits and one that does not: to 2 % of the factor.
const HALVINGS: usize = 5;

/// What is to be trained.
#[derive(Clone, Debug)]
pub struct Task {
    /// How; its batch size is the step's.
    pub recipe: Recipe,
    /// Classes to tell apart.
    pub num_classes: usize,
    /// Side of the pictures, pixels; each network's own where left out.
    pub img_size: Option<usize>,
    /// Pictures of an epoch, where they are known.
    pub images: Option<usize>,
}

impl Task {
    /// The candidate for these classes and this side, with the recipe's dropout.
    pub fn fitted(&self, candidate: &Candidate) -> Spec {
        let mut spec = Spec {
            num_classes: self.num_classes,
            resolution: self.img_size.unwrap_or(candidate.spec.resolution),
            ..candidate.spec.clone()
        };
        self.recipe.shape(&mut spec.network);
        spec
    }

    /// Steps of an epoch: the last partial batch is dropped.
    pub fn steps(&self) -> Option<usize> {
        self.images.map(|images| images / self.recipe.batch_size)
    }
}

/// A candidate with what is known of it.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Where it comes from.
    pub candidate: Candidate,
    /// The network as the task has it.
    pub spec: Spec,
    /// What it costs. Once a limit is exceeded, no more is counted.
    pub cost: Cost,
    /// Its error, where anything is known of its family.
    pub expected: Option<Expected>,
}

/// Everything that candidates are judged by.
#[derive(Clone, Debug)]
pub struct Advisor {
    /// What the adapter allows.
    pub limits: Limits,
    /// What is to be trained.
    pub task: Task,
    /// What it may cost.
    pub budget: Budget,
    /// The time of a training step.
    pub train: TimeModel,
    /// The time of one picture's inference; needed where that is limited.
    pub infer: Option<TimeModel>,
    /// How networks err.
    pub accuracy: Accuracy,
}

/// What came of judging all candidates.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    /// Networks that keep all limits, the best first: by predicted error to a tenth of a point, then by step time. Of each
    /// base and rule the largest, and networks of the zoo.
    pub fitting: Vec<Evaluated>,
    /// The others that were looked at.
    pub beyond: Vec<Evaluated>,
}

impl Advisor {
    /// Judges the networks of these lines, and those of the zoo of their families.
    ///
    /// # Errors
    ///
    /// Those of drawing networks.
    pub fn rank(&self, lines: &[Line], zoo: &[Candidate]) -> Result<Ranking> {
        let work: Vec<Work<'_>> = lines
            .iter()
            .map(Work::Line)
            .chain(zoo.iter().map(Work::One))
            .collect();
        let mut all: Vec<Evaluated> = Vec::new();
        let mut ranking = Ranking::default();
        for (work, found) in work.iter().zip(self.parallel(&work)?) {
            let (mut fitting, beyond): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|one| self.budget.fits(&one.cost));
            ranking.beyond.extend(beyond);
            if let Work::Line(_) = work {
                // All of them are on the way to the last.
                fitting.sort_by_key(|one| one.cost.flops);
                fitting.drain(..fitting.len().saturating_sub(1));
            }
            for one in fitting {
                if !all.iter().any(|other| same(&other.spec, &one.spec)) {
                    all.push(one);
                }
            }
        }
        all.sort_by(|a, b| {
            let key = |one: &Evaluated| {
                let error = one
                    .expected
                    .map_or(f64::INFINITY, |e| (10.0 * e.error).round());
                (error, one.cost.step_seconds.unwrap_or(f64::INFINITY))
            };
            let ((error_a, time_a), (error_b, time_b)) = (key(a), key(b));
            error_a.total_cmp(&error_b).then(time_a.total_cmp(&time_b))
        });
        ranking.fitting = all;
        Ok(ranking)
    }

    fn parallel(&self, work: &[Work<'_>]) -> Result<Vec<Vec<Evaluated>>> {
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads.min(work.len()) {
                scope.spawn(|| {
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        let Some(one) = work.get(i) else { break };
                        let found = match one {
                            Work::One(candidate) => self
                                .judged((*candidate).clone())
                                .map(|one| one.into_iter().collect()),
                            Work::Line(line) => self.along(line),
                        };
                        done.lock()
                            .expect("no thread panics with it")
                            .push((i, found));
                    }
                });
            }
        });
        let mut done = done.into_inner().expect("no thread panics with it");
        done.sort_by_key(|(i, _)| *i);
        done.into_iter().map(|(_, found)| found).collect()
    }

    /// Networks of a line around where it leaves the budget.
    fn along(&self, line: &Line) -> Result<Vec<Evaluated>> {
        let mut found: Vec<Evaluated> = Vec::new();
        let mut try_at = |factor: f64| -> Result<Option<bool>> {
            let Some(candidate) = line.at(factor)? else {
                return Ok(None);
            };
            let Some(one) = self.judged(candidate)? else {
                return Ok(None);
            };
            let fits = self.budget.fits(&one.cost);
            found.push(one);
            Ok(Some(fits))
        };
        let (mut fits, mut beyond) = (None, None);
        let mut factor = 1.0;
        let upwards = try_at(factor)? == Some(true);
        let mut step = if upwards { 2.0 } else { 0.5 };
        *(if upwards { &mut fits } else { &mut beyond }) = Some(factor);
        let mut shorter = 0;
        while (fits.is_none() || beyond.is_none())
            && shorter < SHORTER
            && (FARTHEST.0..=FARTHEST.1).contains(&(factor * step))
        {
            match try_at(tidy(factor * step))? {
                Some(true) => fits = Some(factor * step),
                Some(false) => beyond = Some(factor * step),
                // The line has ended: what is just before its end may fit.
                None => {
                    step = f64::sqrt(step);
                    shorter += 1;
                    continue;
                }
            }
            factor *= step;
        }
        if let (Some(mut low), Some(mut high)) = (fits, beyond) {
            for _ in 0..HALVINGS {
                let middle = tidy((low * high).sqrt());
                match try_at(middle)? {
                    Some(true) => low = middle,
                    Some(false) | None => high = middle,
                }
            }
        }
        Ok(found)
    }

    /// The candidate with its costs; `None` for a network that its pictures or the adapter do not allow.
    fn judged(&self, candidate: Candidate) -> Result<Option<Evaluated>> {
        let spec = self.task.fitted(&candidate);
        if spec.check().is_err() {
            return Ok(None);
        }
        let mut one = Evaluated {
            expected: self.accuracy.expected(&candidate, &spec)?,
            cost: Cost::default(),
            candidate,
            spec,
        };
        match self.count(&mut one) {
            Ok(()) => Ok(Some(one)),
            Err(error) if is_too_much(&error) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Counts from what is quick to what is not, until a limit is exceeded.
    fn count(&self, one: &mut Evaluated) -> Result<()> {
        let counts = one.spec.complexity()?;
        one.cost = Cost {
            flops: counts.flops,
            params: counts.params,
            acts: counts.acts,
            ..Cost::default()
        };
        if !self.budget.fits(&one.cost) {
            return Ok(());
        }
        let (recipe, batch) = (&self.task.recipe, self.task.recipe.batch_size);
        let laid = schedule(&one.spec, Phase::Train, recipe, batch, &self.limits)?;
        let seconds = self.train.seconds(&Demand::of(&laid));
        one.cost.step_seconds = Some(seconds);
        one.cost.epoch_seconds = self.task.steps().map(|steps| steps as f64 * seconds);
        one.cost.moved_bytes = Some(laid.traffic().total() / batch as u64);
        one.cost.dispatches = Some(laid.dispatches());
        if self.budget.fits(&one.cost) && self.budget.limits(Quantity::Memory) {
            self.count_memory(one)?;
        }
        if self.budget.fits(&one.cost) && self.budget.limits(Quantity::Latency) {
            self.count_latency(one)?;
        }
        Ok(())
    }

    fn count_memory(&self, one: &mut Evaluated) -> Result<()> {
        let recipe = Recipe {
            img_size: Some(one.spec.resolution),
            ..self.task.recipe.clone()
        };
        let needed = memory_needed(&one.spec, &recipe, recipe.batch_size, &self.limits)?;
        one.cost.memory_bytes = Some(needed.train.total() + needed.evaluate.total());
        Ok(())
    }

    fn count_latency(&self, one: &mut Evaluated) -> Result<()> {
        if let Some(model) = &self.infer {
            let laid = schedule(&one.spec, Phase::Infer, &self.task.recipe, 1, &self.limits)?;
            one.cost.latency_seconds = Some(model.seconds(&Demand::of(&laid)));
        }
        Ok(())
    }

    /// Counts what was not limited, too.
    ///
    /// # Errors
    ///
    /// The engine's, where the adapter does not allow the network's evaluation.
    pub fn complete(&self, one: &mut Evaluated) -> Result<()> {
        if one.cost.memory_bytes.is_none() {
            self.count_memory(one)?;
        }
        if one.cost.latency_seconds.is_none() {
            self.count_latency(one)?;
        }
        Ok(())
    }
}

/// What a thread takes at once.
enum Work<'a> {
    Line(&'a Line),
    One(&'a Candidate),
}

/// A factor in four digits: what is printed is what was meant.
fn tidy(factor: f64) -> f64 {
    let digits = 10f64.powi(3 - factor.log10().floor() as i32);
    (factor * digits).round() / digits
}

/// Whether the network is too large for the adapter or for its pictures, which is no failure of advice.
fn is_too_much(error: &Error) -> bool {
    let engine = match error {
        Error::Engine(engine) | Error::Model(ModelError::Engine(engine)) => engine,
        Error::Model(ModelError::Spec { .. }) => return true,
        _ => return false,
    };
    matches!(
        engine,
        EngineError::Limit { .. } | EngineError::Shape { .. } | EngineError::OutOfMemory { .. }
    )
}

#[cfg(test)]
mod tests;
