// y = x / (1 - RATE) where the number's random word is RATE or more, else 0.
//   x, y [N, H, W, C], key [4] and indices [N] as `draw` takes them

struct Params { vec4s: u32, image_vec4s: u32, first: u32, name: u32, rate: f32, factor: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> key: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> indices: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel: a word for each.
@compute @workgroup_size(64)
fn dropout(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
           @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let words = draw(key[0], indices[p.first + i / p.image_vec4s].x, p.name, i % p.image_vec4s);
    let place = vec4(unit(words.x), unit(words.y), unit(words.z), unit(words.w));
    y[i] = pack4(select(vec4(0.0), unpack4(x[i]) * p.factor, place >= vec4(p.rate)));
}
