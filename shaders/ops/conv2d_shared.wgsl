// Gradient of a convolution's weight where subgroups share what they read: x, dy, partial sums
// [splits][K, K, CIN / GROUPS, COUT]. Joined with `conv2d`, whose constants, sizes and tensors it has, and whose other
// kernels share as well, and with a text of `lanes/` that shares.

// One thread one tap, LANES vec4s of input channels times one vec4 of output channels, and the image rows of one split.
// It reads one of the LANES vec4s.

@compute @workgroup_size(64)
fn conv2d_shared_grad_weight(@builtin(workgroup_id) workgroup: vec3<u32>,
                             @builtin(num_workgroups) workgroups: vec3<u32>,
                             @builtin(local_invocation_index) lane: u32) {
    var thread = thread_index(workgroup, workgroups, lane);
    let strips = strips_of(p.go4);
    let co_local = thread % strips;
    thread /= strips;
    let ci_tiles = (p.gi4 + LANES - 1u) / LANES;
    let ci_tile = thread % ci_tiles;
    thread /= ci_tiles;
    let group = thread % p.groups;
    thread /= p.groups;
    let tap = thread % (K * K);
    let split = thread / (K * K);
    if split >= p.splits { return; }
    let co = group * p.go4 + co_local;
    let idle = co_local >= p.go4 || co >= p.co4;
    let ci = group * p.gi4 + ci_tile * LANES + lane % LANES;
    let reads = ci < min((group + 1u) * p.gi4, p.ci4);

    // Columns of the output whose input column under this tap lies inside the image.
    let kx = i32(tap % K) - i32(p.before_x);
    let stride = i32(STRIDE);
    let ox_first = u32(max(0, (stride - 1 - kx) / stride));
    let ox_end = u32(clamp((i32(p.w) - kx + stride - 1) / stride, 0, i32(p.ow)));
    let entry = entry_of(min(ci, p.ci4 - 1u), p.ci4);
    let arriving = arriving_of(min(co, p.co4 - 1u), p.co4);
    // Of the first channel of each vec4, of the second, ...
    var sum0: array<vec4<f32>, LANES>;
    var sum1: array<vec4<f32>, LANES>;
    var sum2: array<vec4<f32>, LANES>;
    var sum3: array<vec4<f32>, LANES>;
    let row_end = min((split + 1u) * p.rows, p.n * p.oh);
    var line = line_of(split * p.rows);
    for (var row = split * p.rows; row < row_end; row++) {
        let oy = line.y;
        let image = line.x;
        line = next_line(line);
        let iy = oy * STRIDE + tap / K - p.before_y;
        if iy >= p.h { continue; }
        let x_row = i32((image * p.h + iy) * p.w) + kx;
        let factor = factor_of(image, min(ci, p.ci4 - 1u));
        // Two pixels at once: the sums are more than registers hold.
        for (var ox = ox_first; ox < ox_end; ox += 2u) {
            let source = u32(x_row + i32(ox) * stride) * p.ci4 + ci;
            let to = (row * p.ow + ox) * p.co4 + co;
            let both = ox + 1u < ox_end;
            var d0: vec4<f32>;
            var d1: vec4<f32>;
            if !idle {
                d0 = arrive(unpack4(dy[to]), to, arriving);
                if both { d1 = arrive(unpack4(dy[to + p.co4]), to + p.co4, arriving); }
            }
            var v0: vec4<f32>;
            var v1: vec4<f32>;
            if reads {
                v0 = enter(unpack4(x[source]), entry) * factor;
                if both { v1 = enter(unpack4(x[source + STRIDE * p.ci4]), entry) * factor; }
            }
            for (var j = 0u; j < LANES; j++) {
                let a0 = of_lane(v0, j, lane);
                let a1 = of_lane(v1, j, lane);
                sum0[j] += a0.x * d0 + a1.x * d1;
                sum1[j] += a0.y * d0 + a1.y * d1;
                sum2[j] += a0.z * d0 + a1.z * d1;
                sum3[j] += a0.w * d0 + a1.w * d1;
            }
        }
    }
    if idle { return; }
    let weight_row = ((p.first_split + split) * K * K + tap) * p.cin;
    for (var j = 0u; j < LANES; j++) {
        let channel = 4u * (ci_tile * LANES + j);
        let at = (weight_row + channel) * p.co4 + co;
        if channel < p.cin { partials[at] = sum0[j]; }
        if channel + 1u < p.cin { partials[at + p.co4] = sum1[j]; }
        if channel + 2u < p.cin { partials[at + 2u * p.co4] = sum2[j]; }
        if channel + 3u < p.cin { partials[at + 3u * p.co4] = sum3[j]; }
    }
}

