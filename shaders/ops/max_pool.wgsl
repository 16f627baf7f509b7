// The largest number under each window of a channel, and its gradient, which goes to the first largest one.
//   x, dx [N, H, W, C]; y, dy [N, OH, OW, C]

struct Params {
    threads: u32, c4: u32, h: u32, w: u32, oh: u32, ow: u32, kernel: u32, stride: u32, top: u32, left: u32,
}
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;

struct Winner { value: vec4<f32>, tap: vec4<u32> }

// By its bits: compilers may take comparisons of a number with itself as true.
fn is_nan(value: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(value) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

// The largest number, or the last that is not a number, under the window of four channels of an output.
fn winner(output: u32) -> Winner {
    let c = output % p.c4;
    let pixel = output / p.c4;
    let from_left = pixel % p.ow * p.stride;
    let from_top = pixel / p.ow % p.oh * p.stride;
    let image = pixel / p.ow / p.oh * p.h;
    // The taps on the image: padding never wins.
    let first_ky = p.top - min(p.top, from_top);
    let first_kx = p.left - min(p.left, from_left);
    let last_ky = min(p.kernel, p.h + p.top - from_top);
    let last_kx = min(p.kernel, p.w + p.left - from_left);
    var best: Winner;
    for (var ky = first_ky; ky < last_ky; ky += 1u) {
        let line = (image + from_top + ky - p.top) * p.w;
        for (var kx = first_kx; kx < last_kx; kx += 1u) {
            let value = unpack4(x[(line + from_left + kx - p.left) * p.c4 + c]);
            let is_first = ky == first_ky && kx == first_kx;
            let better = (value > best.value) | is_nan(value) | vec4(is_first);
            best.value = select(best.value, value, better);
            best.tap = select(best.tap, vec4(ky * p.kernel + kx), better);
        }
    }
    return best;
}

// One thread four channels of an output.
@compute @workgroup_size(64)
fn max_pool(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.threads { return; }
    y[i] = pack4(winner(i).value);
}

@group(0) @binding(1) var<storage, read_write> winners: array<u32>;

// One thread four channels of an output: the taps that won, a byte each.
@compute @workgroup_size(64)
fn max_pool_grad_winners(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                         @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.threads { return; }
    let taps = winner(i).tap << vec4(0u, 8u, 16u, 24u);
    winners[i] = taps.x | taps.y | taps.z | taps.w;
}

@group(0) @binding(0) var<storage, read> won: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act4>;

// One thread four channels of an input: the gradients of the outputs that it won, of all whose windows hold it.
@compute @workgroup_size(64)
fn max_pool_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
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
        var ox = first_ox;
        for (var kx = first_kx; kx < p.kernel; kx += p.stride) {
            if oy < p.oh && ox < p.ow {
                let output = ((image + oy) * p.ow + ox) * p.c4 + c;
                let taps = (vec4(won[output]) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu);
                sum += select(vec4(0.0), unpack4(dy[output]), taps == vec4(ky * p.kernel + kx));
            }
            ox -= 1u;
        }
        oy -= 1u;
    }
    dx[i] = pack4(sum);
}
