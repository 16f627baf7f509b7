// RMSProp in TensorFlow's form on a window of the parameters: s begins at 1, epsilon stands inside of the root, the
// rate is part of what momentum carries on.
//   g = clip * gradient + decay * x;  s += (1 - alpha) * (g^2 - s);  b = momentum * b + rate * g / sqrt(s + epsilon)
//   x -= b
//   x, gradients, s, b arenas; rate [1, 1, 1, 1]; norm [1, 1, 1, 4]: (norm, flawed, clip, go)

// `fresh` is 1 - alpha.
// `factor` multiplies the rate.
struct Params { vec4s: u32, decay: f32, factor: f32, fresh: f32, momentum: f32, epsilon: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> s: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> b: array<vec4<f32>>;

// One thread four numbers.
@compute @workgroup_size(64)
fn rmsprop(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
           @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s || norm[0].w <= 0.0 { return; }
    let g = norm[0].z * gradients[i] + p.decay * x[i];
    let square = s[i] + p.fresh * (g * g - s[i]);
    s[i] = square;
    let moved = p.momentum * b[i] + p.factor * rate[0].x * g / sqrt(square + p.epsilon);
    b[i] = moved;
    x[i] -= moved;
}
