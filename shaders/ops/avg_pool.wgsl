// The mean of the numbers under each window of a channel.
//   x, dx [N, H, W, C]; y, dy [N, OH, OW, C]

// Whether padding counts as zeros: the mean is over the whole window, else over its pixels on the image.
override PADDING_COUNTS: bool = true;

struct Params {
    threads: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, kernel: u32, stride: u32, top: u32, left: u32,
}
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

// The taps on the image along one side, of a window that starts `start` pixels from the edge of the padded image.
fn taps_inside(start: u32, side: u32, padding: u32) -> vec2<u32> {
    return vec2(padding - min(padding, start), min(p.kernel, side + padding - start));
}

// What a pixel's part of the mean is, along one side.
fn share(taps: vec2<u32>) -> f32 {
    return 1.0 / f32(select(taps.y - taps.x, p.kernel, PADDING_COUNTS));
}

// One thread four channels of an output.
@compute @workgroup_size(64)
fn avg_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.threads { return; }
    let c = i % p.c4;
    let pixel = i / p.c4;
    let from_left = pixel % p.ow * p.stride;
    let from_top = pixel / p.ow % p.oh * p.stride;
    let image = pixel / p.ow / p.oh * p.h;
    let rows = taps_inside(from_top, p.h, p.top);
    let columns = taps_inside(from_left, p.w, p.left);
    var sum = vec4(0.0);
    for (var ky = rows.x; ky < rows.y; ky += 1u) {
        let line = (image + from_top + ky - p.top) * p.w;
        for (var kx = columns.x; kx < columns.y; kx += 1u) {
            sum += unpack4(x[(line + from_left + kx - p.left) * p.c4 + c]);
        }
    }
    y[i] = pack4(share(rows) * share(columns) * sum);
}

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(1) var<storage, read_write> dx: array<Act4>;

// One thread four channels of an input: its share of the gradient of every output whose window holds it.
@compute @workgroup_size(64)
fn avg_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.threads { return; }
    let c = i % p.c4;
    let pixel = i / p.c4;
    let from_left = pixel % p.w + p.left;
    let from_top = pixel / p.w % p.h + p.top;
    let image = pixel / p.w / p.h * p.oh;
    let first_kx = from_left % p.stride;
    let first_ox = from_left / p.stride;
    var sum = vec4(0.0);
    // Outputs before the first have wrapped to huge numbers, so one comparison checks both sides.
    var oy = from_top / p.stride;
    for (var ky = from_top % p.stride; ky < p.kernel; ky += p.stride) {
        if oy < p.oh {
            var line = vec4(0.0);
            var ox = first_ox;
            for (var kx = first_kx; kx < p.kernel; kx += p.stride) {
                if ox < p.ow {
                    let part = share(taps_inside(ox * p.stride, p.w, p.left));
                    line += part * unpack4(dy[((image + oy) * p.ow + ox) * p.c4 + c]);
                }
                ox -= 1u;
            }
            sum += share(taps_inside(oy * p.stride, p.h, p.top)) * line;
        }
        oy -= 1u;
    }
    dx[i] = pack4(sum);
}
