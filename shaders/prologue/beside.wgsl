// What an input's gradient of a pointwise convolution is the sum of besides: the product of a tensor of its shape, as
// it is entered and scaled, and a square weight, and a row. Joined with the texts that enter and scale.
//   beside_tensor as dx; square [CIN, CIN], the same when transposed; row_beside [CIN]

const MORE: u32 = 1u;

@group(0) @binding(3) var<storage, read> beside_tensor: array<Act4>;
@group(0) @binding(4) var<storage, read> square: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> row_beside: array<vec4<f32>>;

fn beside_at(at: u32, image: u32, c: u32) -> vec4<f32> {
    return enter(unpack4(beside_tensor[at]), entry_of(c, p.ci4)) * factor_of(image, c);
}

fn beside_weight(at: u32) -> vec4<f32> {
    return square[at];
}

fn beside_row(c: u32) -> vec4<f32> {
    return row_beside[c];
}
