// t_ic = on where c is the image's label, else off: one-hot targets with label smoothing.
//   labels [N, 1, 1, 1] whole numbers; t [N, 1, 1, C]

struct Params { vec4s: u32, c4: u32, channels: u32, on: f32, off: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> labels: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> t: array<Act4>;

// One thread four classes.
@compute @workgroup_size(64)
fn soft_targets(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let c4 = i % p.c4;
    let hit = 4u * c4 + vec4(0u, 1u, 2u, 3u) == vec4(labels[i / p.c4].x);
    t[i] = pack4(keep_lanes(select(vec4(p.off), vec4(p.on), hit), c4, p.channels));
}
