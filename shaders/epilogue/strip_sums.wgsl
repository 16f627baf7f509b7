// What a thread that makes an input's gradient leaves besides what it stores: dgamma and dbeta of the batch norm that
// it ends in, the sums of dz * xhat and of dz, of each vec4 of channels that it makes. Joined with
// `gradient_normalised`.
//   sums [ROWS, 2, C]

@group(0) @binding(7) var<storage, read_write> sums: array<vec4<f32>>;

var<private> summed: array<Ended, 2>;

fn measure(column: u32, value: vec4<f32>) {}

fn leave(column: u32, row: u32, c: u32, c4: u32) {}

fn sum_up(column: u32, pixel: Ended) {
    summed[column].stored += pixel.stored;
    summed[column].weighted += pixel.weighted;
}

fn leave_gradient(column: u32, row: u32, c: u32, c4: u32, ending: Ending) {
    let held = summed[column];
    sums[2u * row * c4 + c] = held.weighted * ending.inv_std + held.stored * ending.centre;
    sums[(2u * row + 1u) * c4 + c] = held.stored;
}
