// A gradient as it is read where squeeze-and-excite leads back: what came through the gate, times its factor, plus the
// pixel's share of what came through the mean. Joined with `batch_norm`.
//   excitation, squeezed [N, 1, 1, C]

@group(0) @binding(6) var<storage, read> excitation: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> squeezed: array<vec4<f32>>;

fn incoming(at: u32, c: u32, images: Images) -> vec4<f32> {
    let of_image = (images.first + at / images.vec4s) * images.c4 + c;
    return unpack4(dy[at]) * excitation[of_image] + images.share * squeezed[of_image];
}
