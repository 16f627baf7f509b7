// What a convolution adds to its input's gradient: nothing.

fn add_to(sum: vec4<f32>, at: u32) -> vec4<f32> {
    return sum;
}
