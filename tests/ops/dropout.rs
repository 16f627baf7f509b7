//! `engine::ops::dropout`: the kernels drop what `philox::draw` says, to the bit.

use triaxis::engine::ops::dropout;
use triaxis::engine::philox::{draw, hash, unit};

use crate::{Case, Differences, EPOCH, Input, SEED, data_index};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    [
        ("one number", [1, 1, 1, 1], 0.3, Differences::All),
        ("odd sides", [3, 5, 7, 6], 0.2, Differences::All),
        ("a head", [3, 1, 1, 20], 0.5, Differences::All),
        ("many numbers", [3, 37, 41, 10], 0.1, Differences::Some(9)),
    ]
    .map(|(name, shape, rate, differences)| case(name, shape, rate, differences))
    .into()
}

/// EfficientNet-B0's features at their real size, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![case("1280_1", [n, 1, 1, 1280], 0.2, Differences::Some(1))]
}

fn case(name: &str, shape: [usize; 4], rate: f32, differences: Differences) -> Case {
    Case {
        name: format!("dropout {name}"),
        inputs: vec![Input::random(shape)],
        apply: Box::new(move |g, v| g.scope("head", |g| dropout(g, v[0], rate))),
        reference: Box::new(move |v| {
            let factors = factors(shape, rate, SEED, EPOCH, "head.dropout");
            v[0].iter()
                .zip(factors)
                .map(|(x, f)| x * f64::from(f))
                .collect()
        }),
        differences,
    }
}

/// What each number is multiplied by.
pub fn factors([n, h, w, c]: [usize; 4], rate: f32, seed: u64, epoch: u32, path: &str) -> Vec<f32> {
    let mut factors = Vec::new();
    for image in 0..n {
        for pixel in 0..h * w {
            for channel in 0..c {
                let index = pixel * c.div_ceil(4) + channel / 4;
                let words = draw(seed, epoch, data_index(image), hash(path), index as u32);
                let kept = unit(words[channel % 4]) >= rate;
                factors.push(if kept { 1.0 / (1.0 - rate) } else { 0.0 });
            }
        }
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis::engine::{Graph, Mode, Plan};

    const SHAPE: [usize; 4] = [4, 16, 16, 10];

    /// What ones become in this scope.
    fn dropped(rate: f32, seed: u64, epoch: u32, scope: &str) -> Vec<f32> {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", SHAPE);
        let y = g.scope(scope, |g| dropout(g, x, rate)).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
        plan.write(x, &[1.0; 4 * 16 * 16 * 10]).unwrap();
        crate::write_randomness(&plan, seed, epoch);
        plan.run().unwrap();
        plan.read(y).unwrap()
    }

    #[test]
    fn dropout_matches_reference_and_its_differences() {
        crate::check_all(&cases());
    }

    #[test]
    fn dropout_drops_the_same_numbers_on_every_processor() {
        for (rate, seed, epoch, scope) in [(0.5, 0, 0, "a"), (0.25, u64::MAX, 350, "head")] {
            let path = format!("{scope}.dropout");
            assert_eq!(
                dropped(rate, seed, epoch, scope),
                factors(SHAPE, rate, seed, epoch, &path)
            );
        }
    }

    #[test]
    fn dropout_differs_by_seed_epoch_image_and_path_and_keeps_its_share() {
        let first = dropped(0.5, 1, 0, "a");
        let image = 16 * 16 * 10;
        for other in [
            dropped(0.5, 2, 0, "a"),
            dropped(0.5, 1 << 32, 0, "a"),
            dropped(0.5, 1, 1, "a"),
            dropped(0.5, 1, 0, "b"),
            [&first[image..], &first[..image]].concat(),
        ] {
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            let share = same as f64 / first.len() as f64;
            assert!((share - 0.5).abs() < 0.03, "{share} of the numbers agree");
        }
        let kept = dropped(0.2, 3, 0, "a").iter().filter(|&&y| y > 0.0).count();
        let share = kept as f64 / first.len() as f64;
        // 10,240 draws: a deviation is 0.004.
        assert!(
            (share - 0.8).abs() < 0.016,
            "{share} of the numbers are kept"
        );
    }

    #[test]
    fn dropout_leaves_evaluation_and_a_rate_of_0_alone() {
        for (mode, rate) in [(Mode::Evaluate, 0.5), (Mode::Train, 0.0)] {
            let mut g = Graph::new(mode);
            let x = g.input("x", SHAPE);
            assert_eq!(dropout(&mut g, x, rate).unwrap(), x);
            assert_eq!(g.random_inputs(), None);
        }
    }

    #[test]
    fn dropout_refuses_rates_that_are_none() {
        for rate in [1.0, -0.1, 20.0, f32::NAN] {
            let mut g = Graph::new(Mode::Evaluate);
            let x = g.input("x", SHAPE);
            let error = g.scope("head", |g| dropout(g, x, rate)).unwrap_err();
            let expected =
                format!("head.dropout drops at a rate of {rate}: give one from 0 to less than 1");
            assert_eq!(error.to_string(), expected);
        }
    }
}
