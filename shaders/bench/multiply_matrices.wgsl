// Products of matrices that subgroups hold: no kernel does more in the same time. Joined with `cooperative/enable` and
// the text of `cooperative/` for the matrices that the adapter multiplies.
//   x [1, 4], y [N, 4], f32: a number that all factors hold, and of each workgroup four sums

struct Params { rounds: u32, unused: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

const QUARTER: u32 = 20u;
override THREADS: u32 = 128u;

var<workgroup> factor_tile: array<f16, 256>;
var<workgroup> made_tile: array<f32, 1280>;
var<private> left: Left;
var<private> right: Right;

// What `add_products` asks for is held already.
struct Staged { unused: bool }
fn left_of(row: u32, k: u32, staged: Staged) -> Left { return left; }
fn right_of(k: u32, column: u32, staged: Staged) -> Right { return right; }

// A subgroup a strip of SIDE times 64 sums, of SIDE products each a round.
@compute @workgroup_size(THREADS)
fn multiply_matrices(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                     @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) strip: u32) {
    let v = x[0];
    for (var i = lane; i < 256u; i += THREADS) { factor_tile[i] = f16(v.x); }
    workgroupBarrier();
    left = coopLoadT<Left>(&factor_tile[0], SIDE);
    right = coopLoadT<Right>(&factor_tile[0], SIDE);
    clear_sums();
    if strip * SIDE < 64u {
        for (var round = 0u; round < p.rounds; round += 1u) { add_products(strip, 0u, 255u, Staged(true)); }
        hand_over(strip, 0u);
    }
    workgroupBarrier();
    if lane == 0u {
        y[workgroup_index(group, groups)] = vec4(made_tile[0], made_tile[1], made_tile[2], made_tile[3]);
    }
}
