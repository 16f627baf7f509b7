// Batch normalisation: y = activate((x - mean) * scale + beta) with scale = gamma / sqrt(variance + EPS), channel by
// channel, with the batch's own mean and variance or the running ones.
//   x, y [N, H, W, C]
//   statistics [3, C]: mean as one f32 holds it, what that lacks, variance
//   coefficients [5, C]: mean, scale, shift, inv_std, centre
// with z = (x - mean) * scale + shift and xhat = (x - mean) * inv_std + centre: shift and centre make good what the
// mean lacks, which is up to 6e-5 deviations where the mean is 1,000 of them.
//
// Tile t of T holds the pixels t, t + T, t + 2 T, ...: threads side by side read memory side by side, however few the
// channels are. Padded channels are zero in all that is stored, so scale and xhat's factor are zero there.

override ACTIVATION: u32 = 0u;

// Statistics: count, mean and M2 of each tile, where M2 is the sum of squares around the tile's own mean.
//   tiles [TILES, 3, C]: first pixel, the mean's distance from it, M2

struct TileParams { vec4s: u32, step: u32, c4: u32, first: u32, image_vec4s: u32, first_image: u32, share: f32 }
@group(0) @binding(15) var<uniform> tile: TileParams;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> tiles: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> tile_counts: array<f32>;

// One thread four channels of a tile.
@compute @workgroup_size(64)
fn batch_norm_statistics(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= tile.step { return; }
    // Sums around the tile's first pixel: they lose no digits to a mean of many deviations.
    let shift = unpack4(x[thread]);
    var sum = vec4(0.0);
    var squares = vec4(0.0);
    var count = 0.0;
    var i = thread;
    for (; i + 3u * tile.step < tile.vec4s; i += 4u * tile.step) {
        let a = unpack4(x[i]) - shift;
        let b = unpack4(x[i + tile.step]) - shift;
        let c = unpack4(x[i + 2u * tile.step]) - shift;
        let d = unpack4(x[i + 3u * tile.step]) - shift;
        sum += (a + b) + (c + d);
        squares += (a * a + b * b) + (c * c + d * d);
        count += 4.0;
    }
    for (; i < tile.vec4s; i += tile.step) {
        let a = unpack4(x[i]) - shift;
        sum += a;
        squares += a * a;
        count += 1.0;
    }
    let offset = sum / count;
    let row = tile.first + thread / tile.c4;
    let c = thread % tile.c4;
    let at = 3u * row * tile.c4 + c;
    tiles[at] = shift;
    tiles[at + tile.c4] = offset;
    // The first pixel is one of the tile's, so this loses at most the digits of the tile's count.
    tiles[at + 2u * tile.c4] = max(squares - sum * offset, vec4(0.0));
    if c == 0u { tile_counts[row] = count; }
}

// Merging (Chan, Golub, LeVeque 1979), FAN_IN tiles at a time.

override FAN_IN: u32 = 32u;
// Vectors of a tile: three as above, or two where a convolution made them, mean and M2.
override VECTORS: u32 = 3u;

struct MergeParams { count: u32, c4: u32, inv_count: f32 }
@group(0) @binding(15) var<uniform> merge: MergeParams;

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> part_counts: array<f32>;
@group(0) @binding(2) var<storage, read_write> merged: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> merged_counts: array<f32>;

// The distance of tile t's mean from `shift`.
fn distance_of_mean(t: u32, c: u32, shift: vec4<f32>) -> vec4<f32> {
    let at = VECTORS * t * merge.c4 + c;
    let from_shift = parts[at] - shift;
    if VECTORS == 2u { return from_shift; }
    return from_shift + parts[at + merge.c4];
}

// Whether all tiles are merged at once.
override LAST: bool = false;

// A rounded mean and what it lacks, the variance. Without the last bit the mean is just another number near by, which
// no compiler takes for shift + offset to cancel what is lacking.
fn finish(c: u32, shift: vec4<f32>, offset: vec4<f32>, m2: vec4<f32>) {
    let mean = bitcast<vec4<f32>>(bitcast<vec4<u32>>(shift + offset) & vec4(0xfffffffeu));
    merged[c] = mean;
    merged[merge.c4 + c] = (shift - mean) + offset;
    merged[2u * merge.c4 + c] = m2 * merge.inv_count;
}

