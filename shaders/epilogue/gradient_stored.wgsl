// What a convolution does to its input's gradient before that is stored: nothing.

alias Ending = u32;

// What is stored, and what is summed beside it.
struct Ended { stored: vec4<f32>, weighted: vec4<f32> }

fn ending_of(c: u32, c4: u32) -> Ending {
    return 0u;
}

fn end_gradient(gradient: vec4<f32>, at: u32, ending: Ending) -> Ended {
    return Ended(gradient, vec4(0.0));
}
