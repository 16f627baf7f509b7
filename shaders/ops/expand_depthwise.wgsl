// A pointwise convolution and a depthwise one of what it makes, in one kernel, so that this is never in memory:
// e = activate(x * expand + expand_bias), which is zero outside the image, and
// y[n, oy, ox, c] = activate(bias[c] + sum over ky, kx of e[n, oy * S + ky - top, ox * S + kx - left, c] *
// w[ky, kx, c]).
//   x [N, H, W, CIN]   expand [1, 1, CIN, C]   w [K, K, 1, C]   expand_bias, bias [C]   y [N, OH, OW, C]
//   parts [N, TILES, C], of the mean of y over each image
//
// A workgroup of 64 threads makes TALL rows times WIDE columns of y of VECS vec4s of channels: first all of e under
// these windows, in workgroup memory, then y. What windows of neighbouring tiles share is computed again.

override KERNEL: u32 = 3u;
override STRIDE: u32 = 1u;
override TALL: u32 = 8u;
override VECS: u32 = 4u;
// VECS vec4s of each pixel of e under the tile.
override STAGED: u32 = 400u;
override EXPAND_ACTIVATION: u32 = 0u;
override ACTIVATION: u32 = 0u;

const WIDE: u32 = 8u;
// Neighbouring pixels of a row of y that a thread makes, so that what it reads serves several of them.
const STRIP: u32 = 4u;
// Pixels of e that a thread makes at once, so that what it reads of `expand` serves several of them.
const PIXELS: u32 = 4u;

struct Params {
    workgroups: u32,
    h: u32, w: u32, oh: u32, ow: u32, top: u32, left: u32,
    // vec4s of a pixel and channels: of x, of y.
    ci4: u32, cin: u32, c4: u32, channels: u32,
    // Pieces of VECS vec4s of a pixel's channels; tiles beside each other and of an image.
    pieces: u32, across: u32, tiles: u32,
    // The first image's place in its batch.
    first_image: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> expand: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> expand_bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<Out4>;
@group(0) @binding(6) var<storage, read_write> parts: array<vec4<f32>>;

var<workgroup> staged: array<Act4, STAGED>;
var<workgroup> sums: array<vec4<f32>, 64>;

// A tile's place: its image, its number and first pixel, and the vec4 of channels that a thread makes.
struct Tile { image: u32, number: u32, oy: u32, ox: u32, c: u32 }

fn tile_of(index: u32, lane: u32) -> Tile {
    let place = index / p.pieces;
    let number = place % p.tiles;
    return Tile(place / p.tiles, number, number / p.across * TALL, number % p.across * WIDE,
                index % p.pieces * VECS + lane % VECS);
}

@compute @workgroup_size(64)
fn expand_depthwise(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                    @builtin(local_invocation_index) lane: u32) {
    let index = workgroup_index(group, groups);
    if index >= p.workgroups { return; }
    let tile = tile_of(index, lane);
    stage(tile, lane);
    workgroupBarrier();
    _ = convolve(tile, lane);
}

// The same, and the tile's part of the mean over its image.
@compute @workgroup_size(64)
fn expand_depthwise_mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let index = workgroup_index(group, groups);
    if index >= p.workgroups { return; }
    let tile = tile_of(index, lane);
    stage(tile, lane);
    workgroupBarrier();
    sums[lane] = convolve(tile, lane);
    workgroupBarrier();
    if lane >= VECS || tile.c >= p.c4 { return; }
    var sum = vec4(0.0);
    for (var of_thread = lane; of_thread < 64u; of_thread += VECS) {
        sum += sums[of_thread];
    }
    parts[((p.first_image + tile.image) * p.tiles + tile.number) * p.c4 + tile.c] = sum / f32(p.oh * p.ow);
}

// Columns of e under the tile.
fn under() -> u32 {
    return (WIDE - 1u) * STRIDE + KERNEL;
}

