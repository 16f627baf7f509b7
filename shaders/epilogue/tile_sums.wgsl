// What a tile of an input's gradient leaves besides what is stored: dgamma and dbeta of the batch norm that it ends in,
// the sums of dz * xhat and of dz. Joined with `conv2d_tiled` or `conv2d_cooperative`, whose memory it uses,
// and `gradient_normalised`.
//   sums [TILES, 2, C]

@group(0) @binding(7) var<storage, read_write> sums: array<vec4<f32>>;

fn leave_tile(sum0: array<vec4<f32>, 8>, sum1: array<vec4<f32>, 8>, lane: u32, pixels: u32, to: Tile) {}

// Of the pixels of a thread, for its two vec4s of channels.
fn leave_gradient_tile(sum0: Ended, sum1: Ended, lane: u32, to: Tile) {
    // Threads beyond these have no pixels.
    if lane < 64u {
        keep(lane, sum0.weighted);
        keep(lane + 64u, sum0.stored);
        keep(lane + 128u, sum1.weighted);
        keep(lane + 192u, sum1.stored);
    }
    workgroupBarrier();
    let c = to.channel + lane;
    if lane >= 16u || c >= to.channel_end { return; }
    var weighted = vec4(0.0);
    var plain = vec4(0.0);
    for (var r = 0u; r < 8u; r++) {
        let place = 8u * r + lane % 8u + select(128u, 0u, lane < 8u);
        weighted += kept(place);
        plain += kept(place + 64u);
    }
    let ending = ending_of(c, to.c4);
    sums[2u * to.row * to.c4 + c] = weighted * ending.inv_std + plain * ending.centre;
    sums[(2u * to.row + 1u) * to.c4 + c] = plain;
}
