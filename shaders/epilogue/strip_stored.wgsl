// What a thread of a convolution leaves besides what it stores: nothing.

fn measure(column: u32, value: vec4<f32>) {}

fn leave(column: u32, row: u32, c: u32, c4: u32) {}

fn sum_up(column: u32, pixel: Ended) {}

fn leave_gradient(column: u32, row: u32, c: u32, c4: u32, ending: Ending) {}
