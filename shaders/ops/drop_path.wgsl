// y = x / (1 - RATE) for the images whose random word is RATE or more, else 0.
//   x, y [N, H, W, C], key [4] and indices [N] as `draw` takes them

struct Params { image_vec4s: u32, threads: u32, images: u32, first: u32, name: u32, rate: f32, factor: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> key: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> indices: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> y: array<Act4>;

// One thread every THREADS-th four channels of an image: drawing costs more than copying, so it is shared.
@compute @workgroup_size(64)
fn drop_path(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let image = thread / p.threads;
    if image >= p.images { return; }
    let words = draw(key[0], indices[p.first + image].x, p.name, 0u);
    let kept = unit(words.x) >= p.rate;
    let end = (image + 1u) * p.image_vec4s;
    for (var i = image * p.image_vec4s + thread % p.threads; i < end; i += p.threads) {
        y[i] = pack4(select(vec4(0.0), unpack4(x[i]) * p.factor, kept));
    }
}
