//! Everything random in training is a function of its key: no generator carries a state from one place to another.
//!
//! The function is Philox4x32-10 (Salmon et al. 2011, <https://doi.org/10.1145/2063384.2063405>): ten rounds that turn a key
//! and a counter into four words. A [`Stream`] is keyed by (seed, epoch, index, name), so a picture's crop does not depend on
//! which thread cut it, on how many pictures came before, or on whether the run was resumed.

use triaxis_engine::philox::{self, philox};

/// Random numbers in order, for one (seed, epoch, index, name).
///
/// The key is the seed (low word, high word); block `i` of four words has the counter `[i, epoch, index, philox::hash(name)]`.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of this key, at its beginning.
    #[must_use]
    pub fn new(seed: u64, epoch: u32, index: u32, name: &str) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, epoch, index, philox::hash(name)],
            block: [0; 4],
            used: 4,
        }
    }

    /// The next 32 bits.
    pub fn bits(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.key, self.counter);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// A number in `0.0..1.0`, a multiple of 2⁻²⁴.
    pub fn uniform(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number in `low..high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in `0..n`, each equally likely; 0 where `n` is 0.
    ///
    /// Multiply and reject (Lemire 2019, <https://arxiv.org/abs/1805.10941>).
    pub fn below(&mut self, n: u32) -> u32 {
        loop {
            let product = u64::from(self.bits()) * u64::from(n);
            let (low, high) = (product as u32, (product >> 32) as u32);
            if low >= n || low >= n.wrapping_neg() % n.max(1) {
                return high;
            }
        }
    }

    /// A number from the normal distribution of mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f32 {
        // 1 - u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(self.uniform());
        (radius * angle.cos()) as f32
    }

    /// A share from Beta(`alpha`, `alpha`), in 0..=1: mixup's λ. `alpha` is above 0.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        let (a, b) = (self.log_gamma(alpha), self.log_gamma(alpha));
        // In logarithms, since for a small `alpha` both may be too small for numbers.
        1.0 / (1.0 + (b - a).exp())
    }

    /// The logarithm of a number from Gamma(`shape`, 1) (Marsaglia, Tsang 2000, <https://doi.org/10.1145/358407.358414>).
    fn log_gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - f64::from(self.uniform())).ln() / shape;
            return self.log_gamma(shape + 1.0) + boost;
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = f64::from(self.normal());
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            let u = 1.0 - f64::from(self.uniform());
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return (d * v).ln();
            }
        }
    }

    /// Puts the items in random order, every order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(u32::try_from(last + 1).unwrap_or(u32::MAX));
            items.swap(last, other as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_their_key() {
        let first = |seed, epoch, index, name| Stream::new(seed, epoch, index, name).bits();
        let one = first(1, 2, 3, "flip");
        assert_eq!(one, first(1, 2, 3, "flip"));
        for other in [
            first(1 << 32 | 1, 2, 3, "flip"),
            first(2, 2, 3, "flip"),
            first(1, 3, 3, "flip"),
            first(1, 2, 4, "flip"),
            first(1, 2, 3, "crop"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn below_is_even_and_in_range() {
        let mut stream = Stream::new(7, 0, 0, "below");
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // Five deviations of a binomial count with p = 1/7.
        assert!(
            counts
                .iter()
                .all(|count: &i32| (count - 10_000).abs() < 463),
            "{counts:?}"
        );
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut stream = Stream::new(7, 0, 0, "normal");
        let xs: Vec<f64> = (0..100_000).map(|_| f64::from(stream.normal())).collect();
        let mean = xs.iter().sum::<f64>() / 1e5;
        let variance = xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03);
        assert!(xs.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn uniform_and_range_stay_inside_their_bounds() {
        let mut stream = Stream::new(9, 1, 2, "uniform");
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&stream.uniform()));
            assert!((-2.0..=3.0).contains(&stream.range(-2.0, 3.0)));
        }
    }

    #[test]
    fn shuffle_keeps_every_item_and_moves_most() {
        let mut items: Vec<u32> = (0..1000).collect();
        Stream::new(3, 0, 0, "order").shuffle(&mut items);
        assert!(
            items
                .iter()
                .enumerate()
                .filter(|&(i, &x)| i as u32 == x)
                .count()
                < 10
        );
        items.sort_unstable();
        assert!(items.iter().copied().eq(0..1000));
    }

    #[test]
    fn beta_of_two_tenths_has_the_moments_of_mixups_shares() {
        let mut random = Stream::new(3, 0, 0, "beta");
        let shares: Vec<f64> = (0..20_000).map(|_| random.beta(0.2)).collect();
        let mean = shares.iter().sum::<f64>() / 20_000.0;
        let variance = shares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(shares.iter().all(|x| (0.0..=1.0).contains(x)));
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
        // 1 / (4 (2 alpha + 1))
        assert!((variance - 0.178_57).abs() < 0.003, "variance {variance}");
    }
}
