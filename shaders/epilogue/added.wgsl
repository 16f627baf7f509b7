// What a convolution adds to its input's gradient: what lies in the gradient's place, a gradient that came another way.
// Joined with `conv2d`, whose dx it reads before that is written.

fn add_to(sum: vec4<f32>, at: u32) -> vec4<f32> {
    return sum + unpack4(dx[at]);
}