// The same where a tap has one vec4 of input channels, as in a first layer: neighbouring threads make neighbouring taps
// and share dy. One thread one tap, one vec4 of input channels times LANES vec4s of output channels, and the image rows
// of one split. It reads one of the LANES vec4s.
@compute @workgroup_size(64)
fn conv2d_shared_grad_weight_of_taps(@builtin(workgroup_id) workgroup: vec3<u32>,
                                     @builtin(num_workgroups) workgroups: vec3<u32>,
                                     @builtin(local_invocation_index) lane: u32) {
    var thread = thread_index(workgroup, workgroups, lane);
    let taps = (K * K + LANES - 1u) / LANES * LANES;
    let tap = thread % taps;
    thread /= taps;
    let co_tiles = (p.go4 + LANES - 1u) / LANES;
    let co_tile = thread % co_tiles;
    thread /= co_tiles;
    let group = thread % p.groups;
    let split = thread / p.groups;
    if split >= p.splits { return; }
    let idle = tap >= K * K;
    let ci = group * p.gi4;
    let co = group * p.go4 + co_tile * LANES;
    let co_end = min((group + 1u) * p.go4, p.co4);
    let own = co + lane % LANES;

    let entry = entry_of(ci, p.ci4);
    let arriving = arriving_of(min(own, p.co4 - 1u), p.co4);
    // Of each vec4, what the first input channel gives, the second, ...
    var sum0: array<vec4<f32>, LANES>;
    var sum1: array<vec4<f32>, LANES>;
    var sum2: array<vec4<f32>, LANES>;
    var sum3: array<vec4<f32>, LANES>;
    let row_end = min((split + 1u) * p.rows, p.n * p.oh);
    var line = line_of(split * p.rows);
    for (var row = split * p.rows; row < row_end; row++) {
        let oy = line.y;
        let image = line.x;
        line = next_line(line);
        let iy = oy * STRIDE + tap / K - p.before_y;
        let in_image = !idle && iy < p.h;
        let x_row = (image * p.h + iy) * p.w;
        let factor = factor_of(image, ci);
        // Two pixels at once: the sums are more than registers hold.
        for (var ox = 0u; ox < p.ow; ox += 2u) {
            let to = (row * p.ow + ox) * p.co4 + own;
            let both = ox + 1u < p.ow;
            var d0: vec4<f32>;
            var d1: vec4<f32>;
            if own < co_end {
                d0 = arrive(unpack4(dy[to]), to, arriving);
                if both { d1 = arrive(unpack4(dy[to + p.co4]), to + p.co4, arriving); }
            }
            let ix = ox * STRIDE + tap % K - p.before_x;
            var v0: vec4<f32>;
            var v1: vec4<f32>;
            if in_image && ix < p.w {
                v0 = enter(unpack4(x[(x_row + ix) * p.ci4 + ci]), entry) * factor;
            }
            if in_image && both && ix + STRIDE < p.w {
                v1 = enter(unpack4(x[(x_row + ix + STRIDE) * p.ci4 + ci]), entry) * factor;
            }
            for (var j = 0u; j < LANES; j++) {
                let b0 = of_lane(d0, j, lane);
                let b1 = of_lane(d1, j, lane);
                sum0[j] += v0.x * b0 + v1.x * b1;
                if CHANNELS > 1u { sum1[j] += v0.y * b0 + v1.y * b1; }
                if CHANNELS > 2u { sum2[j] += v0.z * b0 + v1.z * b1; }
                if CHANNELS > 3u { sum3[j] += v0.w * b0 + v1.w * b1; }
            }
        }
    }
    if idle { return; }
    let weight_row = ((p.first_split + split) * K * K + tap) * p.cin;
    for (var j = 0u; j < LANES; j++) {
        if co + j < co_end {
            let at = weight_row * p.co4 + co + j;
            partials[at] = sum0[j];
            if CHANNELS > 1u { partials[at + p.co4] = sum1[j]; }
            if CHANNELS > 2u { partials[at + 2u * p.co4] = sum2[j]; }
            if CHANNELS > 3u { partials[at + 3u * p.co4] = sum3[j]; }
        }
    }
}

