// What a thread of a convolution leaves besides what it stores: mean and M2 of that, for the batch norm that follows,
// of each vec4 of channels that it makes. M2 is the sum of squares around the thread's own mean.
//   made [ROWS, 2, C], made_counts [ROWS]

@group(0) @binding(3) var<storage, read_write> made: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> made_counts: array<f32>;

// Sums around the first number: they lose no digits to a mean of many deviations.
struct Measured { shift: vec4<f32>, sum: vec4<f32>, squares: vec4<f32>, count: f32 }

var<private> measured: array<Measured, 2>;

fn measure(column: u32, value: vec4<f32>) {
    if measured[column].count == 0.0 { measured[column].shift = value; }
    let d = value - measured[column].shift;
    measured[column].sum += d;
    measured[column].squares += d * d;
    measured[column].count += 1.0;
}

fn leave(column: u32, row: u32, c: u32, c4: u32) {
    let held = measured[column];
    let offset = held.sum / held.count;
    made[2u * row * c4 + c] = held.shift + offset;
    // The first number is one of the thread's, so this loses at most the digits of their count.
    made[(2u * row + 1u) * c4 + c] = max(held.squares - held.sum * offset, vec4(0.0));
    if c == 0u { made_counts[row] = held.count; }
}

fn sum_up(column: u32, pixel: Ended) {}

fn leave_gradient(column: u32, row: u32, c: u32, c4: u32, ending: Ending) {}
