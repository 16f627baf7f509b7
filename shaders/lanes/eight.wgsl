// Threads of a subgroup that share the pixels they read: all of one that has eight, neighbours in their workgroup.

const LANES: u32 = 8u;

// What the subgroup's thread `sharer` has.
fn of_lane(value: vec4<f32>, sharer: u32, lane: u32) -> vec4<f32> {
    return subgroupShuffle(value, sharer);
}

fn any_lane(condition: bool) -> bool {
    return subgroupAny(condition);
}

// They share nothing of the weight.
const SHARERS: u32 = 1u;

fn of_sharer(value: vec4<f32>, sharer: u32) -> vec4<f32> {
    return value;
}
