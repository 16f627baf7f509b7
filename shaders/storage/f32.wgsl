// Tensors in memory as f32: four channels of a pixel are one Act4.

alias Act4 = vec4<f32>;

fn unpack4(stored: Act4) -> vec4<f32> {
    return stored;
}

fn pack4(value: vec4<f32>) -> Act4 {
    return value;
}
