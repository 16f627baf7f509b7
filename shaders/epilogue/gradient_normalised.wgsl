// What a convolution does to its input's gradient before that is stored, where the input is a batch norm and an
// activation of `ended`: times the activation's derivative. Joined with `activations` and a text of `coefficients_...`.
//   ended as dx; coefficients as `batch_norm` lists them

override ENDING_ACTIVATION: u32 = 0u;

@group(0) @binding(5) var<storage, read> ended: array<Act4>;

struct Ending { mean: vec4<f32>, scale: vec4<f32>, shift: vec4<f32>, inv_std: vec4<f32>, centre: vec4<f32> }

// What is stored, and that times the distance of `ended` from its mean.
struct Ended { stored: vec4<f32>, weighted: vec4<f32> }

// Of the channels from 4 * c on, where a pixel has `c4` vec4s of them.
fn ending_of(c: u32, c4: u32) -> Ending {
    return Ending(ended_coefficient(c), ended_coefficient(c4 + c), ended_coefficient(2u * c4 + c),
                  ended_coefficient(3u * c4 + c), ended_coefficient(4u * c4 + c));
}

fn end_gradient(gradient: vec4<f32>, at: u32, ending: Ending) -> Ended {
    let distance = unpack4(ended[at]) - ending.mean;
    let stored = gradient * activate_grad(ENDING_ACTIVATION, distance * ending.scale + ending.shift);
    return Ended(stored, stored * distance);
}
