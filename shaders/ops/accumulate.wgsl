// The mean of the gradients of several batches, on a window of the gradients:
//   a = share * gradient + (first: 0, else a);  gradient = a where it is the last
//   gradients, a arenas; part [1, 1, 1, 4]: (first, share, last, 0)

struct Params { vec4s: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> a: array<vec4<f32>>;

// One thread four numbers.
@compute @workgroup_size(64)
fn accumulate(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    // Chosen, not multiplied: what an earlier sum left may not be finite.
    let sum = part[0].y * gradients[i] + select(a[i], vec4(0.0), part[0].x > 0.0);
    a[i] = sum;
    if part[0].z > 0.0 { gradients[i] = sum; }
}
