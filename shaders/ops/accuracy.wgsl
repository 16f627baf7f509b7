// Adds a batch to the counts of an epoch. A label's rank is the number of logits above its own and of equal ones
// before it: 0 is a top-1 hit, below 5 a top-5 hit. A loss that is not finite is counted, not added, and hits nothing.
//   x [N, 1, 1, C]; labels [N, 1, 1, 1] whole numbers; losses, weights [N, 1, 1, 1]
//   y [1, 1, 1, 8]: (sum of losses, top-1 hits, top-5 hits, images, losses that are not finite, 0, 0, 0)

struct Params { images: u32, c4: u32, channels: u32, parts: u32, first: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> labels: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> above: array<vec4<f32>>;

// A comparison of NaN with itself may be compiled away: the exponent's bits are looked at.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

// The logit of a class; zero for one that does not exist.
fn logit(image: u32, c: u32) -> f32 {
    if c >= p.channels { return 0.0; }
    return unpack4(x[image * p.c4 + c / 4u])[c % 4u];
}

// How many classes stand before the label: one thread a part of an image's classes, every `parts`-th group of four.
@compute @workgroup_size(64)
fn accuracy_part(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.images * p.parts { return; }
    let image = i / p.parts;
    let label = labels[image].x;
    let own = vec4(logit(image, label));
    var count = vec4(0.0);
    for (var c4 = i % p.parts; c4 < p.c4; c4 += p.parts) {
        let others = unpack4(x[image * p.c4 + c4]);
        let index = 4u * c4 + vec4(0u, 1u, 2u, 3u);
        let before = (others > own) | ((others == own) & (index < vec4(label)));
        count += select(vec4(0.0), vec4(1.0), before & (index < vec4(p.channels)));
    }
    let known = label < p.channels && is_finite(own.x);
    above[p.first * p.parts + i] = vec4(dot(count, vec4(1.0)), select(0.0, 1.0, known), 0.0, 0.0);
}

@group(0) @binding(0) var<storage, read> ranks: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> losses: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> rows: array<vec4<f32>>;

// One thread an image: its two vec4s of counts.
@compute @workgroup_size(64)
fn accuracy_image(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                  @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.images { return; }
    let begin = (p.first + i) * p.parts;
    var rank = 0.0;
    for (var part = 0u; part < p.parts; part++) {
        rank += ranks[begin + part].x;
    }
    let loss = losses[i].x;
    let weight = weights[i].x;
    let finite = is_finite(loss);
    let hits = select(vec2(0.0), vec2(1.0), vec2(rank) < vec2(1.0, 5.0)) * select(0.0, ranks[begin].y, finite);
    rows[2u * (p.first + i)] = weight * vec4(select(0.0, loss, finite), hits, 1.0);
    rows[2u * (p.first + i) + 1u] = vec4(select(weight, 0.0, finite), 0.0, 0.0, 0.0);
}

// `rows` are left, of two vec4s each.
struct Finish { rows: u32 }
@group(0) @binding(15) var<uniform> f: Finish;

@group(0) @binding(0) var<storage, read> left: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread four counts.
@compute @workgroup_size(64)
fn accuracy(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= 2u { return; }
    var sum = left[i];
    for (var row = 1u; row < f.rows; row++) {
        sum += left[2u * row + i];
    }
    y[i] += sum;
}