// One thread four channels of a merged tile.
@compute @workgroup_size(64)
fn batch_norm_statistics_merge(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                               @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let row = thread / merge.c4;
    let c = thread % merge.c4;
    let first = row * FAN_IN;
    if first >= merge.count { return; }
    let end = min(first + FAN_IN, merge.count);
    let shift = parts[VECTORS * first * merge.c4 + c];
    var count = 0.0;
    var sum = vec4(0.0);
    for (var t = first; t < end; t++) {
        count += part_counts[t];
        sum += part_counts[t] * distance_of_mean(t, c, shift);
    }
    let offset = sum / count;
    var m2 = vec4(0.0);
    for (var t = first; t < end; t++) {
        let d = distance_of_mean(t, c, shift) - offset;
        m2 += parts[(VECTORS * t + VECTORS - 1u) * merge.c4 + c] + part_counts[t] * d * d;
    }
    if LAST {
        finish(c, shift, offset, m2);
        return;
    }
    let at = 3u * row * merge.c4 + c;
    merged[at] = shift;
    merged[at + merge.c4] = offset;
    merged[at + 2u * merge.c4] = m2;
    if c == 0u { merged_counts[row] = count; }
}

// The last stage where there are many tiles: one workgroup four vectors, 16 threads each.

const LANES: u32 = 16u;
const COLUMNS: u32 = 4u;

var<workgroup> lane_counts: array<f32, 64>;
var<workgroup> lane_offsets: array<vec4<f32>, 64>;
var<workgroup> lane_m2s: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn batch_norm_statistics_merge_last(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                                    @builtin(local_invocation_index) lane: u32) {
    let c = workgroup_index(group, groups) * COLUMNS + lane % COLUMNS;
    let real = c < merge.c4;
    var shift = vec4(0.0);
    var count = 0.0;
    var offset = vec4(0.0);
    var m2 = vec4(0.0);
    if real {
        shift = parts[c];
        var sum = vec4(0.0);
        for (var t = lane / COLUMNS; t < merge.count; t += LANES) {
            count += part_counts[t];
            sum += part_counts[t] * distance_of_mean(t, c, shift);
        }
        // A thread without tiles has nothing to add.
        offset = sum / max(count, 1.0);
        for (var t = lane / COLUMNS; t < merge.count; t += LANES) {
            let d = distance_of_mean(t, c, shift) - offset;
            m2 += parts[(VECTORS * t + VECTORS - 1u) * merge.c4 + c] + part_counts[t] * d * d;
        }
    }
    lane_counts[lane] = count;
    lane_offsets[lane] = offset;
    lane_m2s[lane] = m2;
    workgroupBarrier();
    if lane >= COLUMNS || !real { return; }
    count = 0.0;
    var sum = vec4(0.0);
    for (var i = lane; i < LANES * COLUMNS; i += COLUMNS) {
        count += lane_counts[i];
        sum += lane_counts[i] * lane_offsets[i];
    }
    offset = sum / count;
    m2 = vec4(0.0);
    for (var i = lane; i < LANES * COLUMNS; i += COLUMNS) {
        let d = lane_offsets[i] - offset;
        m2 += lane_m2s[i] + lane_counts[i] * d * d;
    }
    finish(c, shift, offset, m2);
}

// Coefficients, from the batch's statistics, which move the running ones, or from the running ones.

struct CoefficientParams { c4: u32, channels: u32, eps: f32, momentum: f32, unbiased: f32 }
@group(0) @binding(15) var<uniform> coefficient: CoefficientParams;

@group(0) @binding(0) var<storage, read> statistics: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> running_var: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> made: array<vec4<f32>>;

// One thread four channels.
@compute @workgroup_size(64)
fn batch_norm_coefficients(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                           @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    let c4 = coefficient.c4;
    if c >= c4 { return; }
    let mean = statistics[c];
    let variance = statistics[2u * c4 + c];
    let inv_std = keep_lanes(1.0 / sqrt(variance + coefficient.eps), c, coefficient.channels);
    let centre = -statistics[c4 + c] * inv_std;
    made[c] = mean;
    made[c4 + c] = gamma[c] * inv_std;
    made[2u * c4 + c] = beta[c] + gamma[c] * centre;
    made[3u * c4 + c] = inv_std;
    made[4u * c4 + c] = centre;
    running_mean[c] += coefficient.momentum * (mean - running_mean[c] + statistics[c4 + c]);
    running_var[c] += coefficient.momentum * (variance * coefficient.unbiased - running_var[c]);
}

