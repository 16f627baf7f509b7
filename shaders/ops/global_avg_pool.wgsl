// The mean of each channel over all pixels of an image.
//   x, dx [N, H, W, C]; y, dy [N, 1, 1, C]; partials [N, SPLITS, C]

struct Params { threads: u32, c4: u32, pixels: u32, splits: u32, first_partial: u32 }
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;

// One thread four channels of every SPLITS-th pixel of an image: neighbouring threads read neighbouring numbers.
@compute @workgroup_size(64)
fn global_avg_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                   @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let first = image * p.pixels * p.c4 + thread % p.c4;
    var sum = vec4(0.0);
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        sum += unpack4(x[first + pixel * p.c4]);
    }
    partials[p.first_partial + thread] = sum;
}

struct Grad { threads: u32, c4: u32, vec4s_per_image: u32, first_image: u32, share: f32 }
@group(1) @binding(0) var<uniform> q: Grad;

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn global_avg_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                        @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= q.threads { return; }
    let image = q.first_image + i / q.vec4s_per_image;
    dx[i] = pack4(q.share * unpack4(dy[image * q.c4 + i % q.c4]));
}