// Makes e under the tile: a thread one vec4 of channels of PIXELS pixels, again and again.
fn stage(tile: Tile, lane: u32) {
    if tile.c >= p.c4 { return; }
    let threads = 64u / VECS;
    let pixels = STAGED / VECS;
    for (var first = lane / VECS; first < pixels; first += PIXELS * threads) {
        var at: array<u32, PIXELS>;
        var inside: array<bool, PIXELS>;
        for (var r = 0u; r < PIXELS; r++) {
            let pixel = first + r * threads;
            // Above or left of the image wraps to a huge number, so one comparison checks both sides.
            let iy = tile.oy * STRIDE + pixel / under() - p.top;
            let ix = tile.ox * STRIDE + pixel % under() - p.left;
            inside[r] = pixel < pixels && iy < p.h && ix < p.w;
            at[r] = select(0u, ((tile.image * p.h + iy) * p.w + ix) * p.ci4, inside[r]);
        }
        var sum: array<vec4<f32>, PIXELS>;
        for (var c = 0u; c < p.ci4; c++) {
            // Beyond the last channel x is zero: any row will do.
            let a0 = expand[4u * c * p.c4 + tile.c];
            let a1 = expand[min(4u * c + 1u, p.cin - 1u) * p.c4 + tile.c];
            let a2 = expand[min(4u * c + 2u, p.cin - 1u) * p.c4 + tile.c];
            let a3 = expand[min(4u * c + 3u, p.cin - 1u) * p.c4 + tile.c];
            for (var r = 0u; r < PIXELS; r++) {
                let v = unpack4(x[at[r] + c]);
                sum[r] += v.x * a0 + v.y * a1 + v.z * a2 + v.w * a3;
            }
        }
        for (var r = 0u; r < PIXELS; r++) {
            let pixel = first + r * threads;
            if pixel < pixels {
                let made = activate(EXPAND_ACTIVATION, sum[r] + expand_bias[tile.c]);
                staged[pixel * VECS + lane % VECS] = pack4(select(vec4(0.0), made, inside[r]));
            }
        }
    }
}

// Makes the tile of y, and returns the sum of what this thread makes of it: strips of one vec4 of channels.
fn convolve(tile: Tile, lane: u32) -> vec4<f32> {
    var total = vec4(0.0);
    if tile.c >= p.c4 { return total; }
    let vec = lane % VECS;
    for (var strip = lane / VECS; strip < TALL * WIDE / STRIP; strip += 64u / VECS) {
        let row = strip / (WIDE / STRIP);
        let ox = strip % (WIDE / STRIP) * STRIP;
        if tile.oy + row >= p.oh { break; }
        var y0 = vec4(0.0);
        var y1 = vec4(0.0);
        var y2 = vec4(0.0);
        var y3 = vec4(0.0);
        for (var ky = 0u; ky < KERNEL; ky++) {
            let line = (row * STRIDE + ky) * under();
            // The taps kx, kx + STRIDE, ... of neighbouring outputs read the same columns: these move along.
            for (var phase = 0u; phase < min(STRIDE, KERNEL); phase++) {
                var at = (line + ox * STRIDE + phase) * VECS + vec;
                var x0 = unpack4(staged[at]);
                var x1 = unpack4(staged[at + STRIDE * VECS]);
                var x2 = unpack4(staged[at + 2u * STRIDE * VECS]);
                at += 3u * STRIDE * VECS;
                for (var kx = phase; kx < KERNEL; kx += STRIDE) {
                    let x3 = unpack4(staged[at]);
                    let tap = w[(ky * KERNEL + kx) * p.c4 + tile.c];
                    y0 += x0 * tap;
                    y1 += x1 * tap;
                    y2 += x2 * tap;
                    y3 += x3 * tap;
                    x0 = x1;
                    x1 = x2;
                    x2 = x3;
                    at += STRIDE * VECS;
                }
            }
        }
        let line = (tile.image * p.oh + tile.oy + row) * p.ow;
        // The sums move up past one text that finishes them: drivers take long over four copies of it.
        for (var column = tile.ox + ox; column < min(tile.ox + ox + STRIP, p.ow); column++) {
            // Some activations of zero are not zero: the padding must stay so.
            let made = keep_lanes(activate(ACTIVATION, y0 + bias[tile.c]), tile.c, p.channels);
            let stored = pack_out(made);
            y[(line + column) * p.c4 + tile.c] = stored;
            total += unpack_out(stored);
            y0 = y1;
            y1 = y2;
            y2 = y3;
        }
    }
    return total;
}
