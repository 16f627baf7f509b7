// What a convolution does to a sum before it is stored: y = activate_after(activate(sum + bias) + residual).
//   bias [C]   residual as y

override ACTIVATION: u32 = 0u;
override AFTER: u32 = 0u;

@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<Act4>;

// `c` counts vec4s of a pixel's channels, `channels` are all of them; `at` is the place in y and in the residual.
fn finish(sum: vec4<f32>, at: u32, c: u32, channels: u32) -> vec4<f32> {
    let branch = activate(ACTIVATION, sum + bias[c]);
    // Some activations of zero are not zero: the padding must stay so.
    return keep_lanes(activate(AFTER, branch + unpack4(residual[at])), c, channels);
}
