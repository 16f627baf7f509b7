// What a convolution makes of its output's gradient as it reads it: itself.

alias Arriving = u32;

fn arriving_of(c: u32, c4: u32) -> Arriving {
    return 0u;
}

fn arrive(stored: vec4<f32>, at: u32, arriving: Arriving) -> vec4<f32> {
    return stored;
}
