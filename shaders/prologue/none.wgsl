// What a convolution's input is multiplied by as it is read: nothing.

fn factor_of(image: u32, c: u32) -> vec4<f32> {
    return vec4(1.0);
}
