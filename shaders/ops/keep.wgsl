// Running statistics after a step: where it was taken they are kept, where not, those kept last take their place; where
// a sum of several batches goes on, neither.
//   x, kept arenas; norm [1, 1, 1, 4]: (norm, flawed, clip, go)

struct Params { vec4s: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> kept: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;

// One thread four numbers.
@compute @workgroup_size(64)
fn keep(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    if norm[0].w == 0.0 {
        x[i] = kept[i];
    } else if norm[0].w > 0.0 {
        kept[i] = x[i];
    }
}
