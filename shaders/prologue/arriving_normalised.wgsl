// What a convolution makes of its output's gradient as it reads it, where what is stored is the gradient of an
// activation of a batch norm of the output: dx of that batch norm, which is then never in memory. Joined with
// `activations`.
//   arrived_at as dy: the convolution's output
//   arriving_coefficients [5, C]: mean, scale, shift, constant, slope, as `batch_norm_grad_coefficients` makes them

override ARRIVING_ACTIVATION: u32 = 0u;

@group(0) @binding(3) var<storage, read> arrived_at: array<Act4>;
@group(0) @binding(4) var<storage, read> arriving_coefficients: array<vec4<f32>>;

struct Arriving { mean: vec4<f32>, scale: vec4<f32>, shift: vec4<f32>, constant: vec4<f32>, slope: vec4<f32> }

// Of the channels from 4 * c on, where a pixel has `c4` vec4s of them.
fn arriving_of(c: u32, c4: u32) -> Arriving {
    return Arriving(arriving_coefficients[c], arriving_coefficients[c4 + c], arriving_coefficients[2u * c4 + c],
                    arriving_coefficients[3u * c4 + c], arriving_coefficients[4u * c4 + c]);
}

fn arrive(stored: vec4<f32>, at: u32, of_channels: Arriving) -> vec4<f32> {
    let distance = unpack4(arrived_at[at]) - of_channels.mean;
    let dz = stored * activate_grad(ARRIVING_ACTIVATION, distance * of_channels.scale + of_channels.shift);
    return of_channels.scale * (dz - of_channels.constant - of_channels.slope * distance);
}
