// The mean of all numbers of a tensor.
//   x, dx [N, H, W, C]; y, dy one number; partials [THREADS]

struct Params { threads: u32, vec4s: u32, first_partial: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;

// One thread every THREADS-th vec4: neighbouring threads read neighbouring numbers. Padding adds zeros.
@compute @workgroup_size(64)
fn mean_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    var sum = vec4(0.0);
    for (var i = thread; i < p.vec4s; i += p.threads) {
        sum += unpack4(x[i]);
    }
    partials[p.first_partial + thread] = sum;
}

struct Last { rows: u32, share: f32 }
@group(0) @binding(15) var<uniform> q: Last;

@group(0) @binding(0) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread: what is left of the partial sums is at most 32 rows.
@compute @workgroup_size(64)
fn mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    if thread_index(group, groups, lane) > 0u { return; }
    var sum = vec4(0.0);
    for (var row = 0u; row < q.rows; row += 1u) {
        sum += sums[row];
    }
    y[0] = vec4(q.share * (sum.x + sum.y + sum.z + sum.w), 0.0, 0.0, 0.0);
}

struct Grad { threads: u32, c4: u32, channels: u32, share: f32 }
@group(0) @binding(15) var<uniform> r: Grad;

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn mean_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= r.threads { return; }
    dx[i] = pack4(keep_lanes(vec4(r.share * dy[0].x), i % r.c4, r.channels));
}
