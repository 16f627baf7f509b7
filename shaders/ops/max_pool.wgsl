// The largest number under each window of a channel, and its gradient, which goes to the first largest one.
// Joined with a text of `prologue/`, which finds x in what is stored, one of `epilogue/gradient_...`, which finishes
// dx, and one of `epilogue/strip_...`, which says what a thread leaves besides.
//   x, dx [N, H, W, C]; y, dy [N, OH, OW, C]

override KERNEL: u32 = 3u;
override STRIDE: u32 = 2u;

// A thread makes this many pixels of a row: finding out which costs as much as making one.
const STRIP: u32 = 4u;

// Of the gradient: `all` pieces of STRIP pixels, of which a thread takes every `step`th, and the first thread's place
// among those of all image ranges, a row a pixel's channels.
struct Params {
    threads: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, top: u32, left: u32, strips: u32,
    all: u32, step: u32, first_row: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

struct Winner { value: vec4<f32>, tap: vec4<u32> }

// By its bits: compilers may take comparisons of a number with itself as true.
fn is_nan(value: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(value) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

// The largest number, or the last that is not a number, of four channels under the window of output `ox` of `row`,
// which counts the output rows of all images.
fn winner(row: u32, ox: u32, c: u32) -> Winner {
    let from_top = row % p.oh * STRIDE;
    let from_left = ox * STRIDE;
    let image = row / p.oh * p.h;
    // The taps on the image: padding never wins.
    let first_ky = p.top - min(p.top, from_top);
    let first_kx = p.left - min(p.left, from_left);
    let last_ky = min(KERNEL, p.h + p.top - from_top);
    let last_kx = min(KERNEL, p.w + p.left - from_left);
    let entry = entry_of(c, p.c4);
    var best: Winner;
    for (var ky = first_ky; ky < last_ky; ky += 1u) {
        let line = (image + from_top + ky - p.top) * p.w;
        for (var kx = first_kx; kx < last_kx; kx += 1u) {
            let value = enter(unpack4(x[(line + from_left + kx - p.left) * p.c4 + c]), entry);
            let is_first = ky == first_ky && kx == first_kx;
            let better = (value > best.value) | is_nan(value) | vec4(is_first);
            best.value = select(best.value, value, better);
            best.tap = select(best.tap, vec4(ky * KERNEL + kx), better);
        }
    }
    return best;
}

// One thread four channels of STRIP outputs.
@compute @workgroup_size(64)
fn max_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let row = thread / p.c4 / p.strips;
    let first = thread / p.c4 % p.strips * STRIP;
    for (var ox = first; ox < min(first + STRIP, p.ow); ox += 1u) {
        y[(row * p.ow + ox) * p.c4 + c] = pack4(winner(row, ox, c).value);
    }
}

@group(0) @binding(1) var<storage, read_write> winners: array<u32>;

// One thread four channels of STRIP outputs: the taps that won, a byte each.
@compute @workgroup_size(64)
fn max_pool_grad_winners(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let row = thread / p.c4 / p.strips;
    let first = thread / p.c4 % p.strips * STRIP;
    for (var ox = first; ox < min(first + STRIP, p.ow); ox += 1u) {
        let taps = winner(row, ox, c).tap << vec4(0u, 8u, 16u, 24u);
        winners[(row * p.ow + ox) * p.c4 + c] = taps.x | taps.y | taps.z | taps.w;
    }
}

@group(0) @binding(0) var<storage, read> won: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act4>;

// One thread four channels of STRIP inputs, again and again: the gradients of the outputs that each won, of all whose
// windows hold it.
@compute @workgroup_size(64)
fn max_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let ending = ending_of(c, p.c4);
    for (var i = thread; i < p.all; i += p.step) {
        let row = i / p.c4 / p.strips;
        let first = i / p.c4 % p.strips * STRIP;
        for (var ix = first; ix < min(first + STRIP, p.w); ix += 1u) {
            let to = (row * p.w + ix) * p.c4 + c;
            let made = end_gradient(won_by(row, ix, c), to, ending);
            dx[to] = pack4(made.stored);
            sum_up(0u, made);
        }
    }
    leave_gradient(0u, p.first_row + thread / p.c4, c, p.c4, ending);
}

// What the input at `ix` of `row`, which counts the input rows of all images, won.
fn won_by(row: u32, ix: u32, c: u32) -> vec4<f32> {
    let from_top = row % p.h + p.top;
    let from_left = ix + p.left;
    let image = row / p.h * p.oh;
    var sum = vec4(0.0);
    // Outputs before the first have wrapped to huge numbers, so one comparison checks both sides.
    var oy = from_top / STRIDE;
    for (var ky = from_top % STRIDE; ky < KERNEL; ky += STRIDE) {
        var ox = from_left / STRIDE;
        for (var kx = from_left % STRIDE; kx < KERNEL; kx += STRIDE) {
            if oy < p.oh && ox < p.ow {
                let output = ((image + oy) * p.ow + ox) * p.c4 + c;
                let taps = (vec4(won[output]) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu);
                sum += select(vec4(0.0), unpack4(dy[output]), taps == vec4(ky * KERNEL + kx));
            }
            ox -= 1u;
        }
        oy -= 1u;
    }
    return sum;
}
