// loss_i = -sum_c t_ic * log softmax(x_i)_c, as T_i * log(s_i) - d_i, which no large logit can overflow, with
//   m_i = max_c x_ic, s_i = sum_c exp(x_ic - m_i), d_i = sum_c t_ic * (x_ic - m_i), T_i = sum_c t_ic
//   x, t, dx [N, 1, 1, C]; loss, dy [N, 1, 1, 1]; statistics [N, 1, 1, 4]: (m, s, T, 0) of each image

struct Params { images: u32, c4: u32, channels: u32, parts: u32, first: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> t: array<Act4>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;

const LOWEST: f32 = -3.4028234e38;

// (m, s, d, T) of four classes.
fn of_four(logits: vec4<f32>, targets: vec4<f32>, c4: u32) -> vec4<f32> {
    let real = 4u * c4 + vec4(0u, 1u, 2u, 3u) < vec4(p.channels);
    let known = select(vec4(LOWEST), logits, real);
    let m = max(max(known.x, known.y), max(known.z, known.w));
    let s = dot(keep_lanes(exp(logits - m), c4, p.channels), vec4(1.0));
    return vec4(m, s, dot(targets, logits - m), dot(targets, vec4(1.0)));
}

// (m, s, d, T) of two sets of classes together.
fn merged(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    let m = max(a.x, b.x);
    let fall = vec2(a.x, b.x) - m;
    let shrink = exp(fall);
    return vec4(m, a.y * shrink.x + b.y * shrink.y, a.z + a.w * fall.x + b.z + b.w * fall.y, a.w + b.w);
}

// One thread a part of an image's classes: every `parts`-th group of four.
@compute @workgroup_size(64)
fn softmax_cross_entropy_part(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.images * p.parts { return; }
    let row = i / p.parts * p.c4;
    var c4 = i % p.parts;
    var sum = of_four(unpack4(x[row + c4]), unpack4(t[row + c4]), c4);
    for (c4 += p.parts; c4 < p.c4; c4 += p.parts) {
        sum = merged(sum, of_four(unpack4(x[row + c4]), unpack4(t[row + c4]), c4));
    }
    partials[p.first * p.parts + i] = sum;
}

@group(0) @binding(0) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> loss: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4<f32>>;

// One thread an image.
@compute @workgroup_size(64)
fn softmax_cross_entropy(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.images { return; }
    let begin = (p.first + i) * p.parts;
    var sum = sums[begin];
    for (var part = 1u; part < p.parts; part++) {
        sum = merged(sum, sums[begin + part]);
    }
    loss[i] = vec4(sum.w * log(sum.y) - sum.z, 0.0, 0.0, 0.0);
    statistics[i] = vec4(sum.x, sum.y, sum.w, 0.0);
}

@group(0) @binding(2) var<storage, read> known: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<Out4>;

// dx = (T * softmax(x) - t) * dy. One thread four classes.
@compute @workgroup_size(64)
fn softmax_cross_entropy_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.images * p.c4 { return; }
    let image = i / p.c4;
    let of_image = known[image];
    let softmax = exp(unpack4(x[i]) - of_image.x) / of_image.y;
    let slope = (of_image.z * softmax - unpack4(t[i])) * dy[image].x;
    dx[i] = pack_out(keep_lanes(slope, i % p.c4, p.channels));
}
