// (norm, flawed, clip, go) of all gradients: the square root of the sum of their squares, how many of them are not
// finite, min(1, max_norm / (norm + 1e-6)), and go: 1 where a step may be taken, 0 where not, -1 where a sum of several
// batches goes on. Gradients of a scaled loss are that many times too long: the norm is divided by the scale, and so is
// clip, by which optimizers multiply them.
//   gradients an arena; partials (sum of squares, flawed, 0, 0); scale [1, 1, 1, 1]; y [1, 1, 1, 4]

// `depth` vec4s a thread; `first` the partial sum that this window begins with.
struct Params { vec4s: u32, depth: u32, first: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;

// A comparison of NaN with itself may be compiled away: the exponent's bits are looked at.
fn flawed(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4(0x7f800000u)) == vec4(0x7f800000u);
}

// One thread `depth` vec4s, 64 apart, so that a workgroup reads a block in a row.
@compute @workgroup_size(64)
fn gradient_norm_part(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32) {
    let begin = workgroup_index(group, groups) * 64u * p.depth;
    if begin >= p.vec4s { return; }
    var squares = vec4(0.0);
    var count = vec4(0.0);
    for (var k = 0u; k < p.depth; k++) {
        let i = begin + k * 64u + lane;
        if i < p.vec4s {
            let bad = flawed(gradients[i]);
            let x = select(gradients[i], vec4(0.0), bad);
            squares += x * x;
            count += select(vec4(0.0), vec4(1.0), bad);
        }
    }
    partials[p.first + thread_index(group, groups, lane)] =
        vec4(dot(squares, vec4(1.0)), dot(count, vec4(1.0)), 0.0, 0.0);
}

// What is left of the partial sums: `sums` of them. `max_norm` 0 stands for no clipping.
struct Finish { sums: u32, max_norm: f32 }
@group(0) @binding(15) var<uniform> f: Finish;

@group(0) @binding(0) var<storage, read> left: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

fn finished(factor: f32) -> vec4<f32> {
    var sum = left[0].xy;
    for (var i = 1u; i < f.sums; i++) {
        sum += left[i].xy;
    }
    let length = sqrt(sum.x);
    let norm = length / factor;
    let clip = select(1.0, min(1.0, f.max_norm / (norm + 1e-6)), f.max_norm > 0.0);
    let stop = sum.y > 0.0 || flawed(vec4(length)).x;
    return vec4(norm, sum.y, clip / factor, select(1.0, 0.0, stop));
}

// One thread in all.
@compute @workgroup_size(64)
fn gradient_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) == 0u { y[0] = finished(1.0); }
}

@group(0) @binding(2) var<storage, read> scale: array<vec4<f32>>;

@compute @workgroup_size(64)
fn gradient_norm_unscaled(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                          @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) == 0u { y[0] = finished(scale[0].x); }
}

@group(0) @binding(3) var<storage, read> due: array<vec4<f32>>;

fn or_wait(norm: vec4<f32>) -> vec4<f32> {
    return vec4(norm.xyz, select(norm.w, -1.0, due[0].z == 0.0));
}

@compute @workgroup_size(64)
fn gradient_norm_due(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                     @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) == 0u { y[0] = or_wait(finished(1.0)); }
}

@compute @workgroup_size(64)
fn gradient_norm_unscaled_due(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                              @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) == 0u { y[0] = or_wait(finished(scale[0].x)); }
}
