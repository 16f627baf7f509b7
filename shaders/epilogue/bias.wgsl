// What a convolution does to a sum before it is stored: y = activate(sum + bias).
//   bias [C]

override ACTIVATION: u32 = 0u;

@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;

// `c` counts vec4s of a pixel's channels, `channels` are all of them; `at` is the place in y.
fn finish(sum: vec4<f32>, at: u32, c: u32, channels: u32) -> vec4<f32> {
    // Some activations of zero are not zero: the padding must stay so.
    return keep_lanes(activate(ACTIVATION, sum + bias[c]), c, channels);
}
