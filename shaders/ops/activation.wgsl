// y = activate(x), element by element.
//   x, y [N, H, W, C]

override ACTIVATION: u32 = 0u;

struct Params { vec4s: u32, c4: u32, channels: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn activation(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    // Some activations of zero are not zero: the padding must stay so.
    y[i] = pack4(keep_lanes(activate(ACTIVATION, unpack4(x[i])), i % p.c4, p.channels));
}

@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act4>;

@compute @workgroup_size(64)
fn activation_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    dx[i] = pack4(unpack4(dy[i]) * activate_grad(ACTIVATION, unpack4(x[i])));
}
