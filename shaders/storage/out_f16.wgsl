// Outputs in memory as f16, whatever the format of what is read: four channels of a pixel are one Out4.

alias Out4 = vec2<u32>;

fn pack_out(value: vec4<f32>) -> Out4 {
    return halves_of(value);
}

// What a reader finds.
fn unpack_out(stored: Out4) -> vec4<f32> {
    return vec4(unpack2x16float(stored.x), unpack2x16float(stored.y));
}