// The same where there are one or two vec4s of outputs: neighbouring threads make neighbouring rows of the weight and
// share dy. One thread a vec4 of input channels of a tap times COLUMNS vec4s of output channels, and the image rows of
// one split. It reads one vec4 of every four pixels.
@compute @workgroup_size(64)
fn conv2d_shared_grad_weight_of_few(@builtin(workgroup_id) workgroup: vec3<u32>,
                                    @builtin(num_workgroups) workgroups: vec3<u32>,
                                    @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    let rows = K * K * p.gi4;
    let threads = (rows + LANES - 1u) / LANES * LANES;
    let split = thread / threads;
    if split >= p.splits { return; }
    let idle = thread % threads >= rows;
    let tap = thread % threads / p.gi4;
    let ci = thread % threads % p.gi4;
    let column = min(lane % LANES / 4u, p.co4 - 1u);

    let entry = entry_of(ci, p.ci4);
    let arriving = arriving_of(column, p.co4);
    // Of each vec4 of outputs, what the first input channel gives, the second, ...
    var sum0: array<vec4<f32>, 4>;
    var sum1: array<vec4<f32>, 4>;
    let end = min((split + 1u) * p.rows, p.n * p.oh) * p.ow;
    var line = line_of(split * p.rows);
    var ox = 0u;
    for (var pixel = split * p.rows * p.ow; pixel < end; pixel += 4u) {
        let own = pixel + lane % 4u;
        var d: vec4<f32>;
        if own < end {
            let to = own * p.co4 + column;
            d = arrive(unpack4(dy[to]), to, arriving);
        }
        for (var j = 0u; j < 4u; j++) {
            let iy = line.y * STRIDE + tap / K - p.before_y;
            let ix = ox * STRIDE + tap % K - p.before_x;
            var v: vec4<f32>;
            if !idle && pixel + j < end && iy < p.h && ix < p.w {
                let source = ((line.x * p.h + iy) * p.w + ix) * p.ci4 + ci;
                v = enter(unpack4(x[source]), entry) * factor_of(line.x, ci);
            }
            let d0 = of_lane(d, j, lane);
            sum0[0] += v.x * d0;
            sum0[1] += v.y * d0;
            sum0[2] += v.z * d0;
            sum0[3] += v.w * d0;
            if COLUMNS == 2u {
                let d1 = of_lane(d, 4u + j, lane);
                sum1[0] += v.x * d1;
                sum1[1] += v.y * d1;
                sum1[2] += v.z * d1;
                sum1[3] += v.w * d1;
            }
            ox += 1u;
            if ox == p.ow {
                ox = 0u;
                line = next_line(line);
            }
        }
    }
    if idle { return; }
    let channel = 4u * ci;
    let weight_row = ((p.first_split + split) * K * K + tap) * p.cin + channel;
    for (var i = 0u; i < 4u; i++) {
        if channel + i < p.cin {
            partials[(weight_row + i) * p.co4] = sum0[i];
            if COLUMNS == 2u { partials[(weight_row + i) * p.co4 + 1u] = sum1[i]; }
        }
    }
}
