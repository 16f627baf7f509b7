// How threads are counted. A dispatch has up to 65,535 workgroups in each of two dimensions, counted row by row.

fn workgroup_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

fn thread_index(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return workgroup_index(group, groups) * 64u + lane;
}

// `value` with zeros in the lanes beyond the last of `channels`; it holds the channels from 4 * c4 on.
fn keep_lanes(value: vec4<f32>, c4: u32, channels: u32) -> vec4<f32> {
    return select(vec4(0.0), value, vec4(4u * c4) + vec4(0u, 1u, 2u, 3u) < vec4(channels));
}
