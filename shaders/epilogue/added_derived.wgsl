// What a convolution adds to its input's gradient: what lies in the gradient's place, a gradient that came another way.
// The sum goes back through a ReLU, whose output tells the derivative. Joined with `conv2d`, whose dx it reads before
// that is written, and `activations`.
//   activated as dx

override ADDED_ACTIVATION: u32 = 0u;

@group(0) @binding(8) var<storage, read> activated: array<Act4>;

fn add_to(sum: vec4<f32>, at: u32) -> vec4<f32> {
    return (sum + unpack4(dx[at])) * activate_grad(ADDED_ACTIVATION, unpack4(activated[at]));
}
