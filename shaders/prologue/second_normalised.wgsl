// What a kernel makes of a number of its second operand as it reads it: a batch norm and an activation. Joined with
// `normalised`, which does the same for the first operand.

override SECOND_ACTIVATION: u32 = 0u;

@group(0) @binding(7) var<storage, read> second_coefficients: array<vec4<f32>>;

fn second_entry_of(c: u32, c4: u32) -> Entry {
    return Entry(second_coefficients[c], second_coefficients[c4 + c], second_coefficients[2u * c4 + c]);
}

fn enter_second(stored: vec4<f32>, entry: Entry) -> vec4<f32> {
    return activate(SECOND_ACTIVATION, (stored - entry.mean) * entry.scale + entry.shift);
}
