// What a kernel makes of a number as it reads it: a batch norm and an activation, which are then never in memory.
//   coefficients as `batch_norm` lists them. Joined with `activations`.

override ENTRY_ACTIVATION: u32 = 0u;

@group(0) @binding(6) var<storage, read> entry_coefficients: array<vec4<f32>>;

struct Entry { mean: vec4<f32>, scale: vec4<f32>, shift: vec4<f32> }

// Of the channels from 4 * c on, where a pixel has `c4` vec4s of them.
fn entry_of(c: u32, c4: u32) -> Entry {
    return Entry(entry_coefficients[c], entry_coefficients[c4 + c], entry_coefficients[2u * c4 + c]);
}

// Padding stays zero: its coefficients are, and so are these activations of zero.
fn enter(stored: vec4<f32>, entry: Entry) -> vec4<f32> {
    return activate(ENTRY_ACTIVATION, (stored - entry.mean) * entry.scale + entry.shift);
}
