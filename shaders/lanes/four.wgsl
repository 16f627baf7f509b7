// Threads of a subgroup that share the pixels they read: four, twice in one that has eight.

const LANES: u32 = 4u;

// What the thread `sharer` of these four has.
fn of_lane(value: vec4<f32>, sharer: u32, lane: u32) -> vec4<f32> {
    return subgroupShuffle(value, (lane & 4u) + sharer);
}

fn any_lane(condition: bool) -> bool {
    return subgroupAny(condition);
}

// They share nothing of the weight.
const SHARERS: u32 = 1u;

fn of_sharer(value: vec4<f32>, sharer: u32) -> vec4<f32> {
    return value;
}
