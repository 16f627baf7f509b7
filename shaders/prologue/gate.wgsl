// What a convolution's input is multiplied by as it is read: a number for each channel of each image, the excitation of
// squeeze-and-excite. Joined with `conv2d`.
//   gates [N, 1, 1, CIN]

@group(0) @binding(5) var<storage, read> gates: array<vec4<f32>>;

// `image` counts from the first of the range, `c` the vec4s of a pixel's channels.
fn factor_of(image: u32, c: u32) -> vec4<f32> {
    return gates[(p.first_image + image) * p.ci4 + c];
}
