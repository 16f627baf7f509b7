// a += rate * (x - a) on a window of an arena: the average of the last 1 / rate steps. A rate of 1 copies, exactly.
//   x, a arenas; rate [1, 1, 1, 1]; norm [1, 1, 1, 4]: (norm, flawed, clip, go)

struct Params { vec4s: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rate: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;

fn average_at(i: u32) {
    if i >= p.vec4s { return; }
    a[i] = select(a[i] + rate[0].x * (x[i] - a[i]), x[i], rate[0].x >= 1.0);
}

// One thread four numbers.
@compute @workgroup_size(64)
fn average(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
           @builtin(local_invocation_index) lane: u32) {
    average_at(thread_index(group, groups, lane));
}

// Leaves the average as it is where no step was taken.
@compute @workgroup_size(64)
fn average_guarded(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    if norm[0].w <= 0.0 { return; }
    average_at(thread_index(group, groups, lane));
}
