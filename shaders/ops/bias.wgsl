// y[n, h, w, c] = x[n, h, w, c] + b[c].
//   x, y [N, H, W, C], b [C]

struct Params { vec4s: u32, c4: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn bias(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    y[i] = pack4(unpack4(x[i]) + b[i % p.c4]);
}
