// AdamW on a window of the parameters; t counts the steps taken:
//   g = clip * gradient;  m += (1 - beta1) * (g - m);  s += (1 - beta2) * (g^2 - s);  x -= rate * decay * x
//   x -= rate * (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon)
//   x, gradients, m, s arenas; rate [1, 1, 1, 1]; norm [1, 1, 1, 4]: (norm, flawed, clip, go)
//   steps [1, 1, 1, 4]: (t, 1 - beta1^t, 1 - beta2^t, 0)

// `fresh1` is 1 - beta1, `fresh2` 1 - beta2.
// `factor` multiplies the rate.
struct Params { vec4s: u32, decay: f32, factor: f32, fresh1: f32, fresh2: f32, epsilon: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> s: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> steps: array<vec4<f32>>;

// One thread four numbers.
@compute @workgroup_size(64)
fn adamw(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
         @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s || norm[0].w <= 0.0 { return; }
    let g = norm[0].z * gradients[i];
    let mean = m[i] + p.fresh1 * (g - m[i]);
    let square = s[i] + p.fresh2 * (g * g - s[i]);
    m[i] = mean;
    s[i] = square;
    let slope = mean / steps[0].y / (sqrt(square / steps[0].z) + p.epsilon);
    x[i] -= p.factor * rate[0].x * (slope + p.decay * x[i]);
}

struct Step { fresh1: f32, fresh2: f32 }
@group(0) @binding(15) var<uniform> q: Step;

@group(0) @binding(0) var<storage, read_write> taken: array<vec4<f32>>;

// One thread in all. A power would lose the small differences from 1; c += (1 - beta) * (1 - c) keeps them.
@compute @workgroup_size(64)
fn adamw_step(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) > 0u || norm[0].w <= 0.0 { return; }
    let before = taken[0];
    taken[0] = before + vec4(1.0, q.fresh1, q.fresh2, 0.0) * vec4(1.0, 1.0 - before.yz, 0.0);
}
