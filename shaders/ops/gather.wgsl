// y = the pictures of a data set that stand at these places in it.
//   data [M, H, W, 3] bytes, a pixel a word; places [N, 1, 1, 1] whole numbers; y [N, H, W, 3] bytes, a pixel a word
// A launch has a range of the data set before it, and writes those pictures of a range of the batch that stand in it.

// `image` pixels a picture; the batch's range begins with picture `first`, the data set's with `begin`, up to `end`.
struct Params { pixels: u32, image: u32, first: u32, begin: u32, end: u32, last: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read> places: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// One thread a pixel.
@compute @workgroup_size(64)
fn gather(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
          @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.pixels { return; }
    // A place behind the data set is taken for its last picture.
    let place = min(places[p.first + i / p.image].x, p.last);
    if place < p.begin || place >= p.end { return; }
    y[i] = data[(place - p.begin) * p.image + i % p.image];
}
