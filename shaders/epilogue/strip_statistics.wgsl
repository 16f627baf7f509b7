// What a thread of a depthwise convolution leaves besides what it stores: mean and M2 of that, for the batch norm that
// follows. M2 is the sum of squares around the thread's own mean.
//   made [TILES, 2, C], made_counts [TILES]

@group(0) @binding(3) var<storage, read_write> made: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> made_counts: array<f32>;

// Sums around the first number: they lose no digits to a mean of many deviations.
var<private> measured_from: vec4<f32>;
var<private> measured_sum: vec4<f32>;
var<private> measured_squares: vec4<f32>;
var<private> measured_count: f32;

fn measure(value: vec4<f32>) {
    measured_from = select(measured_from, value, measured_count == 0.0);
    let d = value - measured_from;
    measured_sum += d;
    measured_squares += d * d;
    measured_count += 1.0;
}

fn leave(tile: u32, c: u32, c4: u32) {
    let offset = measured_sum / measured_count;
    made[2u * tile * c4 + c] = measured_from + offset;
    // The first number is one of the thread's, so this loses at most the digits of their count.
    made[(2u * tile + 1u) * c4 + c] = max(measured_squares - measured_sum * offset, vec4(0.0));
    if c == 0u { made_counts[tile] = measured_count; }
}
