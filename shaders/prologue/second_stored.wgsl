// What a kernel makes of a number of its second operand as it reads it: itself.

fn second_entry_of(c: u32, c4: u32) -> u32 {
    return 0u;
}

fn enter_second(stored: vec4<f32>, entry: u32) -> vec4<f32> {
    return stored;
}
