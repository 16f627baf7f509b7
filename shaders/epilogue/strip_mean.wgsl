// What a thread of a convolution leaves besides what it stores: its part of the mean over an image of each channel, for
// squeeze-and-excite. All that a thread makes is of one image.
//   parts [ROWS, C]

@group(0) @binding(7) var<storage, read_write> parts: array<vec4<f32>>;

var<private> summed: array<vec4<f32>, 2>;

fn measure(column: u32, value: vec4<f32>) {
    summed[column] += value;
}

fn leave(column: u32, row: u32, c: u32, c4: u32) {
    parts[row * c4 + c] = summed[column] / f32(p.oh * p.ow);
}

fn sum_up(column: u32, pixel: Ended) {}

fn leave_gradient(column: u32, row: u32, c: u32, c4: u32, ending: Ending) {}
