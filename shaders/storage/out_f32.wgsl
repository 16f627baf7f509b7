// Outputs in memory as f32, whatever the format of what is read: four channels of a pixel are one Out4.

alias Out4 = vec4<f32>;

fn pack_out(value: vec4<f32>) -> Out4 {
    return value;
}

// What a reader finds.
fn unpack_out(stored: Out4) -> vec4<f32> {
    return stored;
}
