// The weights of narrow groups as those of groups of a multiple of four channels: COUNT groups side by side, zero
// where a channel of one group would meet another's.
//   weight [K, K, CIN, COUT]   y [K, K, COUNT * CIN, COUT]

struct Params {
    taps: u32,
    // Channels in of a group, of a bundle; channels out of a group, of a bundle; vec4s of all channels out.
    cin: u32, bundle_in: u32, cout: u32, bundle_out: u32, co4: u32,
    channels: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread four output channels of one row.
@compute @workgroup_size(64)
fn bundle(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
          @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.taps * p.bundle_in * p.co4 { return; }
    let row = i / p.co4 % p.bundle_in;
    let tap = i / p.co4 / p.bundle_in;
    var value = vec4(0.0);
    for (var j = 0u; j < 4u; j++) {
        let co = i % p.co4 * 4u + j;
        // Of another group of the bundle the difference is negative, which wraps, or too large.
        let ci = row - co % p.bundle_out / p.cout * p.cin;
        if co < p.channels && ci < p.cin { value[j] = weight[(tap * p.cin + ci) * 4u * p.co4 + co]; }
    }
    y[i] = value;
}

// Gradient: dy, dw. One thread four output channels of one row.
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4<f32>>;

@compute @workgroup_size(64)
fn bundle_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
               @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.taps * p.cin * p.co4 { return; }
    let ci = i / p.co4 % p.cin;
    let tap = i / p.co4 / p.cin;
    var value = vec4(0.0);
    for (var j = 0u; j < 4u; j++) {
        let co = i % p.co4 * 4u + j;
        let row = co % p.bundle_out / p.cout * p.cin + ci;
        if co < p.channels { value[j] = dy[(tap * p.bundle_in + row) * 4u * p.co4 + co]; }
    }
    dw[i] = value;
}
