// Matrices of 16 by 16 that a subgroup holds together: four of them are the strip of a tile that it makes.

const SIDE: u32 = 16u;

alias Left = coop_mat16x16<f16, A>;
alias Right = coop_mat16x16<f16, B>;
alias Sum = coop_mat16x16<f32, C>;

var<private> sum0: Sum;
var<private> sum1: Sum;
var<private> sum2: Sum;
var<private> sum3: Sum;

fn clear_sums() {
    sum0 = Sum();
    sum1 = Sum();
    sum2 = Sum();
    sum3 = Sum();
}

// Adds the products over the numbers from `k` on, for those of the strip's matrices that have a bit in `blocks`.
fn add_products(strip: u32, k: u32, blocks: u32, staged: Staged) {
    let left = left_of(strip * SIDE, k, staged);
    if (blocks & 1u) != 0u { sum0 = coopMultiplyAdd(left, right_of(k, 0u, staged), sum0); }
    if (blocks & 2u) != 0u { sum1 = coopMultiplyAdd(left, right_of(k, 16u, staged), sum1); }
    if (blocks & 4u) != 0u { sum2 = coopMultiplyAdd(left, right_of(k, 32u, staged), sum2); }
    if (blocks & 8u) != 0u { sum3 = coopMultiplyAdd(left, right_of(k, 48u, staged), sum3); }
}

// Writes a quarter of the strip's columns.
fn hand_over(strip: u32, quarter: u32) {
    let to = strip * SIDE * QUARTER;
    if quarter == 0u { coopStoreT(sum0, &made_tile[to], QUARTER); }
    if quarter == 1u { coopStoreT(sum1, &made_tile[to], QUARTER); }
    if quarter == 2u { coopStoreT(sum2, &made_tile[to], QUARTER); }
    if quarter == 3u { coopStoreT(sum3, &made_tile[to], QUARTER); }
}
