// Tensors in memory as f32, read and written as words of 64 bits: four channels of a pixel are one Act4. Software
// drivers go from thread to thread for every word, so that half as many take little more than half the time.

alias Act4 = vec2<u64>;

fn unpack4(stored: Act4) -> vec4<f32> {
    let even = vec2<u32>(stored);
    let odd = vec2<u32>(stored >> vec2(32u));
    return bitcast<vec4<f32>>(vec4(even.x, odd.x, even.y, odd.y));
}

fn pack4(value: vec4<f32>) -> Act4 {
    let bits = bitcast<vec4<u32>>(value);
    return vec2<u64>(bits.xz) | (vec2<u64>(bits.yw) << vec2(32u));
}
