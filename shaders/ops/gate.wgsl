// y = x * s: every channel of an image times a number of its own, squeeze-and-excite's excitation.
//   x, y [N, H, W, C]; s, ds [N, 1, 1, C]; partials [N, SPLITS, C]

struct Params { threads: u32, c4: u32, vec4s_per_image: u32, first_image: u32 }
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> s: array<Act4>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn gate(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.threads { return; }
    let image = p.first_image + i / p.vec4s_per_image;
    y[i] = pack4(unpack4(x[i]) * unpack4(s[image * p.c4 + i % p.c4]));
}

struct Sum { threads: u32, c4: u32, pixels: u32, splits: u32, first_partial: u32 }
@group(1) @binding(0) var<uniform> q: Sum;

@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;

// ds is the sum of x * dy over an image's pixels: one thread four channels of every SPLITS-th pixel of it.
@compute @workgroup_size(64)
fn gate_grad_scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= q.threads { return; }
    let split = thread / q.c4 % q.splits;
    let image = thread / q.c4 / q.splits;
    let first = image * q.pixels * q.c4 + thread % q.c4;
    var sum = vec4(0.0);
    for (var pixel = split; pixel < q.pixels; pixel += q.splits) {
        let i = first + pixel * q.c4;
        sum += unpack4(x[i]) * unpack4(dy[i]);
    }
    partials[q.first_partial + thread] = sum;
}
