// What a thread of a depthwise convolution leaves besides what it stores: nothing.

fn measure(value: vec4<f32>) {}

fn leave(tile: u32, c: u32, c4: u32) {}
