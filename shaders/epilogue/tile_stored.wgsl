// What a tile of a convolution leaves besides what is stored: nothing.

fn leave_tile(sum0: array<vec4<f32>, 8>, sum1: array<vec4<f32>, 8>, lane: u32, pixels: u32, to: Tile) {}

fn leave_gradient_tile(sum0: Ended, sum1: Ended, lane: u32, to: Tile) {}
