// 2-D convolution on matrix units: the kernels of `conv2d` with tiles in workgroup memory whose products subgroups
// make together. Joined with `conv2d`, whose constants, sizes and tensors it shares, with the text of `cooperative/`
// for the matrices that the adapter multiplies, and with a text of `epilogue/tile_...`, as `conv2d_tiled` is.
//
// A workgroup makes TILE rows times TILE columns, DEPTH numbers of each sum at a time. Both factors are rounded to f16
// as they are staged, with what `prologue/` makes of them; sums are f32. A subgroup makes a strip of SIDE rows. JOINED
// narrow groups share a tile: the weights between two of them are zero, and matrices of such weights alone are left
// out.

const TILE: u32 = 64u;
const DEPTH: u32 = 32u;
// From one row or column of a staged factor to the next: 8 numbers more than it has, so that these are in other banks.
const LONG: u32 = 72u;
const SHORT: u32 = 40u;
// From one row of a quarter of the sums to the next, which has 16 columns.
const QUARTER: u32 = 20u;

// A multiple of TILE, of a subgroup a strip at least.
override THREADS: u32 = 128u;
override JOINED: u32 = 1u;

var<workgroup> left_tile: array<f16, 2560>;
var<workgroup> right_tile: array<f16, 2560>;
var<workgroup> made_tile: array<f32, 1280>;

// Where a tile's channels lie, in vec4s, and its row among those of all tiles.
struct Tile { channel: u32, channel_end: u32, c4: u32, row: u32 }

// Which of the factors are staged by columns.
struct Staged { left_by_columns: bool, right_by_columns: bool }

// What a thread has of the sums: eight rows of the columns of its vec4, and of that half a tile on.
struct Made { near: array<vec4<f32>, 8>, far: array<vec4<f32>, 8> }

fn left_of(row: u32, k: u32, staged: Staged) -> Left {
    if staged.left_by_columns { return coopLoad<Left>(&left_tile[k * LONG + row], LONG); }
    return coopLoadT<Left>(&left_tile[row * SHORT + k], SHORT);
}

fn right_of(k: u32, column: u32, staged: Staged) -> Right {
    if staged.right_by_columns { return coopLoad<Right>(&right_tile[column * SHORT + k], SHORT); }
    return coopLoadT<Right>(&right_tile[k * LONG + column], LONG);
}

// As f16, infinity from 65,520 on: loss scaling looks for it.
fn halves(value: vec4<f32>) -> vec4<f16> {
    let beyond = abs(value) >= vec4(65520.0);
    let bounded = vec4<f16>(select(value, sign(value) * 65504.0, beyond));
    return bounded * select(vec4<f16>(1.0h), vec4<f16>(2.0h), beyond);
}

fn stage_left(at: u32, value: vec4<f32>) {
    let rounded = halves(value);
    left_tile[at] = rounded.x;
    left_tile[at + 1u] = rounded.y;
    left_tile[at + 2u] = rounded.z;
    left_tile[at + 3u] = rounded.w;
}

fn stage_right(at: u32, value: vec4<f32>) {
    let rounded = halves(value);
    right_tile[at] = rounded.x;
    right_tile[at + 1u] = rounded.y;
    right_tile[at + 2u] = rounded.z;
    right_tile[at + 3u] = rounded.w;
}

// Memory for what tiles leave: 256 vec4s.
fn keep(place: u32, value: vec4<f32>) {
    made_tile[4u * place] = value.x;
    made_tile[4u * place + 1u] = value.y;
    made_tile[4u * place + 2u] = value.z;
    made_tile[4u * place + 3u] = value.w;
}

fn kept(place: u32) -> vec4<f32> {
    return vec4(made_tile[4u * place], made_tile[4u * place + 1u], made_tile[4u * place + 2u],
                made_tile[4u * place + 3u]);
}

// The weight's row, without its tap, of a channel of joined groups, for a vec4 of their output channels; a huge number
// where these are of two groups or beyond the last channel.
fn weight_row(channel: u32, c: u32) -> u32 {
    let of_group = 4u * (p.gi4 / JOINED);
    let row = channel % of_group;
    let there = row < p.cin && channel / of_group == c / (p.go4 / JOINED);
    return select(0xffffffffu, row, there);
}

// Whether any of SIDE channels in and SIDE channels out of joined groups are of one group.
fn meet(channel: u32, column: u32) -> bool {
    let inner = 4u * (p.gi4 / JOINED);
    let outer = 4u * (p.go4 / JOINED);
    return channel / inner <= (column + SIDE - 1u) / outer && column / outer <= (channel + SIDE - 1u) / inner;
}

