//! NSGA-II: a population that approaches the front of all points (Deb and others, 2002).
//!
//! Evaluating a point may mean hours of training, so nothing is called back: [`Evolution::children`] asks for points and
//! [`survivors`] is told what they were worth. Points are lists of numbers from 0 to 1.

use crate::Random;
use crate::pareto::{best, crowding, fronts};

/// A point and its objectives, of which less is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Individual<const M: usize> {
    /// Where it lies: numbers from 0 to 1.
    pub at: Vec<f64>,
    /// What it is worth.
    pub objectives: [f64; M],
}

/// The numbers of crossing and mutating.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evolution {
    /// Probability that two parents are crossed.
    pub crossover: f64,
    /// Distribution index of simulated binary crossover: the larger, the nearer children are to their parents.
    pub crossover_index: f64,
    /// Probability that a number is mutated; `None`: 1 in as many as a point has.
    pub mutation: Option<f64>,
    /// Distribution index of polynomial mutation: the larger, the smaller the changes.
    pub mutation_index: f64,
}

impl Default for Evolution {
    /// The numbers of the paper.
    fn default() -> Self {
        Self {
            crossover: 0.9,
            crossover_index: 20.0,
            mutation: None,
            mutation_index: 20.0,
        }
    }
}

impl Evolution {
    /// `count` new points: parents are chosen by tournaments of two, crossed and mutated. None where nobody could be
    /// their parent.
    pub fn children<const M: usize>(
        &self,
        parents: &[Individual<M>],
        count: usize,
        random: &mut Random,
    ) -> Vec<Vec<f64>> {
        let mut children = Vec::with_capacity(count + 1);
        if parents.is_empty() {
            return children;
        }
        let fitness = fitness(parents);
        while children.len() < count {
            let mut parent = || {
                let (a, b) = (random.below(parents.len()), random.below(parents.len()));
                let winner = if fitness[b] > fitness[a] { b } else { a };
                &parents[winner].at
            };
            let (first, second) = (parent(), parent());
            let (mut first, mut second) = (first.clone(), second.clone());
            self.cross(&mut first, &mut second, random);
            for mut child in [first, second] {
                self.mutate(&mut child, random);
                children.push(child);
            }
        }
        children.truncate(count);
        children
    }

    /// Simulated binary crossover within 0 and 1.
    fn cross(&self, first: &mut [f64], second: &mut [f64], random: &mut Random) {
        if random.uniform() >= self.crossover {
            return;
        }
        let power = 1.0 / (self.crossover_index + 1.0);
        for (a, b) in first.iter_mut().zip(second) {
            if random.uniform() >= 0.5 || (*a - *b).abs() < 1e-14 {
                continue;
            }
            let (low, high) = (a.min(*b), a.max(*b));
            let u = random.uniform();
            // How far children may lie outside of their parents is bounded by the nearer wall of each.
            let spread = |room: f64| {
                let beta = 1.0 + 2.0 * room / (high - low);
                let alpha = 2.0 - beta.powf(-(self.crossover_index + 1.0));
                match u <= 1.0 / alpha {
                    true => (u * alpha).powf(power),
                    false => (1.0 / (2.0 - u * alpha)).powf(power),
                }
            };
            let middle = low + high;
            let one = 0.5 * (middle - spread(low) * (high - low));
            let other = 0.5 * (middle + spread(1.0 - high) * (high - low));
            let swapped = random.uniform() < 0.5;
            let pair = if swapped { (other, one) } else { (one, other) };
            (*a, *b) = (pair.0.clamp(0.0, 1.0), pair.1.clamp(0.0, 1.0));
        }
    }

    /// Polynomial mutation within 0 and 1.
    fn mutate(&self, point: &mut [f64], random: &mut Random) {
        let probability = self.mutation.unwrap_or(1.0 / point.len().max(1) as f64);
        let power = self.mutation_index + 1.0;
        for x in point {
            if random.uniform() >= probability {
                continue;
            }
            let u = random.uniform();
            let step = match u < 0.5 {
                true => {
                    let wall = (1.0 - *x).powf(power);
                    (2.0 * u + (1.0 - 2.0 * u) * wall).powf(1.0 / power) - 1.0
                }
                false => {
                    let wall = x.powf(power);
                    1.0 - (2.0 * (1.0 - u) + (2.0 * u - 1.0) * wall).powf(1.0 / power)
                }
            };
            *x = (*x + step).clamp(0.0, 1.0);
        }
    }
}

/// The best `count` individuals, in the order they came: see [`best`].
pub fn survivors<const M: usize>(all: Vec<Individual<M>>, count: usize) -> Vec<Individual<M>> {
    let objectives: Vec<[f64; M]> = all.iter().map(|one| one.objectives).collect();
    let kept = best(&objectives, count);
    let mut kept = kept.into_iter().peekable();
    let alive = |(i, one)| kept.next_if_eq(&i).map(|_| one);
    all.into_iter().enumerate().filter_map(alive).collect()
}

/// What tournaments compare: the front first, negated so that more is better, then loneliness.
fn fitness<const M: usize>(individuals: &[Individual<M>]) -> Vec<(i64, f64)> {
    let objectives: Vec<[f64; M]> = individuals.iter().map(|one| one.objectives).collect();
    let mut fitness = vec![(i64::MIN, 0.0); individuals.len()];
    for (rank, front) in (0i64..).zip(fronts(&objectives)) {
        for (&i, distance) in front.iter().zip(crowding(&objectives, &front)) {
            fitness[i] = (-rank, distance);
        }
    }
    fitness
}

#[cfg(test)]
mod tests;
