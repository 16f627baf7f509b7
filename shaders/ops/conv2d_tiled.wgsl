// 2-D convolution for wide layers on a GPU: the kernels of `conv2d` with tiles in workgroup memory. Joined with
// `conv2d`, whose constants, sizes and tensors it shares.
//
// A workgroup of 64 threads makes TILE pixels times TILE channels, DEPTH channels of the sum at a time; a thread makes
// 8 pixels times the vec4s `thread` and `thread + 8` of 16. Joined with a text of `epilogue/tile_...`, too, which says
// what a tile leaves besides.

const TILE: u32 = 64u;
// vec4s of the sum that are staged at once.
const DEPTH: u32 = 2u;

var<workgroup> left_tile: array<vec4<f32>, TILE * DEPTH>;
var<workgroup> right_tile: array<vec4<f32>, TILE * DEPTH>;

// Where a tile's channels lie, in vec4s, and its row among those of all tiles.
struct Tile { channel: u32, channel_end: u32, c4: u32, row: u32 }

// Memory for what tiles leave: 256 vec4s.
fn keep(place: u32, value: vec4<f32>) {
    if place < 128u { left_tile[place] = value; } else { right_tile[place - 128u] = value; }
}

fn kept(place: u32) -> vec4<f32> {
    if place < 128u { return left_tile[place]; }
    return right_tile[place - 128u];
}

@compute @workgroup_size(64)
fn conv2d_tiled(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let tile = workgroup_index(workgroup, workgroups);
    let tiles = (p.go4 + 15u) / 16u;
    let column = tile % (tiles * p.groups);
    let first = tile / (tiles * p.groups) * TILE;
    let pixels = p.n * p.oh * p.ow;
    if first >= pixels { return; }
    let group = column / tiles;
    let co = group * p.go4 + column % tiles * 16u;
    let co_end = min((group + 1u) * p.go4, p.co4);
    let ci = group * p.gi4;
    let gi4 = min(p.gi4, p.ci4 - ci);

    // Each thread stages one pixel of x.
    let pixel = min(first + lane, pixels - 1u);
    let of_image = pixel / (p.ow * p.oh);
    let image = of_image * p.h;
    let top = pixel / p.ow % p.oh * STRIDE - p.before_y;
    let left = pixel % p.ow * STRIDE - p.before_x;
    let row = lane / 8u * 8u;
    let vec = lane % 8u;
    var sum0: array<vec4<f32>, 8>;
    var sum1: array<vec4<f32>, 8>;
    for (var tap = 0u; tap < K * K; tap++) {
        let iy = top + tap / K;
        let ix = left + tap % K;
        let inside = iy < p.h && ix < p.w;
        let at = select(0u, ((image + iy) * p.w + ix) * p.ci4 + ci, inside);
        for (var c = 0u; c < gi4; c += DEPTH) {
            for (var d = 0u; d < DEPTH; d++) {
                var staged = vec4(0.0);
                if inside && c + d < gi4 {
                    let entry = entry_of(ci + c + d, p.ci4);
                    staged = enter(unpack4(x[at + c + d]), entry) * factor_of(of_image, ci + c + d);
                }
                left_tile[lane * DEPTH + d] = staged;
            }
            for (var i = lane; i < 16u * 4u * DEPTH; i += 64u) {
                let channel = 4u * c + i / 16u;
                var staged = vec4(0.0);
                if channel < p.cin && co + i % 16u < co_end {
                    staged = weight[(tap * p.cin + channel) * p.co4 + co + i % 16u];
                }
                right_tile[i] = staged;
            }
            workgroupBarrier();
            for (var d = 0u; d < DEPTH; d++) {
                let a0 = right_tile[(4u * d) * 16u + vec];
                let a1 = right_tile[(4u * d + 1u) * 16u + vec];
                let a2 = right_tile[(4u * d + 2u) * 16u + vec];
                let a3 = right_tile[(4u * d + 3u) * 16u + vec];
                let b0 = right_tile[(4u * d) * 16u + vec + 8u];
                let b1 = right_tile[(4u * d + 1u) * 16u + vec + 8u];
                let b2 = right_tile[(4u * d + 2u) * 16u + vec + 8u];
                let b3 = right_tile[(4u * d + 3u) * 16u + vec + 8u];
                for (var r = 0u; r < 8u; r++) {
                    let v = left_tile[(row + r) * DEPTH + d];
                    sum0[r] += v.x * a0 + v.y * a1 + v.z * a2 + v.w * a3;
                    sum1[r] += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
                }
            }
            workgroupBarrier();
        }
    }
    for (var r = 0u; r < 8u; r++) {
        let to = (first + row + r) * p.co4 + co + vec;
        if first + row + r < pixels {
            // What the tile leaves is of what is stored.
            if co + vec < co_end {
                let stored = pack_out(finish(sum0[r], to, co + vec, p.cout));
                y[to] = stored;
                sum0[r] = unpack_out(stored);
            }
            if co + vec + 8u < co_end {
                let stored = pack_out(finish(sum1[r], to + 8u, co + vec + 8u, p.cout));
                y[to + 8u] = stored;
                sum1[r] = unpack_out(stored);
            }
        }
    }
    let pixels_here = min(pixels - first, TILE);
    leave_tile(sum0, sum1, lane, pixels_here, Tile(co, co_end, p.co4, p.first_split + first / TILE));
}