// The sums, from the subgroups' matrices to the first TILE threads.
fn collect(strip: u32, lane: u32) -> Made {
    var made: Made;
    for (var quarter = 0u; quarter < 4u; quarter++) {
        if strip * SIDE < TILE { hand_over(strip, quarter); }
        workgroupBarrier();
        if lane < TILE && lane % 8u / 4u == quarter % 2u {
            for (var r = 0u; r < 8u; r++) {
                let place = ((lane / 8u * 8u + r) * QUARTER + lane % 4u * 4u) / 4u;
                if quarter < 2u { made.near[r] = kept(place); } else { made.far[r] = kept(place); }
            }
        }
        workgroupBarrier();
    }
    return made;
}

@compute @workgroup_size(THREADS)
fn conv2d_cooperative(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) strip: u32) {
    let tile = workgroup_index(workgroup, workgroups);
    let tiles = (p.go4 + 15u) / 16u;
    let column = tile % (tiles * p.groups);
    let first = tile / (tiles * p.groups) * TILE;
    let pixels = p.n * p.oh * p.ow;
    if first >= pixels { return; }
    let group = column / tiles;
    let local = column % tiles * 16u;
    let co = group * p.go4 + local;
    let co_end = min((group + 1u) * p.go4, p.co4);
    let ci = group * p.gi4;
    let gi4 = min(p.gi4, p.ci4 - ci);

    // Each thread stages vec4s of one pixel of x.
    let pixel = min(first + lane % TILE, pixels - 1u);
    let of_image = pixel / (p.ow * p.oh);
    let image = of_image * p.h;
    let top = pixel / p.ow % p.oh * STRIDE - p.before_y;
    let left = pixel % p.ow * STRIDE - p.before_x;
    clear_sums();
    for (var tap = 0u; tap < K * K; tap++) {
        let iy = top + tap / K;
        let ix = left + tap % K;
        let inside = iy < p.h && ix < p.w;
        let at = select(0u, ((image + iy) * p.w + ix) * p.ci4 + ci, inside);
        for (var c = 0u; c < gi4; c += DEPTH / 4u) {
            for (var d = lane / TILE; d < DEPTH / 4u; d += THREADS / TILE) {
                var staged = vec4(0.0);
                if inside && c + d < gi4 {
                    let entry = entry_of(ci + c + d, p.ci4);
                    staged = enter(unpack4(x[at + c + d]), entry) * factor_of(of_image, ci + c + d);
                }
                stage_left(lane % TILE * SHORT + 4u * d, staged);
            }
            for (var i = lane; i < DEPTH * 16u; i += THREADS) {
                let row = weight_row(4u * c + i / 16u, local + i % 16u);
                var staged = vec4(0.0);
                if row < p.cin && co + i % 16u < co_end {
                    staged = weight[(tap * p.cin + row) * p.co4 + co + i % 16u];
                }
                stage_right(i / 16u * LONG + i % 16u * 4u, staged);
            }
            workgroupBarrier();
            if strip * SIDE < TILE {
                for (var k = 0u; k < min(DEPTH, 4u * (gi4 - c)); k += SIDE) {
                    var blocks = 0u;
                    for (var block = 0u; block < TILE / SIDE; block++) {
                        let needed = JOINED == 1u || meet(4u * c + k, block * SIDE);
                        blocks |= u32(needed) << block;
                    }
                    add_products(strip, k, blocks, Staged(false, false));
                }
            }
            workgroupBarrier();
        }
    }
    var made = collect(strip, lane);
    let row = lane / 8u * 8u;
    let vec = lane % 8u;
    for (var r = 0u; r < 8u; r++) {
        let to = (first + row + r) * p.co4 + co + vec;
        if row < TILE && first + row + r < pixels {
            // What the tile leaves is of what is stored.
            if co + vec < co_end {
                let stored = pack_out(finish(made.near[r], to, co + vec, p.cout));
                y[to] = stored;
                made.near[r] = unpack_out(stored);
            }
            if co + vec + 8u < co_end {
                let stored = pack_out(finish(made.far[r], to + 8u, co + vec + 8u, p.cout));
                y[to + 8u] = stored;
                made.far[r] = unpack_out(stored);
            }
        }
    }
    let pixels_here = min(pixels - first, TILE);
    leave_tile(made.near, made.far, lane, pixels_here, Tile(co, co_end, p.co4, p.first_split + first / TILE));
}

