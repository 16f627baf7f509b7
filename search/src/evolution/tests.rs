//! How near the front NSGA-II comes.

use std::collections::BTreeSet;

use super::*;
use crate::hypervolume::area;

fn random_point(variables: usize, random: &mut Random) -> Vec<f64> {
    (0..variables).map(|_| random.uniform()).collect()
}

/// `generations` of `size` individuals after a random one; all that were ever evaluated.
fn evolve(
    size: usize,
    generations: usize,
    variables: usize,
    seed: u64,
    evaluate: impl Fn(&[f64]) -> [f64; 2],
) -> Vec<Individual<2>> {
    let mut random = Random::new(seed);
    let judged = |at: Vec<f64>| Individual {
        objectives: evaluate(&at),
        at,
    };
    let mut alive: Vec<Individual<2>> = (0..size)
        .map(|_| judged(random_point(variables, &mut random)))
        .collect();
    let mut all = alive.clone();
    for _ in 0..generations {
        let children = Evolution::default().children(&alive, size, &mut random);
        let children: Vec<_> = children.into_iter().map(judged).collect();
        all.extend(children.iter().cloned());
        alive.extend(children);
        alive = survivors(alive, size);
    }
    assert_eq!(alive.len(), size);
    all
}

fn objectives(all: &[Individual<2>]) -> Vec<[f64; 2]> {
    all.iter().map(|one| one.objectives).collect()
}

/// Zitzler, Deb and Thiele's first: 30 numbers, and a front `1 − √x`.
fn zdt1(at: &[f64]) -> [f64; 2] {
    let rest = at[1..].iter().sum::<f64>() / (at.len() - 1) as f64;
    let g = 1.0 + 9.0 * rest;
    [at[0], g * (1.0 - (at[0] / g).sqrt())]
}

#[test]
fn zdt1s_front_is_reached_to_99_percent() {
    // Below the front lies the integral of 1 − √x from 0 to 1.
    let reference = 1.1 * 1.1 - 1.0 / 3.0;
    let all = evolve(100, 250, 30, 1, zdt1);
    let reached = area(&objectives(&all), [1.1, 1.1]);
    assert!(reached <= reference, "no point lies beyond the front");
    assert!(
        reached >= 0.99 * reference,
        "{reached} of {reference}: {:.4}",
        reached / reference
    );
}

const SIDE: usize = 16;
const TRIALS: usize = 200;

/// A table of `SIDE`³ networks by depth, width and resolution, as small ones behave: multiply-adds grow with
/// d·w²·r², and the error falls with each axis, with less to gain where the others are small, and has noise as training
/// has. No network was trained for it.
fn tabulated(cell: [usize; 3]) -> [f64; 2] {
    let [d, w, r] = cell.map(|i| 0.3 + 0.9 * i as f64 / (SIDE - 1) as f64);
    let flops = 0.1 + 0.9 * d * w * w * r * r;
    let key = cell.into_iter().fold(0, |key, i| key * SIDE + i);
    let noise = Random::new(key as u64).between(-0.004, 0.004);
    let error = 0.22 + 0.1 * (-2.2 * d).exp() + 0.09 * (-1.6 * w).exp() + 0.25 * (-2.8 * r).exp();
    [error + noise, flops]
}

fn cell(at: &[f64]) -> [usize; 3] {
    std::array::from_fn(|i| ((at[i] * SIDE as f64) as usize).min(SIDE - 1))
}

/// `TRIALS` different networks of the table, by evolution.
fn evolved(seed: u64) -> Vec<[f64; 2]> {
    const SIZE: usize = 20;
    let mut random = Random::new(seed);
    let mut known = BTreeSet::new();
    let mut values = Vec::new();
    let mut alive: Vec<Individual<2>> = Vec::new();
    while values.len() < TRIALS {
        let at = match alive.len() < SIZE {
            true => random_point(3, &mut random),
            false => Evolution::default()
                .children(&alive, 1, &mut random)
                .remove(0),
        };
        if known.insert(cell(&at)) {
            let objectives = tabulated(cell(&at));
            values.push(objectives);
            alive.push(Individual { at, objectives });
        }
        if alive.len() == 2 * SIZE {
            alive = survivors(alive, SIZE);
        }
    }
    values
}

/// `TRIALS` different networks of the table, at random.
fn sampled(seed: u64) -> Vec<[f64; 2]> {
    let mut random = Random::new(seed);
    let mut known = BTreeSet::new();
    while known.len() < TRIALS {
        known.insert(cell(&random_point(3, &mut random)));
    }
    known.into_iter().map(tabulated).collect()
}

#[test]
fn evolution_beats_random_sampling_at_equal_trials() {
    let reference = [0.5, 1.6];
    let wins = (0..10).filter(|&seed| {
        let (evolved, sampled) = (
            area(&evolved(seed), reference),
            area(&sampled(1000 + seed), reference),
        );
        println!("{seed}: {evolved:.5} by evolution, {sampled:.5} at random");
        evolved > sampled
    });
    let wins = wins.count();
    assert!(wins >= 8, "{wins} of 10");
}

#[test]
fn children_stay_between_0_and_1_and_a_seed_decides_them() {
    let parents: Vec<Individual<2>> = (0..6)
        .map(|i| Individual {
            at: vec![f64::from(i % 2), f64::from(i) / 5.0, 0.5],
            objectives: [f64::from(i), -f64::from(i)],
        })
        .collect();
    let evolution = Evolution {
        mutation: Some(1.0),
        ..Evolution::default()
    };
    let make = |seed| evolution.children(&parents, 501, &mut Random::new(seed));
    let children = make(1);
    assert_eq!(children.len(), 501);
    assert!(
        children
            .iter()
            .all(|child| child.len() == 3 && child.iter().all(|x| (0.0..=1.0).contains(x)))
    );
    assert_eq!(children, make(1));
    assert_ne!(children, make(2));
    let mean = children.iter().map(|child| child[2]).sum::<f64>() / 501.0;
    assert!(
        (mean - 0.5).abs() < 0.02,
        "mutation leans to no side: {mean}"
    );
}

#[test]
fn nobody_has_no_children() {
    let children = Evolution::default().children::<2>(&[], 4, &mut Random::new(1));
    assert!(children.is_empty());
}
