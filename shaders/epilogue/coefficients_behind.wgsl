// Where `gradient_normalised` finds the coefficients: behind the five numbers a channel of `arriving_normalised`, so
// that a kernel which reads both binds no more than eight buffers. Joined with `conv2d`.

fn ended_coefficient(i: u32) -> vec4<f32> {
    return arriving_coefficients[5u * p.co4 + i];
}
