// Gradient of a convolution's weight where threads share nothing: x, dy, partial sums
// [splits][K, K, CIN / GROUPS, COUT]. Joined with `conv2d`, whose constants, sizes and tensors it has.

// One thread one tap, INPUTS vec4s of input channels times COLUMNS vec4s of output channels, and the image rows of one
// split.
@compute @workgroup_size(64)
fn conv2d_grad_weight(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32) {
    var thread = thread_index(workgroup, workgroups, lane);
    let co_tiles = (p.go4 + COLUMNS - 1u) / COLUMNS;
    let ci_tiles = (p.gi4 + INPUTS - 1u) / INPUTS;
    let co_tile = thread % co_tiles;
    thread /= co_tiles;
    let ci_tile = thread % ci_tiles;
    thread /= ci_tiles;
    let group = thread % p.groups;
    thread /= p.groups;
    let tap = thread % (K * K);
    let split = thread / (K * K);
    let co = group * p.go4 + co_tile * COLUMNS;
    let co_end = min((group + 1u) * p.go4, p.co4);
    let ci = group * p.gi4 + ci_tile * INPUTS;
    let ci_end = min((group + 1u) * p.gi4, p.ci4);
    if split >= p.splits || co >= co_end || ci >= ci_end { return; }
    let second_co = min(co + 1u, co_end - 1u);
    let second_ci = min(ci + 1u, ci_end - 1u);

    // Columns of the output whose input column under this tap lies inside the image.
    let kx = i32(tap % K) - i32(p.before_x);
    let stride = i32(STRIDE);
    let ox_first = u32(max(0, (stride - 1 - kx) / stride));
    let ox_end = u32(clamp((i32(p.w) - kx + stride - 1) / stride, 0, i32(p.ow)));
    let entry0 = entry_of(ci, p.ci4);
    let entry1 = entry_of(second_ci, p.ci4);
    let arriving0 = arriving_of(co, p.co4);
    let arriving1 = arriving_of(second_co, p.co4);
    var sum0: array<vec4<f32>, 8>;
    var sum1: array<vec4<f32>, 8>;
    let row_end = min((split + 1u) * p.rows, p.n * p.oh);
    var line = line_of(split * p.rows);
    for (var row = split * p.rows; row < row_end; row++) {
        let oy = line.y;
        let image = line.x;
        line = next_line(line);
        let iy = oy * STRIDE + tap / K - p.before_y;
        if iy >= p.h { continue; }
        let x_row = i32((image * p.h + iy) * p.w) + kx;
        let factor0 = factor_of(image, ci);
        let factor1 = factor_of(image, second_ci);
        for (var ox = ox_first; ox < ox_end; ox++) {
            let source = u32(x_row + i32(ox) * stride) * p.ci4;
            let to = (row * p.ow + ox) * p.co4;
            let d0 = arrive(unpack4(dy[to + co]), to + co, arriving0);
            let v0 = enter(unpack4(x[source + ci]), entry0) * factor0;
            sum0[0] += v0.x * d0;
            sum0[1] += v0.y * d0;
            sum0[2] += v0.z * d0;
            sum0[3] += v0.w * d0;
            var d1: vec4<f32>;
            if COLUMNS == 2u {
                d1 = arrive(unpack4(dy[to + second_co]), to + second_co, arriving1);
                sum1[0] += v0.x * d1;
                sum1[1] += v0.y * d1;
                sum1[2] += v0.z * d1;
                sum1[3] += v0.w * d1;
            }
            if INPUTS == 2u {
                let v1 = enter(unpack4(x[source + second_ci]), entry1) * factor1;
                sum0[4] += v1.x * d0;
                sum0[5] += v1.y * d0;
                sum0[6] += v1.z * d0;
                sum0[7] += v1.w * d0;
                if COLUMNS == 2u {
                    sum1[4] += v1.x * d1;
                    sum1[5] += v1.y * d1;
                    sum1[6] += v1.z * d1;
                    sum1[7] += v1.w * d1;
                }
            }
        }
    }
    let channel = 4u * ci_tile * INPUTS;
    let weight_row = ((p.first_split + split) * K * K + tap) * p.cin + channel;
    for (var i = 0u; i < 4u * INPUTS; i++) {
        if channel + i < p.cin {
            partials[(weight_row + i) * p.co4 + co] = sum0[i];
            if COLUMNS == 2u && co + 1u < co_end { partials[(weight_row + i) * p.co4 + co + 1u] = sum1[i]; }
        }
    }
}
