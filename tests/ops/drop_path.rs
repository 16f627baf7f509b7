//! `engine::ops::drop_path`: whole images, by the first word that `philox::draw` gives them.

use triaxis::engine::ops::drop_path;
use triaxis::engine::philox::{draw, hash, unit};

use crate::{Case, Differences, EPOCH, Input, SEED, data_index};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    [
        ("one number", [1, 1, 1, 1], 0.3, Differences::All),
        ("odd sides", [3, 5, 7, 6], 0.4, Differences::All),
        ("many images", [35, 2, 3, 3], 0.2, Differences::Some(70)),
        ("large images", [3, 37, 41, 10], 0.5, Differences::Some(9)),
    ]
    .map(|(name, shape, rate, differences)| case(name, shape, rate, differences))
    .into()
}

/// Blocks of EfficientNet-B0 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![
        case("24_56", [n, 56, 56, 24], 0.2, Differences::Some(1)),
        case("112_14", [n, 14, 14, 112], 0.2, Differences::Some(1)),
    ]
}

fn case(name: &str, shape: [usize; 4], rate: f32, differences: Differences) -> Case {
    Case {
        name: format!("drop_path {name}"),
        inputs: vec![Input::random(shape)],
        apply: Box::new(move |g, v| g.scope("block", |g| drop_path(g, v[0], rate))),
        reference: Box::new(move |v| {
            let image = v[0].len() / shape[0];
            let factor =
                |i: usize| f64::from(factor(i / image, rate, SEED, EPOCH, "block.drop_path"));
            (0..v[0].len()).map(|i| v[0][i] * factor(i)).collect()
        }),
        differences,
    }
}

/// What an image of the batch is multiplied by.
pub fn factor(image: usize, rate: f32, seed: u64, epoch: u32, path: &str) -> f32 {
    let words = draw(seed, epoch, data_index(image), hash(path), 0);
    match unit(words[0]) >= rate {
        true => 1.0 / (1.0 - rate),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis::engine::{Graph, Mode, Plan};

    const IMAGES: usize = 2000;

    /// What images of a one become in this scope.
    fn dropped(rate: f32, seed: u64, epoch: u32, scope: &str) -> Vec<f32> {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [IMAGES, 1, 1, 1]);
        let y = g.scope(scope, |g| drop_path(g, x, rate)).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
        plan.write(x, &[1.0; IMAGES]).unwrap();
        crate::write_randomness(&plan, seed, epoch);
        plan.run().unwrap();
        plan.read(y).unwrap()
    }

    #[test]
    fn drop_path_matches_reference_and_its_differences() {
        crate::check_all(&cases());
    }

    #[test]
    fn drop_path_drops_the_same_images_on_every_processor() {
        let expected: Vec<f32> = (0..IMAGES)
            .map(|image| factor(image, 0.2, 42, 7, "stages.0.drop_path"))
            .collect();
        assert_eq!(dropped(0.2, 42, 7, "stages.0"), expected);
    }

    #[test]
    fn drop_path_differs_by_seed_epoch_and_path_and_keeps_its_share() {
        let first = dropped(0.5, 1, 0, "a");
        for other in [
            dropped(0.5, 2, 0, "a"),
            dropped(0.5, 1, 1, "a"),
            dropped(0.5, 1, 0, "b"),
        ] {
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            let share = same as f64 / IMAGES as f64;
            assert!((share - 0.5).abs() < 0.045, "{share} of the images agree");
        }
        let kept = first.iter().filter(|&&y| y > 0.0).count() as f64 / IMAGES as f64;
        // 2,000 draws: a deviation is 0.011.
        assert!((kept - 0.5).abs() < 0.045, "{kept} of the images are kept");
    }

    #[test]
    fn drop_path_leaves_evaluation_and_a_rate_of_0_alone() {
        for (mode, rate) in [(Mode::Evaluate, 0.5), (Mode::Train, 0.0)] {
            let mut g = Graph::new(mode);
            let x = g.input("x", [2, 3, 3, 4]);
            assert_eq!(drop_path(&mut g, x, rate).unwrap(), x);
        }
    }

    #[test]
    fn drop_path_refuses_rates_that_are_none() {
        for rate in [1.0, -0.1, f32::INFINITY, f32::NAN] {
            let mut g = Graph::new(Mode::Train);
            let x = g.input("x", [2, 3, 3, 4]);
            let error = drop_path(&mut g, x, rate).unwrap_err();
            let expected =
                format!("drop_path drops at a rate of {rate}: give one from 0 to less than 1");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn drop_path_refuses_a_second_batch_size_in_one_graph() {
        let mut g = Graph::new(Mode::Train);
        let (a, b) = (g.input("a", [2, 3, 3, 4]), g.input("b", [3, 3, 3, 4]));
        drop_path(&mut g, a, 0.1).unwrap();
        assert!(drop_path(&mut g, b, 0.1).is_err());
    }
}
