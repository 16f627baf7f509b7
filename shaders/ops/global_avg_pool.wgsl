// The mean of each channel over all pixels of an image, kept as f32: it is small, and stands for all of them.
// Joined with a text of `prologue/`, which finds x in what is stored.
//   x, dx [N, H, W, C]; y, dy [N, 1, 1, C]; partials [N, SPLITS, C]

struct Params { threads: u32, c4: u32, pixels: u32, splits: u32, first_image: u32, share: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;

// One thread four channels of every SPLITS-th pixel of an image: neighbouring threads read neighbouring numbers.
@compute @workgroup_size(64)
fn global_avg_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let entry = entry_of(c, p.c4);
    var sum = vec4(0.0);
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        sum += enter(unpack4(x[(image * p.pixels + pixel) * p.c4 + c]), entry);
    }
    partials[p.first_image * p.splits * p.c4 + thread] = p.share * sum;
}

@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act4>;

// The same threads: each writes what its pixels get.
@compute @workgroup_size(64)
fn global_avg_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                        @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let gradient = pack4(p.share * dy[(p.first_image + image) * p.c4 + c]);
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        dx[(image * p.pixels + pixel) * p.c4 + c] = gradient;
    }
}
