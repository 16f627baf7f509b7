// y = a + b, element by element: residuals, and gradients of what is read twice.
// Joined with a text of `prologue/`, which finds a in what is stored.
//   a, b, y [N, H, W, C]

struct Params { vec4s: u32, c4: u32 }
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> a: array<Act4>;
@group(0) @binding(1) var<storage, read> b: array<Act4>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn add(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    y[i] = pack4(enter(unpack4(a[i]), entry_of(i % p.c4, p.c4)) + unpack4(b[i]));
}
