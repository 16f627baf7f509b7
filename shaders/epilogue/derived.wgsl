// What a sum of gradients goes through before it is stored: times the derivative of a ReLU, which its output tells.
// Joined with `activations`.
//   activated as the sum

override AFTER: u32 = 0u;

@group(0) @binding(3) var<storage, read> activated: array<Act4>;

fn finish(sum: vec4<f32>, at: u32, c: u32, channels: u32) -> vec4<f32> {
    return sum * activate_grad(AFTER, unpack4(activated[at]));
}