@compute @workgroup_size(64)
fn conv2d_tiled_grad_input(@builtin(workgroup_id) workgroup: vec3<u32>,
                           @builtin(num_workgroups) workgroups: vec3<u32>,
                           @builtin(local_invocation_index) lane: u32) {
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

    // Each thread stages one pixel of dy and the weights of one input channel.
    let pixel = phased_pixel(first + lane);
    // Where the tile's pixels are all of one phase, the taps that do not reach it are skipped.
    let begin = phased_pixel(first);
    let last = min(first + TILE, phased_pixels()) - 1u;
    let one_phase = phased_place(first).w == phased_place(last).w;
    let row = lane / 8u * 8u;
    let vec = lane % 8u;
    var sum0: array<vec4<f32>, 8>;
    var sum1: array<vec4<f32>, 8>;
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
        let channel = 4u * local + lane;
        for (var c = 0u; c < depth; c += DEPTH) {
            for (var d = 0u; d < DEPTH; d++) {
                var staged = vec4(0.0);
                if inside && c + d < depth {
                    if beside {
                        staged = beside_at(at + c + d, pixel.z, c + d);
                    } else {
                        staged = arrive(unpack4(dy[at + c + d]), at + c + d, arriving_of(co + c + d, p.co4));
                    }
                }
                left_tile[lane * DEPTH + d] = staged;
                var weights = vec4(0.0);
                if channel < p.cin && c + d < depth {
                    let of_taps = (tap * p.cin + channel) * p.co4 + co;
                    weights = gradient_weight(select(of_taps, channel * p.ci4, beside) + c + d, beside);
                }
                right_tile[lane * DEPTH + d] = weights;
            }
            workgroupBarrier();
            for (var d = 0u; d < DEPTH; d++) {
                let a0 = right_tile[(4u * vec) * DEPTH + d];
                let a1 = right_tile[(4u * vec + 1u) * DEPTH + d];
                let a2 = right_tile[(4u * vec + 2u) * DEPTH + d];
                let a3 = right_tile[(4u * vec + 3u) * DEPTH + d];
                let b0 = right_tile[(4u * vec + 32u) * DEPTH + d];
                let b1 = right_tile[(4u * vec + 33u) * DEPTH + d];
                let b2 = right_tile[(4u * vec + 34u) * DEPTH + d];
                let b3 = right_tile[(4u * vec + 35u) * DEPTH + d];
                for (var r = 0u; r < 8u; r++) {
                    let v = left_tile[(row + r) * DEPTH + d];
                    sum0[r] += vec4(dot(v, a0), dot(v, a1), dot(v, a2), dot(v, a3));
                    sum1[r] += vec4(dot(v, b0), dot(v, b1), dot(v, b2), dot(v, b3));
                }
            }
            workgroupBarrier();
        }
    }
    let ending0 = ending_of(min(ci + vec, p.ci4 - 1u), p.ci4);
    let ending1 = ending_of(min(ci + vec + 8u, p.ci4 - 1u), p.ci4);
    var ended0 = Ended();
    var ended1 = Ended();
    for (var r = 0u; r < 8u; r++) {
        let target_pixel = phased_pixel(first + row + r);
        let to = ((target_pixel.z * p.h + target_pixel.y) * p.w + target_pixel.x) * p.ci4 + ci + vec;
        if target_pixel.z < p.n && target_pixel.y < p.h && target_pixel.x < p.w {
            if ci + vec < ci_end {
                let gradient = add_to(keep_lanes(sum0[r] + beside_row(ci + vec), ci + vec, p.channels), to);
                let made = end_gradient(gradient, to, ending0);
                dx[to] = pack4(made.stored);
                ended0 = Ended(ended0.stored + made.stored, ended0.weighted + made.weighted);
            }
            if ci + vec + 8u < ci_end {
                let sum = keep_lanes(sum1[r] + beside_row(ci + vec + 8u), ci + vec + 8u, p.channels);
                let gradient = add_to(sum, to + 8u);
                let made = end_gradient(gradient, to + 8u, ending1);
                dx[to + 8u] = pack4(made.stored);
                ended1 = Ended(ended1.stored + made.stored, ended1.weighted + made.weighted);
            }
        }
    }
    leave_gradient_tile(ended0, ended1, lane, Tile(ci, ci_end, p.ci4, p.first_split + first / TILE));
}

