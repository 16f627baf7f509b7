// Multiply-adds of what registers hold: no kernel without matrix units does more in the same time.
//   x, y [N, 4], f32: first numbers, and what becomes of them

struct Params { vec4s: u32, rounds: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread four numbers, 96 multiply-adds a round.
@compute @workgroup_size(64)
fn multiply(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let v = x[i];
    // Each waits for itself alone.
    var a = v;
    var b = v + 1.0;
    var c = v + 2.0;
    for (var round = 0u; round < p.rounds; round += 1u) {
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
        a = a * v + v; b = b * v + v; c = c * v + v;
    }
    y[i] = a + b + c;
}
