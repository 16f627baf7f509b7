// Matrices of 8 by 8 that a subgroup holds together: eight of them are the strip of a tile that it makes.

const SIDE: u32 = 8u;

alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sum = coop_mat8x8<f32, C>;

var<private> sum0: Sum;
var<private> sum1: Sum;
var<private> sum2: Sum;
var<private> sum3: Sum;
var<private> sum4: Sum;
var<private> sum5: Sum;
var<private> sum6: Sum;
var<private> sum7: Sum;

fn clear_sums() {
    sum0 = Sum();
    sum1 = Sum();
    sum2 = Sum();
    sum3 = Sum();
    sum4 = Sum();
    sum5 = Sum();
    sum6 = Sum();
    sum7 = Sum();
}

// Adds the products over the numbers from `k` on, for those of the strip's matrices that have a bit in `blocks`.
fn add_products(strip: u32, k: u32, blocks: u32, staged: Staged) {
    let left = left_of(strip * SIDE, k, staged);
    if (blocks & 1u) != 0u { sum0 = coopMultiplyAdd(left, right_of(k, 0u, staged), sum0); }
    if (blocks & 2u) != 0u { sum1 = coopMultiplyAdd(left, right_of(k, 8u, staged), sum1); }
    if (blocks & 4u) != 0u { sum2 = coopMultiplyAdd(left, right_of(k, 16u, staged), sum2); }
    if (blocks & 8u) != 0u { sum3 = coopMultiplyAdd(left, right_of(k, 24u, staged), sum3); }
    if (blocks & 16u) != 0u { sum4 = coopMultiplyAdd(left, right_of(k, 32u, staged), sum4); }
    if (blocks & 32u) != 0u { sum5 = coopMultiplyAdd(left, right_of(k, 40u, staged), sum5); }
    if (blocks & 64u) != 0u { sum6 = coopMultiplyAdd(left, right_of(k, 48u, staged), sum6); }
    if (blocks & 128u) != 0u { sum7 = coopMultiplyAdd(left, right_of(k, 56u, staged), sum7); }
}

// Writes a quarter of the strip's columns.
fn hand_over(strip: u32, quarter: u32) {
    let to = strip * SIDE * QUARTER;
    if quarter == 0u {
        coopStoreT(sum0, &made_tile[to], QUARTER);
        coopStoreT(sum1, &made_tile[to + SIDE], QUARTER);
    }
    if quarter == 1u {
        coopStoreT(sum2, &made_tile[to], QUARTER);
        coopStoreT(sum3, &made_tile[to + SIDE], QUARTER);
    }
    if quarter == 2u {
        coopStoreT(sum4, &made_tile[to], QUARTER);
        coopStoreT(sum5, &made_tile[to + SIDE], QUARTER);
    }
    if quarter == 3u {
        coopStoreT(sum6, &made_tile[to], QUARTER);
        coopStoreT(sum7, &made_tile[to + SIDE], QUARTER);
    }
}
