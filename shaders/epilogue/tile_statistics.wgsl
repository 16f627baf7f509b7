// What a tile of a convolution leaves besides what is stored: mean and M2 of each channel, for the batch norm that
// follows. M2 is the sum of squares around the tile's own mean. Joined with `conv2d_tiled` or
// `conv2d_cooperative`, whose memory it uses.
//   made [TILES, 2, C], made_counts [TILES]

@group(0) @binding(3) var<storage, read_write> made: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> made_counts: array<f32>;

struct Moments { mean: vec4<f32>, m2: vec4<f32> }

// Of the first `count` of eight numbers, around the first one: they lose no digits to a mean of many deviations.
fn moments_of(numbers: array<vec4<f32>, 8>, count: u32) -> Moments {
    var held = numbers;
    var sum = vec4(0.0);
    for (var r = 1u; r < count; r++) { sum += held[r] - held[0]; }
    let offset = sum / f32(max(count, 1u));
    var m2 = vec4(0.0);
    for (var r = 0u; r < count; r++) {
        let d = (held[r] - held[0]) - offset;
        m2 += d * d;
    }
    return Moments(held[0] + offset, m2);
}

// `pixels` are those of the tile.
fn leave_tile(sum0: array<vec4<f32>, 8>, sum1: array<vec4<f32>, 8>, lane: u32, pixels: u32, to: Tile) {
    let count = pixels - min(pixels, lane / 8u * 8u);
    let of0 = moments_of(sum0, min(count, 8u));
    let of1 = moments_of(sum1, min(count, 8u));
    // Threads beyond these have no pixels.
    if lane < 64u {
        keep(lane, of0.mean);
        keep(lane + 64u, of0.m2);
        keep(lane + 128u, of1.mean);
        keep(lane + 192u, of1.m2);
    }
    workgroupBarrier();
    // Merging (Chan, Golub, LeVeque 1979): a thread a vec4 of channels, eight pixels of each of eight threads.
    let c = to.channel + lane;
    if lane >= 16u || c >= to.channel_end { return; }
    var means: array<vec4<f32>, 8>;
    var m2 = vec4(0.0);
    for (var r = 0u; r < 8u; r++) {
        let place = 8u * r + lane % 8u + select(128u, 0u, lane < 8u);
        means[r] = kept(place);
        m2 += kept(place + 64u);
    }
    var sum = vec4(0.0);
    for (var r = 1u; r < 8u; r++) {
        sum += f32(min(pixels - min(pixels, 8u * r), 8u)) * (means[r] - means[0]);
    }
    let offset = sum / f32(pixels);
    for (var r = 0u; r < 8u; r++) {
        let d = (means[r] - means[0]) - offset;
        m2 += f32(min(pixels - min(pixels, 8u * r), 8u)) * d * d;
    }
    made[2u * to.row * to.c4 + c] = means[0] + offset;
    made[(2u * to.row + 1u) * to.c4 + c] = m2;
    if c == 0u { made_counts[to.row] = f32(pixels); }
}

fn leave_gradient_tile(sum0: Ended, sum1: Ended, lane: u32, to: Tile) {}
