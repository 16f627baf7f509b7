// y = x * s: every channel of an image times a number of its own, squeeze-and-excite's excitation, which is kept as
// f32: it is small, and all pixels share its error.
// Joined with a text of `prologue/`, which finds x in what is stored.
//   x, y [N, H, W, C]; s, ds [N, 1, 1, C]; partials [N, SPLITS, C]

struct Params { threads: u32, c4: u32, pixels: u32, splits: u32, first_image: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of every SPLITS-th pixel of an image: neighbouring threads read neighbouring numbers.
@compute @workgroup_size(64)
fn gate(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let scale = s[(p.first_image + image) * p.c4 + c];
    let entry = entry_of(c, p.c4);
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        let i = (image * p.pixels + pixel) * p.c4 + c;
        y[i] = pack4(enter(unpack4(x[i]), entry) * scale);
    }
}

@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;

// ds is the sum of x * dy over an image's pixels. The same threads, each of which leaves a partial sum.
@compute @workgroup_size(64)
fn gate_grad_scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let entry = entry_of(c, p.c4);
    var sum = vec4(0.0);
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        let i = (image * p.pixels + pixel) * p.c4 + c;
        sum += enter(unpack4(x[i]), entry) * unpack4(dy[i]);
    }
    partials[p.first_image * p.splits * p.c4 + thread] = sum;
}
