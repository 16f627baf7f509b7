//! Philox4x32-10 (Salmon et al. 2011, <https://doi.org/10.1145/2063384.2063405>): random numbers as a function of a
//! key and a counter, the same on the processor and in `shaders/random/philox.wgsl`.

/// Four random words from a key and a counter.
pub fn philox(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let (mut k, mut c) = (key, counter);
    for round in 0..10 {
        if round > 0 {
            k = [
                k[0].wrapping_add(0x9E37_79B9),
                k[1].wrapping_add(0xBB67_AE85),
            ];
        }
        let a = u64::from(c[0]) * 0xD251_1F53;
        let b = u64::from(c[2]) * 0xCD9E_8D57;
        c = [
            (b >> 32) as u32 ^ c[1] ^ k[0],
            b as u32,
            (a >> 32) as u32 ^ c[3] ^ k[1],
            a as u32,
        ];
    }
    c
}

/// The words that everything random in a run is made of, a function of its place alone. The key is the seed; the counter
/// is, word by word,
///
/// 1. the `index` in the image, so that a kernel of four channels a thread draws their four words at once: of dropout
///    the pixel times the channels' groups of four, plus the group; 0 for what concerns the image as a whole;
/// 2. the `image`, by its index in the data set: neither its place in a batch nor the batch's size matter;
/// 3. the `epoch`;
/// 4. the `name` of what draws, as [`hash`] of its path: `stages.2.0.drop_path`.
///
/// [`crate::Graph::randomness`] hands seed, epoch and images to the kernels.
pub fn draw(seed: u64, epoch: u32, image: u32, name: u32, index: u32) -> [u32; 4] {
    philox(
        [seed as u32, (seed >> 32) as u32],
        [index, image, epoch, name],
    )
}

/// A number in [0, 1) from the upper 24 bits of a word, exact in f32.
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A number of the standard normal distribution from two words (Box and Muller 1958).
pub fn normal(words: [u32; 4]) -> f32 {
    // 1 - unit is in (0, 1]: its logarithm is finite.
    let radius = (-2.0 * (1.0 - f64::from(unit(words[0]))).ln()).sqrt();
    (radius * (std::f64::consts::TAU * f64::from(unit(words[1]))).cos()) as f32
}

/// A 32-bit key from a name (FNV-1a).
pub fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the generator (Random123, `kat_vectors`).
    #[test]
    fn philox_gives_the_published_known_answers() {
        assert_eq!(
            philox([0; 2], [0; 4]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        let (key, counter) = (
            [0xa409_3822, 0x299f_31d0],
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        );
        assert_eq!(
            philox(key, counter),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }
}
