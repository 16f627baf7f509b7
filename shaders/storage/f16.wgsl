// Tensors in memory as f16, two numbers in a word, on any adapter: four channels of a pixel are one Act4.

alias Act4 = vec2<u32>;

fn unpack4(stored: Act4) -> vec4<f32> {
    return vec4(unpack2x16float(stored.x), unpack2x16float(stored.y));
}

fn pack4(value: vec4<f32>) -> Act4 {
    return halves_of(value);
}
