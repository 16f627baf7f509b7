//! `triaxis search tiny`.

mod report;

use clap::Args;
use triaxis_models::Spec;

use super::study::{Running, StudyOptions, range};
use crate::cli::print;
use crate::error::{Error, Result};
use crate::ledger::Trial;
use crate::study::picture::trials;
use crate::study::tiny::{Candidate, Formula, Point, Sampling, curves, front};
use report::Report;

/// Options of `triaxis search tiny`.
#[derive(Debug, Args)]
pub(super) struct Tiny {
    /// Networks to train
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Search")]
    trials: usize,
    /// Least and greatest multiplier of depth, width and resolution
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0.35..1.35", help_heading = "Search")]
    multipliers: (f64, f64),
    /// Least and greatest share of the multiply-adds of --model
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0.03..1.05", help_heading = "Search")]
    shares: (f64, f64),
    /// Part of the trials that the formula is learnt from, the best by repeated sorting
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.2,
        help_heading = "Search"
    )]
    front: f64,
    /// Multiply-adds of the network to be made, such as 50M; written to the study's folder
    #[arg(long, value_name = "N", value_parser = crate::cli::number::count, help_heading = "Search")]
    target_flops: Option<u64>,
    /// After --population random networks, try children of the best (NSGA-II) instead of more random ones
    #[arg(long, help_heading = "Search")]
    evolve: bool,
    /// Networks of a generation
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        requires = "evolve",
        help_heading = "Search"
    )]
    population: usize,
    #[command(flatten)]
    pub(super) study: StudyOptions,
}

impl Tiny {
    pub(super) fn run(&self) -> Result<()> {
        if self.trials < 3 || self.population < 2 {
            return Err(Error::config(
                "--trials, --population",
                format!(
                    "{} networks, {} of a generation",
                    self.trials, self.population
                ),
                "A curve needs 3 trials or more, and a generation 2 networks",
            ));
        }
        if !(self.front > 0.0 && self.front <= 1.0) {
            return Err(Error::config(
                "--front",
                format!("{} is no part of the trials", self.front),
                "Give a number above 0 and up to 1",
            ));
        }
        let first = match self.evolve {
            true => self.population.min(self.trials),
            false => self.trials,
        };
        let prepare = |base: &Spec, seed| {
            let evolved = match self.evolve {
                true => format!("population = {}", self.population),
                false => "at random".into(),
            };
            let ((a, b), (c, d)) = (self.multipliers, self.shares);
            let options = format!("multipliers = {a}..{b}\nshares = {c}..{d}\n{evolved}");
            let sampling = self.sampling(base, seed);
            let networks = sampling.at_random(first, &[])?;
            Ok((options, (sampling, networks)))
        };
        let (mut running, (sampling, mut tried)) = self.study.begin("tiny", prepare)?;
        plan(&mut running, 0, &tried)?;
        running.work()?;
        let mut generation = 0;
        while tried.len() < self.trials {
            generation += 1;
            let count = self.population.min(self.trials - tried.len());
            let known: Vec<Spec> = tried.iter().map(|one| one.spec.clone()).collect();
            let done = running.trials()?;
            // Trials of later generations, which another process may have planned already, are no parents.
            let parents = parents(&done[..tried.len().min(done.len())], self.population);
            let children = sampling.children(&parents, count, generation, &known)?;
            plan(&mut running, tried.len(), &children)?;
            tried.extend(children);
            running.work()?;
        }
        self.report(&running)
    }

    fn sampling(&self, base: &Spec, seed: u64) -> Sampling {
        Sampling {
            base: base.clone(),
            multipliers: self.multipliers,
            shares: self.shares,
            seed,
        }
    }

    fn report(&self, running: &Running) -> Result<()> {
        let all = running.trials()?;
        let best = front(&all, self.front);
        let base_flops = running.base.complexity()?.flops as f64;
        let points: Vec<Point> = all
            .iter()
            .filter(|trial| best.contains(&trial.id))
            .filter_map(|trial| point(trial, base_flops))
            .collect();
        if points.len() < 3 {
            let why = all.iter().find_map(|trial| trial.message.clone());
            return Err(Error::config(
                "triaxis search tiny",
                format!(
                    "{} of {} trials have an error to learn from, and a curve needs 3{}",
                    points.len(),
                    all.len(),
                    why.map_or_else(String::new, |why| format!("; one failed: {why}"))
                ),
                "Look at them with `triaxis ledger list`, and begin another study with a --recipe that trains",
            ));
        }
        let formula = Formula::new(&running.base, &points)?;
        let network = self
            .target_flops
            .map(|flops| formula.network(flops))
            .transpose()?;
        let mut files = vec![
            running.write("curves.svg", &curves(&formula))?,
            running.write("trials.svg", &trials(&all, &best))?,
        ];
        if let Some(network) = &network {
            let name = format!("{}.toml", network.spec.name);
            files.push(running.write(&name, &network.spec.to_toml())?);
        }
        let report = Report::new(&all, &best, &formula, network.as_ref())?;
        match self.study.json {
            true => print::json(&report),
            false => print::text(&report::text(&report, &points, &files)),
        }
    }
}

fn plan(running: &mut Running, first: usize, candidates: &[Candidate]) -> Result<()> {
    let networks = candidates.iter().map(|one| (&one.spec, one.at.as_slice()));
    running.plan(first, networks)
}

/// Multipliers, error and multiply-adds of the best `count` of the trials that are done.
fn parents(trials: &[Trial], count: usize) -> Vec<([f64; 3], [f64; 2])> {
    let judged: Vec<([f64; 3], [f64; 2])> = trials
        .iter()
        .filter_map(|trial| {
            let at = <[f64; 3]>::try_from(trial.planned.numbers.as_slice()).ok()?;
            let error = trial.outcome.as_ref()?.top1_error;
            Some((at, [error, trial.planned.flops as f64]))
        })
        .collect();
    let objectives: Vec<[f64; 2]> = judged.iter().map(|(_, objectives)| *objectives).collect();
    let best = triaxis_search::pareto::best(&objectives, count);
    best.into_iter().map(|i| judged[i]).collect()
}

fn point(trial: &Trial, base_flops: f64) -> Option<Point> {
    let [depth, width, resolution] = <[f64; 3]>::try_from(trial.planned.numbers.as_slice()).ok()?;
    Some(Point {
        share: trial.planned.flops as f64 / base_flops,
        depth,
        width,
        resolution,
        error: trial.outcome.as_ref()?.top1_error,
    })
}