@compute @workgroup_size(THREADS)
fn conv2d_cooperative_grad_input(@builtin(workgroup_id) workgroup: vec3<u32>,
                                 @builtin(num_workgroups) workgroups: vec3<u32>,
                                 @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) strip: u32) {
    let tile = workgroup_index(workgroup, workgroups);
    let tiles = (p.gi4 + 15u) / 16u;
    let column = tile % (tiles * p.groups);
    let first = tile / (tiles * p.groups) * TILE;
    if first >= phased_pixels() { return; }
    let group = column / tiles;
    let local = column % tiles * 16u;
    let ci = group * p.gi4 + local;
    let ci_end = min((group + 1u) * p.gi4, p.ci4);
    let co = group * p.go4;
    let go4 = min(p.go4, p.co4 - co);

    // Each thread stages vec4s of one pixel of dy and of the weights of one input channel.
    let pixel = phased_pixel(first + lane % TILE);
    let channel = 4u * local + lane % TILE;
    // Where the tile's pixels are all of one phase, the taps that do not reach it are skipped.
    let begin = phased_pixel(first);
    let last = min(first + TILE, phased_pixels()) - 1u;
    let one_phase = phased_place(first).w == phased_place(last).w;
    clear_sums();
    for (var tap = 0u; tap < K * K + MORE; tap++) {
        let beside = MORE == 1u && tap == K * K;
        let reach = begin.xy + vec2(p.before_x, p.before_y) + vec2(STRIDE * K) - vec2(tap % K, tap / K);
        if !beside && one_phase && any(reach % STRIDE != vec2(0u)) { continue; }
        let ty = pixel.y + p.before_y - tap / K;
        let tx = pixel.x + p.before_x - tap % K;
        let oy = ty / STRIDE;
        let ox = tx / STRIDE;
        var inside = pixel.z < p.n && oy * STRIDE == ty && ox * STRIDE == tx && oy < p.oh && ox < p.ow;
        var at = ((pixel.z * p.oh + oy) * p.ow + ox) * p.co4 + co;
        if beside {
            inside = pixel.z < p.n && pixel.y < p.h && pixel.x < p.w;
            at = ((pixel.z * p.h + pixel.y) * p.w + pixel.x) * p.ci4;
        }
        at = select(0u, at, inside);
        let depth = select(go4, p.gi4, beside);
        for (var c = 0u; c < depth; c += DEPTH / 4u) {
            for (var d = lane / TILE; d < DEPTH / 4u; d += THREADS / TILE) {
                var staged = vec4(0.0);
                if inside && c + d < depth {
                    if beside {
                        staged = beside_at(at + c + d, pixel.z, c + d);
                    } else {
                        staged = arrive(unpack4(dy[at + c + d]), at + c + d, arriving_of(co + c + d, p.co4));
                    }
                }
                stage_left(lane % TILE * SHORT + 4u * d, staged);
                let row = weight_row(channel, c + d);
                var weights = vec4(0.0);
                if row < p.cin && c + d < depth {
                    let of_taps = (tap * p.cin + row) * p.co4 + co;
                    weights = gradient_weight(select(of_taps, row * p.ci4, beside) + c + d, beside);
                }
                stage_right(lane % TILE * SHORT + 4u * d, weights);
            }
            workgroupBarrier();
            if strip * SIDE < TILE {
                for (var k = 0u; k < min(DEPTH, 4u * (depth - c)); k += SIDE) {
                    var blocks = 0u;
                    for (var block = 0u; block < TILE / SIDE; block++) {
                        let needed = JOINED == 1u || meet(block * SIDE, 4u * c + k);
                        blocks |= u32(needed) << block;
                    }
                    add_products(strip, k, blocks, Staged(false, true));
                }
            }
            workgroupBarrier();
        }
    }
    var made = collect(strip, lane);
    let row = lane / 8u * 8u;
    let vec = lane % 8u;
    let ending0 = ending_of(min(ci + vec, p.ci4 - 1u), p.ci4);
    let ending1 = ending_of(min(ci + vec + 8u, p.ci4 - 1u), p.ci4);
    var ended0 = Ended();
    var ended1 = Ended();
    for (var r = 0u; r < 8u; r++) {
        let target_pixel = phased_pixel(first + row + r);
        let to = ((target_pixel.z * p.h + target_pixel.y) * p.w + target_pixel.x) * p.ci4 + ci + vec;
        if row < TILE && target_pixel.z < p.n && target_pixel.y < p.h && target_pixel.x < p.w {
            if ci + vec < ci_end {
                let gradient = add_to(keep_lanes(made.near[r] + beside_row(ci + vec), ci + vec, p.channels), to);
                let ended = end_gradient(gradient, to, ending0);
                dx[to] = pack4(ended.stored);
                ended0 = Ended(ended0.stored + ended.stored, ended0.weighted + ended.weighted);
            }
            if ci + vec + 8u < ci_end {
                let sum = keep_lanes(made.far[r] + beside_row(ci + vec + 8u), ci + vec + 8u, p.channels);
                let gradient = add_to(sum, to + 8u);
                let ended = end_gradient(gradient, to + 8u, ending1);
                dx[to + 8u] = pack4(ended.stored);
                ended1 = Ended(ended1.stored + ended.stored, ended1.weighted + ended.weighted);
            }
        }
    }
    leave_gradient_tile(ended0, ended1, lane, Tile(ci, ci_end, p.ci4, p.first_split + first / TILE));
}

