//! Weights and images by formula: a hash of (name, index), so that no file needs to hold them.

/// A number in -1..1, exact in f32, for each index below `count`: FNV-1a of the name, then murmur3's last mixing.
fn hashed(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let number = |index: u32| {
        let mut x = index.wrapping_mul(0x9E37_79B1).wrapping_add(seed);
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        (x >> 8) as f32 * 2f32.powi(-23) - 1.0
    };
    (0..count as u32).map(number).collect()
}

/// A parameter of that name and shape in files.
pub(super) fn parameter(name: &str, shape: &[usize]) -> Vec<f32> {
    let v = hashed(name, shape.iter().product());
    let uniform = |variance_times_fan: f64| {
        let fan: usize = shape[1..].iter().product();
        let bound = (variance_times_fan / fan as f64).sqrt() as f32;
        v.iter().map(|v| v * bound).collect()
    };
    match (shape.len(), name.ends_with(".bias")) {
        (4, _) => uniform(6.0),
        (2, _) => uniform(3.0),
        (_, true) => v.iter().map(|v| 0.1 * v).collect(),
        (_, false) => v.iter().map(|v| 1.0 + 0.25 * v).collect(),
    }
}

/// A picture's bytes: the upper 8 of the 32 bits behind each number.
pub(super) fn bytes(name: &str, count: usize) -> Vec<u8> {
    let upper = |v: &f32| ((v + 1.0) * 128.0) as u8;
    hashed(name, count).iter().map(upper).collect()
}

/// The images of that name, `[4, 3, r, r]`.
pub(super) fn images(name: &str, resolution: usize) -> Vec<f32> {
    let v = hashed(name, 4 * 3 * resolution * resolution);
    v.iter().map(|v| 3f64.sqrt() as f32 * v).collect()
}

#[test]
fn formula_weights_are_those_of_the_golden_runs() {
    let v = hashed("input", 100_000);
    assert_eq!(
        v[..3],
        [0.598_066_2, -0.776_759_5, -0.874_963_9],
        "the first numbers of \"input\""
    );
    assert_eq!(v[99_999], 0.643_645_05);
    assert_eq!(hashed("conv_stem.weight", 1), [-0.083_895_92]);
    assert_eq!(hashed("fc.bias", 2), [0.116_229_296, 0.068_195_224]);
}