// A workgroup one tap, TILE input channels times TILE output channels, and the image rows of one split, 8 pixels at a
// time; a thread 8 input channels times the vec4s `vec` and `vec + 8` of output channels.
@compute @workgroup_size(64)
fn conv2d_tiled_grad_weight(@builtin(workgroup_id) workgroup: vec3<u32>,
                            @builtin(num_workgroups) workgroups: vec3<u32>,
                            @builtin(local_invocation_index) lane: u32) {
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

    let row = lane / 8u * 2u;
    let vec = lane % 8u;
    var sum0: array<vec4<f32>, 8>;
    var sum1: array<vec4<f32>, 8>;
    let pixel_end = min((split + 1u) * p.rows, p.n * p.oh) * p.ow;
    for (var first = split * p.rows * p.ow; first < pixel_end; first += 8u) {
        for (var i = lane; i < 128u; i += 64u) {
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
            left_tile[i] = input;
            var output = vec4(0.0);
            if pixel < pixel_end && co + vec_of_pixel < co_end {
                let to = pixel * p.co4 + co + vec_of_pixel;
                output = arrive(unpack4(dy[to]), to, arriving_of(co + vec_of_pixel, p.co4));
            }
            right_tile[i] = output;
        }
        workgroupBarrier();
        for (var i = 0u; i < 8u; i++) {
            let v0 = left_tile[i * 16u + row];
            let v1 = left_tile[i * 16u + row + 1u];
            let d0 = right_tile[i * 16u + vec];
            let d1 = right_tile[i * 16u + vec + 8u];
            sum0[0] += v0.x * d0;
            sum0[1] += v0.y * d0;
            sum0[2] += v0.z * d0;
            sum0[3] += v0.w * d0;
            sum0[4] += v1.x * d0;
            sum0[5] += v1.y * d0;
            sum0[6] += v1.z * d0;
            sum0[7] += v1.w * d0;
            sum1[0] += v0.x * d1;
            sum1[1] += v0.y * d1;
            sum1[2] += v0.z * d1;
            sum1[3] += v0.w * d1;
            sum1[4] += v1.x * d1;
            sum1[5] += v1.y * d1;
            sum1[6] += v1.z * d1;
            sum1[7] += v1.w * d1;
        }
        workgroupBarrier();
    }
    let channel = ci_tile * TILE + 4u * row;
    let weight_row = ((p.first_split + split) * K * K + tap) * p.cin + channel;
    for (var i = 0u; i < 8u; i++) {
        if channel + i < p.cin {
            let to = (weight_row + i) * p.co4 + co + vec;
            if co + vec < co_end { partials[to] = sum0[i]; }
            if co + vec + 8u < co_end { partials[to + 8u] = sum1[i]; }
        }
    }
}
