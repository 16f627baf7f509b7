// y = factor * x, element by element.
//   x, y [N, H, W, C]

struct Params { vec4s: u32, factor: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
         @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    y[i] = pack4(p.factor * unpack4(x[i]));
}
