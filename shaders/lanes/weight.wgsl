// Threads of a subgroup that make pixels of their own and share what they read of the weight: all of one that has
// eight, neighbours in their workgroup.

const LANES: u32 = 1u;

fn of_lane(value: vec4<f32>, sharer: u32, lane: u32) -> vec4<f32> {
    return value;
}

fn any_lane(condition: bool) -> bool {
    return subgroupAny(condition);
}

const SHARERS: u32 = 8u;

// What the subgroup's thread `sharer` read of the weight.
fn of_sharer(value: vec4<f32>, sharer: u32) -> vec4<f32> {
    return subgroupShuffle(value, sharer);
}
