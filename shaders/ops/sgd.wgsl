// Stochastic gradient descent with momentum on a window of the parameters, as PyTorch does it:
//   g = clip * gradient + decay * x;  b = momentum * b + g;  x -= rate * (nesterov: g + momentum * b, else b)
//   x, gradients, b arenas; rate [1, 1, 1, 1]; norm [1, 1, 1, 4]: (norm, flawed, clip, go)

// `factor` multiplies the rate.
struct Params { vec4s: u32, decay: f32, factor: f32, momentum: f32, nesterov: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> b: array<vec4<f32>>;

// One thread four numbers.
@compute @workgroup_size(64)
fn sgd(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s || norm[0].w <= 0.0 { return; }
    let g = norm[0].z * gradients[i] + p.decay * x[i];
    let moved = p.momentum * b[i] + g;
    b[i] = moved;
    x[i] -= p.factor * rate[0].x * select(moved, g + p.momentum * moved, p.nesterov == 1u);
}

// Without momentum, and without memory for it.
@compute @workgroup_size(64)
fn sgd_plain(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s || norm[0].w <= 0.0 { return; }
    x[i] -= p.factor * rate[0].x * (norm[0].z * gradients[i] + p.decay * x[i]);
}
