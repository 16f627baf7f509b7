// What a convolution does to a sum before it is stored: nothing.

fn finish(sum: vec4<f32>, at: u32, c: u32, channels: u32) -> vec4<f32> {
    return sum;
}
