// Where `gradient_normalised` finds the coefficients: in a tensor of their own.

@group(0) @binding(6) var<storage, read> ended_coefficients: array<vec4<f32>>;

fn ended_coefficient(i: u32) -> vec4<f32> {
    return ended_coefficients[i];
}
