// y[c] = sum of x[n, h, w, c] over n, h and w, as partial sums of tiles that `sum` merges.
//   x [N, H, W, C], parts [TILES, C]
//
// Tile t of T holds the pixels t, t + T, t + 2 T, ...: threads side by side read memory side by side, however few the
// channels are.

struct Params { vec4s: u32, step: u32, first: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> parts: array<vec4<f32>>;

// One thread four channels of a tile.
@compute @workgroup_size(64)
fn column_sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    // Four sums side by side: their loads do not wait for one another.
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    var i = thread;
    for (; i + 3u * p.step < p.vec4s; i += 4u * p.step) {
        a += unpack4(x[i]);
        b += unpack4(x[i + p.step]);
        c += unpack4(x[i + 2u * p.step]);
        d += unpack4(x[i + 3u * p.step]);
    }
    for (; i < p.vec4s; i += p.step) {
        a += unpack4(x[i]);
    }
    parts[p.first + thread] = (a + b) + (c + d);
}