// A workgroup one tap, TILE input channels times TILE output channels, and the image rows of one split, DEPTH pixels at
// a time.
@compute @workgroup_size(THREADS)
fn conv2d_cooperative_grad_weight(@builtin(workgroup_id) workgroup: vec3<u32>,
                                  @builtin(num_workgroups) workgroups: vec3<u32>,
                                  @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) strip: u32) {
    var tile = workgroup_index(workgroup, workgroups);
    let co_tiles = (p.go4 + 15u) / 16u;
    let ci_tiles = (p.gi4 + 15u) / 16u;
    let co_tile = tile % co_tiles;
    tile /= co_tiles;
    let ci_tile = tile % ci_tiles;
    tile /= ci_tiles;
    let group = tile % p.groups;
    tile /= p.groups;
    let tap = tile % (K * K);
    let split = tile / (K * K);
    if split >= p.splits { return; }
    let co = group * p.go4 + co_tile * 16u;
    let co_end = min((group + 1u) * p.go4, p.co4);
    let ci = group * p.gi4 + ci_tile * 16u;
    let ci_end = min((group + 1u) * p.gi4, p.ci4);

    var blocks = 0u;
    for (var block = 0u; block < TILE / SIDE; block++) {
        let needed = JOINED == 1u || meet(strip * SIDE, block * SIDE);
        blocks |= u32(needed) << block;
    }
    clear_sums();
    let pixel_end = min((split + 1u) * p.rows, p.n * p.oh) * p.ow;
    for (var first = split * p.rows * p.ow; first < pixel_end; first += DEPTH) {
        for (var i = lane; i < DEPTH * 16u; i += THREADS) {
            let pixel = first + i / 16u;
            let vec_of_pixel = i % 16u;
            let iy = pixel / p.ow % p.oh * STRIDE + tap / K - p.before_y;
            let ix = pixel % p.ow * STRIDE + tap % K - p.before_x;
            let image = pixel / (p.ow * p.oh);
            var input = vec4(0.0);
            if pixel < pixel_end && iy < p.h && ix < p.w && ci + vec_of_pixel < ci_end {
                let c = ci + vec_of_pixel;
                let stored = unpack4(x[((image * p.h + iy) * p.w + ix) * p.ci4 + c]);
                input = enter(stored, entry_of(c, p.ci4)) * factor_of(image, c);
            }
            stage_left(i / 16u * LONG + vec_of_pixel * 4u, input);
            var output = vec4(0.0);
            if pixel < pixel_end && co + vec_of_pixel < co_end {
                let to = pixel * p.co4 + co + vec_of_pixel;
                output = arrive(unpack4(dy[to]), to, arriving_of(co + vec_of_pixel, p.co4));
            }
            stage_right(i / 16u * LONG + vec_of_pixel * 4u, output);
        }
        workgroupBarrier();
        if strip * SIDE < TILE {
            for (var k = 0u; k < DEPTH; k += SIDE) {
                add_products(strip, k, blocks, Staged(true, false));
            }
        }
        workgroupBarrier();
    }
    var made = collect(strip, lane);
    let channel = ci_tile * TILE + lane / 8u * 8u;
    let vec = lane % 8u;
    let local = co_tile * 16u + vec;
    let tap_row = ((p.first_split + split) * K * K + tap) * p.cin;
    for (var i = 0u; i < 8u; i++) {
        if lane < TILE && co + vec < co_end {
            let row = weight_row(channel + i, local);
            if row < p.cin { partials[(tap_row + row) * p.co4 + co + vec] = made.near[i]; }
        }
        if lane < TILE && co + vec + 8u < co_end {
            let row = weight_row(channel + i, local + 8u);
            if row < p.cin { partials[(tap_row + row) * p.co4 + co + vec + 8u] = made.far[i]; }
        }
    }
}
