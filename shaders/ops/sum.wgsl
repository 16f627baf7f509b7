// merged[r, i] = sum of parts[t, first + i] over the FAN_IN rows t from r * FAN_IN on: one stage of a merge.
//   parts [COUNT, STRIDE] and merged [ceil(COUNT / FAN_IN), VEC4S], in vec4s

override FAN_IN: u32 = 32u;

struct Params { vec4s: u32, first: u32, stride: u32, count: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> merged: array<vec4<f32>>;

// One thread four numbers of a row of the result.
@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let row = thread / p.vec4s;
    if row * FAN_IN >= p.count { return; }
    let rows = min(FAN_IN, p.count - row * FAN_IN);
    let end = row * FAN_IN * p.stride + p.first + thread % p.vec4s + rows * p.stride;
    var i = end - rows * p.stride;
    // Four sums side by side: their loads do not wait for one another.
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    for (; i + 3u * p.stride < end; i += 4u * p.stride) {
        a += parts[i];
        b += parts[i + p.stride];
        c += parts[i + 2u * p.stride];
        d += parts[i + 3u * p.stride];
    }
    for (; i < end; i += p.stride) {
        a += parts[i];
    }
    merged[thread] = (a + b) + (c + d);
}
