// Output pixels that a thread of the shared convolution makes, of which it reads an eighth: its subgroup has eight
// threads, neighbours in their workgroup.

const ROWS: u32 = 32u;
const LANES: u32 = 8u;

// What the subgroup's thread `sharer` has.
fn of_lane(value: vec4<f32>, sharer: u32, lane: u32) -> vec4<f32> {
    return subgroupShuffle(value, sharer);
}

fn any_lane(condition: bool) -> bool {
    return subgroupAny(condition);
}