@group(0) @binding(0) var<storage, read> frozen_gamma: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> frozen_beta: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> frozen_mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> frozen_var: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> frozen_made: array<vec4<f32>>;

@compute @workgroup_size(64)
fn batch_norm_coefficients_frozen(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                                  @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    let c4 = coefficient.c4;
    if c >= c4 { return; }
    let inv_std = keep_lanes(1.0 / sqrt(frozen_var[c] + coefficient.eps), c, coefficient.channels);
    frozen_made[c] = frozen_mean[c];
    frozen_made[c4 + c] = frozen_gamma[c] * inv_std;
    frozen_made[2u * c4 + c] = frozen_beta[c];
    frozen_made[3u * c4 + c] = inv_std;
    frozen_made[4u * c4 + c] = vec4(0.0);
}

// Apply, and the gradient, which computes z once more: only x is kept. A thread holds the coefficients of its channels
// in registers for all pixels of its tile. Joined with a text of `prologue/`, which finds dy in what is stored.

struct Params {
    vec4s: u32, step: u32, c4: u32, channels: u32, inv_count: f32, image_vec4s: u32, first_image: u32, share: f32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of a tile.
@compute @workgroup_size(64)
fn batch_norm_apply(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                    @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let mean = coefficients[c];
    let scale = coefficients[p.c4 + c];
    let shift = coefficients[2u * p.c4 + c];
    for (var i = thread; i < p.vec4s; i += p.step) {
        // Some activations of zero are not zero: the padding must stay so.
        let z = (unpack4(x[i]) - mean) * scale + shift;
        y[i] = pack4(keep_lanes(activate(ACTIVATION, z), c, p.channels));
    }
}

// Which image a vec4 of a range is in, and the share of each of its pixels in a mean: for texts of `prologue/`.
struct Images { vec4s: u32, first: u32, c4: u32, share: f32 }

@group(0) @binding(2) var<storage, read> dy: array<Act4>;
@group(0) @binding(3) var<storage, read_write> grad_tiles: array<vec4<f32>>;

// dgamma = sum of dz * xhat and dbeta = sum of dz, as partial sums [TILES, 2, C] that `sum` merges.
// One thread four channels of a tile.
@compute @workgroup_size(64)
fn batch_norm_grad_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                        @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= tile.step { return; }
    let c4 = tile.c4;
    let c = thread % c4;
    let mean = coefficients[c];
    let scale = coefficients[c4 + c];
    let shift = coefficients[2u * c4 + c];
    let images = Images(tile.image_vec4s, tile.first_image, c4, tile.share);
    var weighted = vec4(0.0);
    var plain = vec4(0.0);
    var i = thread;
    // Two pixels at a time: their loads do not wait for one another.
    for (; i + tile.step < tile.vec4s; i += 2u * tile.step) {
        let d = unpack4(x[i]) - mean;
        let e = unpack4(x[i + tile.step]) - mean;
        let dz = incoming(i, c, images) * activate_grad(ACTIVATION, d * scale + shift);
        let ez = incoming(i + tile.step, c, images) * activate_grad(ACTIVATION, e * scale + shift);
        weighted += dz * d + ez * e;
        plain += dz + ez;
    }
    if i < tile.vec4s {
        let d = unpack4(x[i]) - mean;
        let dz = incoming(i, c, images) * activate_grad(ACTIVATION, d * scale + shift);
        weighted += dz * d;
        plain += dz;
    }
    let row = tile.first + thread / c4;
    grad_tiles[2u * row * c4 + c] = weighted * coefficients[3u * c4 + c] + plain * coefficients[4u * c4 + c];
    grad_tiles[(2u * row + 1u) * c4 + c] = plain;
}

@group(0) @binding(3) var<storage, read> dgamma: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dbeta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<Act4>;

