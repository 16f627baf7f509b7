// Threads of a subgroup that share the pixels they read: none with another.

const LANES: u32 = 1u;

fn of_lane(value: vec4<f32>, sharer: u32, lane: u32) -> vec4<f32> {
    return value;
}

fn any_lane(condition: bool) -> bool {
    return condition;
}

// They share nothing of the weight.
const SHARERS: u32 = 1u;

fn of_sharer(value: vec4<f32>, sharer: u32) -> vec4<f32> {
    return value;
}
