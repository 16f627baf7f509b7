// The bits that storage/f16 stores for each number, as numbers: infinity is 31744, -1 is 48128.
//   x, y [N, H, W, C], f32 both

struct Params { vec4s: u32, c4: u32, channels: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn pack(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let stored = pack4(x[i]);
    let bits = vec4(stored.x & 0xffffu, stored.x >> 16u, stored.y & 0xffffu, stored.y >> 16u);
    y[i] = keep_lanes(vec4<f32>(bits), i % p.c4, p.channels);
}
