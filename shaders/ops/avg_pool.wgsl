// The mean of the numbers under each window of a channel.
//   x, dx [N, H, W, C]; y, dy [N, OH, OW, C]

override KERNEL: u32 = 2u;
override STRIDE: u32 = 2u;
// Whether padding counts as zeros: the mean is over the whole window, else over its pixels on the image.
override PADDING_COUNTS: bool = true;

// A thread makes this many pixels of a row: finding out which costs as much as making one.
const STRIP: u32 = 4u;

struct Params { threads: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, top: u32, left: u32, strips: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

// The taps on the image along one side, of a window that starts `start` pixels from the edge of the padded image.
fn taps_inside(start: u32, side: u32, padding: u32) -> vec2<u32> {
    return vec2(padding - min(padding, start), min(KERNEL, side + padding - start));
}

// What a pixel's part of the mean is, along one side.
fn share(taps: vec2<u32>) -> f32 {
    return 1.0 / f32(select(taps.y - taps.x, KERNEL, PADDING_COUNTS));
}

// One thread four channels of STRIP outputs.
@compute @workgroup_size(64)
fn avg_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let row = thread / p.c4 / p.strips;
    let first = thread / p.c4 % p.strips * STRIP;
    let from_top = row % p.oh * STRIDE;
    let image = row / p.oh * p.h;
    let rows = taps_inside(from_top, p.h, p.top);
    for (var ox = first; ox < min(first + STRIP, p.ow); ox += 1u) {
        let from_left = ox * STRIDE;
        let columns = taps_inside(from_left, p.w, p.left);
        var sum = vec4(0.0);
        for (var ky = rows.x; ky < rows.y; ky += 1u) {
            let line = (image + from_top + ky - p.top) * p.w;
            for (var kx = columns.x; kx < columns.y; kx += 1u) {
                sum += unpack4(x[(line + from_left + kx - p.left) * p.c4 + c]);
            }
        }
        y[(row * p.ow + ox) * p.c4 + c] = pack4(share(rows) * share(columns) * sum);
    }
}

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act4>;

// One thread four channels of STRIP inputs: their shares of the gradient of every output whose window holds them.
@compute @workgroup_size(64)
fn avg_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let row = thread / p.c4 / p.strips;
    let first = thread / p.c4 % p.strips * STRIP;
    let from_top = row % p.h + p.top;
    let image = row / p.h * p.oh;
    for (var ix = first; ix < min(first + STRIP, p.w); ix += 1u) {
        let from_left = ix + p.left;
        var sum = vec4(0.0);
        // Outputs before the first have wrapped to huge numbers, so one comparison checks both sides.
        var oy = from_top / STRIDE;
        for (var ky = from_top % STRIDE; ky < KERNEL; ky += STRIDE) {
            if oy < p.oh {
                var line = vec4(0.0);
                var ox = from_left / STRIDE;
                for (var kx = from_left % STRIDE; kx < KERNEL; kx += STRIDE) {
                    if ox < p.ow {
                        let part = share(taps_inside(ox * STRIDE, p.w, p.left));
                        line += part * unpack4(dy[((image + oy) * p.ow + ox) * p.c4 + c]);
                    }
                    ox -= 1u;
                }
                sum += share(taps_inside(oy * STRIDE, p.h, p.top)) * line;
            }
            oy -= 1u;
        }
        dx[(row * p.w + ix) * p.c4 + c] = pack4(sum);
    }
}