// dx = scale * (dz - dbeta / N - xhat * dgamma / N): mean and variance depend on x too.
// One thread four channels of a tile.
@compute @workgroup_size(64)
fn batch_norm_grad_input(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let mean = coefficients[c];
    let scale = coefficients[p.c4 + c];
    let shift = coefficients[2u * p.c4 + c];
    // (dbeta + xhat * dgamma) / N = constant + slope * (x - mean).
    let constant = p.inv_count * (dbeta[c] + coefficients[4u * p.c4 + c] * dgamma[c]);
    let slope = p.inv_count * coefficients[3u * p.c4 + c] * dgamma[c];
    let images = Images(p.image_vec4s, p.first_image, p.c4, p.share);
    for (var i = thread; i < p.vec4s; i += p.step) {
        let d = unpack4(x[i]) - mean;
        let dz = incoming(i, c, images) * activate_grad(ACTIVATION, d * scale + shift);
        dx[i] = pack4(scale * (dz - constant - slope * d));
    }
}

// What convolutions that read dz, and make dx of it themselves, need: mean, scale, shift, constant, slope. Behind these
// some find the coefficients of another batch norm, `p.vec4s` of them.
@group(0) @binding(0) var<storage, read> of_forward: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> summed_gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> summed_beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> of_gradient: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> of_another: array<vec4<f32>>;

fn derive(c: u32, constant: vec4<f32>, slope: vec4<f32>) {
    for (var row = 0u; row < 3u; row++) {
        of_gradient[row * p.c4 + c] = of_forward[row * p.c4 + c];
    }
    of_gradient[3u * p.c4 + c] = constant;
    of_gradient[4u * p.c4 + c] = slope;
}

fn derive_from_sums(c: u32) {
    let centre = of_forward[4u * p.c4 + c];
    let inv_std = of_forward[3u * p.c4 + c];
    derive(c, p.inv_count * (summed_beta[c] + centre * summed_gamma[c]), p.inv_count * inv_std * summed_gamma[c]);
}

fn copy_behind(i: u32) {
    if i < p.vec4s { of_gradient[5u * p.c4 + i] = of_another[i]; }
}

// One thread four channels.
@compute @workgroup_size(64)
fn batch_norm_grad_coefficients(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                                @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    if c < p.c4 { derive_from_sums(c); }
}

@compute @workgroup_size(64)
fn batch_norm_grad_coefficients_with_another(@builtin(workgroup_id) group: vec3<u32>,
                                             @builtin(num_workgroups) groups: vec3<u32>,
                                             @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    if c < p.c4 { derive_from_sums(c); } else { copy_behind(c - p.c4); }
}

// Running statistics do not depend on x.
@compute @workgroup_size(64)
fn batch_norm_grad_coefficients_frozen(@builtin(workgroup_id) group: vec3<u32>,
                                       @builtin(num_workgroups) groups: vec3<u32>,
                                       @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    if c < p.c4 { derive(c, vec4(0.0), vec4(0.0)); }
}

@compute @workgroup_size(64)
fn batch_norm_grad_coefficients_frozen_with_another(@builtin(workgroup_id) group: vec3<u32>,
                                                    @builtin(num_workgroups) groups: vec3<u32>,
                                                    @builtin(local_invocation_index) lane: u32) {
    let c = thread_index(group, groups, lane);
    if c < p.c4 { derive(c, vec4(0.0), vec4(0.0)); } else { copy_behind(c - p.c4); }
}

@group(0) @binding(3) var<storage, read_write> frozen_dx: array<Act4>;

// dx = scale * dz: running statistics do not depend on x.
@compute @workgroup_size(64)
fn batch_norm_grad_input_frozen(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                                @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let mean = coefficients[c];
    let scale = coefficients[p.c4 + c];
    let shift = coefficients[2u * p.c4 + c];
    let images = Images(p.image_vec4s, p.first_image, p.c4, p.share);
    for (var i = thread; i < p.vec4s; i += p.step) {
        let z = (unpack4(x[i]) - mean) * scale + shift;
        frozen_dx[i] = pack4(incoming(i, c, images) * activate_grad(ACTIVATION, z) * scale);
    }
}
