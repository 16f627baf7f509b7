// A convolution of each channel by itself:
// y[n, oy, ox, c] = sum over ky, kx of x[n, oy * S + ky - top, ox * S + kx - left, c] * w[ky, kx, c].
//   x, dx [N, H, W, C]; w, dw [K, K, 1, C]; y, dy [N, OH, OW, C]
// Joined with two texts of `prologue/`, which find x and dy in what is stored, two of `epilogue/`, which finish y and
// dx, one of `epilogue/strip_...`, which says what a thread leaves besides, and one of `strips/`, which makes strips.

override KERNEL: u32 = 3u;
override STRIDE: u32 = 1u;

// A thread makes this many pixels of a row, so that what it reads serves several of them, and TALL such rows.
const STRIP: u32 = 4u;

struct Params {
    // Strips of all channels, of a unit: a thread takes every `step`th, which are of the same channels.
    all: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, top: u32, left: u32, strips: u32, channels: u32, step: u32,
    // The first thread's place among those of all image ranges, a row a pixel's channels.
    first_row: u32,
    // Threads of all units: a unit is all that there is, or an image.
    threads: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Out4>;

// Columns left of the image have wrapped to huge numbers, so one comparison checks both sides.
fn input(line: u32, ix: u32, entry: Entry) -> vec4<f32> {
    return select(vec4(0.0), enter(unpack4(x[line + min(ix, p.w - 1u) * p.c4]), entry), ix < p.w);
}

// One thread four channels of a strip of outputs, again and again.
@compute @workgroup_size(64)
fn depthwise(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let entry = entry_of(c, p.c4);
    let first = thread / p.step * p.all;
    for (var i = thread % p.step; i < p.all; i += p.step) {
        strip((first + i) / p.c4, c, entry);
    }
    leave(0u, p.first_row + thread / p.c4, c, p.c4);
}

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act4>;

fn output_gradient(line: u32, ox: u32, arriving: Arriving) -> vec4<f32> {
    let at = line + min(ox, p.ow - 1u) * p.c4;
    return select(vec4(0.0), arrive(unpack4(dy[at]), at, arriving), ox < p.ow);
}

// One thread four channels of a strip of inputs, again and again.
@compute @workgroup_size(64)
fn depthwise_grad_input(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                        @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let ending = ending_of(c, p.c4);
    let arriving = arriving_of(c, p.c4);
    for (var i = thread; i < p.all; i += p.step) {
        gradient_strip(i / p.c4, c, ending, arriving);
    }
    leave_gradient(0u, p.first_row + thread / p.c4, c, p.c4, ending);
}

// The sum over outputs is split: a unit is `columns` outputs of a row, and a thread takes `units_each` of them.
struct Split {
    threads: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, top: u32, left: u32,
    units: u32, units_each: u32, segments: u32, columns: u32, first_split: u32,
}
@group(0) @binding(15) var<uniform> s: Split;

@group(0) @binding(1) var<storage, read> dy_of_x: array<Act4>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;

// One number for each tap of a row of the kernel; the last tap is always `g`, whatever the kernel's side.
struct Taps {
    a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>, e: vec4<f32>, f: vec4<f32>, g: vec4<f32>,
}

// The columns under the kernel, one further.
fn advanced(under: Taps, line: u32, ix: u32, entry: Entry) -> Taps {
    let next = select(vec4(0.0), enter(unpack4(x[line + min(ix, s.w - 1u) * s.c4]), entry), ix < s.w);
    return Taps(under.b, under.c, under.d, under.e, under.f, under.g, next);
}

// One thread four channels of a row of the kernel, summed over a split. partials [SPLITS, K, K, C]
@compute @workgroup_size(64)
fn depthwise_grad_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= s.threads { return; }
    let c = thread % s.c4;
    let ky = thread / s.c4 % KERNEL;
    let split = thread / (s.c4 * KERNEL);
    let entry = entry_of(c, s.c4);
    let arriving = arriving_of(c, s.c4);
    var dw = Taps();
    for (var unit = split * s.units_each; unit < min((split + 1u) * s.units_each, s.units); unit += 1u) {
        let row = unit / s.segments;
        let iy = row % s.oh * STRIDE + ky - s.top;
        if iy < s.h {
            let line = (row / s.oh * s.h + iy) * s.w * s.c4 + c;
            let first = unit % s.segments * s.columns;
            // Each output adds STRIDE columns to those that it shares with the one before.
            var ix = first * STRIDE + KERNEL - max(STRIDE, KERNEL) - s.left;
            var under = Taps();
            for (var shared_columns = STRIDE; shared_columns < KERNEL; shared_columns += 1u) {
                under = advanced(under, line, ix, entry);
                ix += 1u;
            }
            for (var ox = first; ox < min(first + s.columns, s.ow); ox += 1u) {
                for (var added = 0u; added < STRIDE; added += 1u) {
                    under = advanced(under, line, ix, entry);
                    ix += 1u;
                }
                let to = (row * s.ow + ox) * s.c4 + c;
                let d = arrive(unpack4(dy_of_x[to]), to, arriving);
                if KERNEL > 6u { dw.a += under.a * d; }
                if KERNEL > 5u { dw.b += under.b * d; }
                if KERNEL > 4u { dw.c += under.c * d; }
                if KERNEL > 3u { dw.d += under.d * d; }
                if KERNEL > 2u { dw.e += under.e * d; }
                if KERNEL > 1u { dw.f += under.f * d; }
                dw.g += under.g * d;
            }
        }
    }
    let last = (((s.first_split + split) * KERNEL + ky) * KERNEL + KERNEL - 1u) * s.c4 + c;
    if KERNEL > 6u { partials[last - 6u * s.c4] = dw.a; }
    if KERNEL > 5u { partials[last - 5u * s.c4] = dw.b; }
    if KERNEL > 4u { partials[last - 4u * s.c4] = dw.c; }
    if KERNEL > 3u { partials[last - 3u * s.c4] = dw.d; }
    if KERNEL > 2u { partials[last - 2u * s.c4] = dw.e; }
    if KERNEL > 1u { partials[last - s.c4] = dw.f; }
    partials[last] = dw.g;
}
