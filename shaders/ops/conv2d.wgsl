// 2-D convolution, dense or in groups of a multiple of four channels, as a matrix product that is never written out.
//   x [N, H, W, CIN]   weight [K, K, CIN / GROUPS, COUT]   y [N, OH, OW, COUT]
//
// The blocked variant: a thread makes ROWS pixels times COLUMNS * 4 channels in registers, which suits narrow groups
// everywhere. LANES threads of a subgroup make the same pixels of neighbouring channels and read a part of them each:
// one, which shares nothing, or on software drivers all. Where there are but one or two vec4s of channels, SHARERS
// threads make all of them, of pixels of their own, and read a part of the weight each. `conv2d_tiled` is the one for
// wide layers on a GPU.
// Joined with three texts of `prologue/`, which find x in what is stored, scale it, and find dy, three of `epilogue/`,
// which finish y, add to dx and finish that, one of `epilogue/strip_...`, which says what a thread leaves besides, one
// of `rows/`, which has ROWS, and one of `lanes/`, which has LANES and what these share. Who shares skips loads of what
// is not there: a short way on software drivers.

override K: u32 = 1u;
override STRIDE: u32 = 1u;
// Channels of the first vec4 of a group's input, 1 to 4: nothing is spent on those that are not there.
override CHANNELS: u32 = 4u;
// vec4s of channels that a thread makes, 1 or 2.
override COLUMNS: u32 = 2u;
// vec4s of input channels that a thread of the weight's gradient makes, 1 or 2.
override INPUTS: u32 = 2u;

struct Params {
    n: u32, h: u32, w: u32, oh: u32, ow: u32,
    // vec4s of a pixel, in and out; channels of the whole input.
    ci4: u32, co4: u32, channels: u32,
    // Of one group: channels in, vec4s in, vec4s out.
    cin: u32, gi4: u32, go4: u32, groups: u32,
    // Zeros above and left of the image.
    before_y: u32, before_x: u32,
    // Channels of the whole output.
    cout: u32,
    // Of the weight's gradient: image rows a split, splits, and the first split's place among the partial sums.
    rows: u32, splits: u32, first_split: u32,
    // Of y: pixels beyond which no thread reaches, all or those of an image; the first image's place in its batch.
    unit: u32, first_image: u32,
    // Of the blocked kernels: pieces, and how many of them apart those of a thread are; all of a thread are of the same
    // channels.
    all: u32, step: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Out4>;

// Pixels that a thread reads itself.
const READS: u32 = ROWS / LANES;
// Sums that move up one by one as they are finished.
const MOVED: u32 = min(ROWS, 8u);

// Strips of `c4` vec4s of channels, of which LANES neighbours make the same pixels.
fn strips_of(c4: u32) -> u32 {
    return ((c4 + COLUMNS - 1u) / COLUMNS + LANES - 1u) / LANES * LANES;
}

// One thread ROWS output pixels times COLUMNS vec4s of output channels, again and again; neighbouring threads
// neighbouring channels.
@compute @workgroup_size(64)
fn conv2d(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
          @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    // Those that share the weight go on or leave together, with a piece beyond the last where they have none.
    let ahead = lane % SHARERS;
    if thread - ahead >= p.step { return; }
    let strips = strips_of(p.go4);
    let column = thread % (strips * p.groups);
    for (var i = thread; i < p.all + ahead; i += p.step) {
        let piece = select(p.all, i, thread < p.step);
        block(piece / (strips * p.groups), column / strips, column % strips * COLUMNS, lane);
    }
    let local = column % strips * COLUMNS;
    let c = column / strips * p.go4 + local;
    if SHARERS > 1u && thread >= p.step { return; }
    let row = p.first_split + thread / (strips * p.groups);
    if local < p.go4 && c < p.co4 { leave(0u, row, c, p.co4); }
    if COLUMNS == 2u && local + 1u < p.go4 && c + 1u < p.co4 { leave(1u, row, c + 1u, p.co4); }
}

// The pixels of a place, the vec4s of channels from `local` on of a group.
fn block(place: u32, group: u32, local: u32, lane: u32) {
    let places = (p.unit + ROWS - 1u) / ROWS;
    let first = place / places * p.unit + place % places * ROWS;
    let none = first >= p.n * p.oh * p.ow;
    if SHARERS == 1u && none { return; }
    let pixels = select((place / places + 1u) * p.unit, 0u, none);
    let co = group * p.go4 + local;
    // The last group may be cut short by the number of channels.
    let co_end = min((group + 1u) * p.go4, p.co4);
    // Who makes no channels reads pixels all the same, for its neighbours.
    let idle = co >= co_end;
    if LANES == 1u && idle { return; }
    let second = min(co + 1u, co_end - 1u);
    let ci = group * p.gi4;
    let gi4 = min(p.gi4, p.ci4 - ci);
    // Where images have factors, a place is of one image.
    let factored = min(first / (p.ow * p.oh), p.n - 1u);

    // Divided once and counted on: divisions are dear.
    let own = first + lane % LANES;
    let of_image = own / (p.ow * p.oh);
    var oy = own / p.ow - of_image * p.oh;
    var ox = own % p.ow;
    var line = of_image * p.h;
    var image: array<u32, READS>;
    var top: array<u32, READS>;
    var left: array<u32, READS>;
    for (var i = 0u; i < READS; i++) {
        image[i] = line;
        top[i] = oy * STRIDE - p.before_y;
        left[i] = select(p.w, ox * STRIDE - p.before_x, own + i * LANES < pixels);
        for (var j = 0u; j < LANES; j++) {
            ox += 1u;
            let next_row = ox == p.ow;
            ox = select(ox, 0u, next_row);
            oy += u32(next_row);
            let next_image = oy == p.oh;
            oy = select(oy, 0u, next_image);
            line += select(0u, p.h, next_image);
        }
    }
    var sum0: array<vec4<f32>, ROWS>;
    var sum1: array<vec4<f32>, ROWS>;
    for (var tap = 0u; tap < K * K; tap++) {
        var at: array<u32, READS>;
        var inside: array<bool, READS>;
        for (var i = 0u; i < READS; i++) {
            // Above or left of the image wraps to a huge number, so one comparison checks both sides.
            let iy = top[i] + tap / K;
            let ix = left[i] + tap % K;
            inside[i] = iy < p.h && ix < p.w;
            at[i] = select(0u, ((image[i] + iy) * p.w + ix) * p.ci4 + ci, inside[i]);
        }
        for (var c = 0u; c < gi4; c++) {
            // Beyond the last channel x is zero: any row of the weight will do.
            let row = tap * p.cin;
            let row0 = (row + 4u * c) * p.co4;
            let row1 = (row + min(4u * c + 1u, p.cin - 1u)) * p.co4;
            let row2 = (row + min(4u * c + 2u, p.cin - 1u)) * p.co4;
            let row3 = (row + min(4u * c + 3u, p.cin - 1u)) * p.co4;
            // The same for all pixels of the thread, so it goes to the weights.
            let factor = factor_of(factored, ci + c);
            let entry = entry_of(ci + c, p.ci4);
            var a0: vec4<f32>;
            var a1: vec4<f32>;
            var a2: vec4<f32>;
            var a3: vec4<f32>;
            var b0: vec4<f32>;
            var b1: vec4<f32>;
            var b2: vec4<f32>;
            var b3: vec4<f32>;
            if SHARERS > 1u {
                let own = min(4u * c + lane % 4u, p.cin - 1u);
                let read = weight[(row + own) * p.co4 + select(co, second, lane % SHARERS > 3u)];
                a0 = of_sharer(read, 0u) * factor.x;
                a1 = of_sharer(read, 1u) * factor.y;
                a2 = of_sharer(read, 2u) * factor.z;
                a3 = of_sharer(read, 3u) * factor.w;
                b0 = of_sharer(read, 4u) * factor.x;
                b1 = of_sharer(read, 5u) * factor.y;
                b2 = of_sharer(read, 6u) * factor.z;
                b3 = of_sharer(read, 7u) * factor.w;
            } else if LANES == 1u || !idle {
                a0 = weight[row0 + co] * factor.x;
                if CHANNELS > 1u { a1 = weight[row1 + co] * factor.y; }
                if CHANNELS > 2u { a2 = weight[row2 + co] * factor.z; }
                if CHANNELS > 3u { a3 = weight[row3 + co] * factor.w; }
            }
            if SHARERS == 1u && COLUMNS == 2u {
                b0 = weight[row0 + second] * factor.x;
                if CHANNELS > 1u { b1 = weight[row1 + second] * factor.y; }
                if CHANNELS > 2u { b2 = weight[row2 + second] * factor.z; }
                if CHANNELS > 3u { b3 = weight[row3 + second] * factor.w; }
            }
            var read: vec4<f32>;
            for (var r = 0u; r < ROWS; r++) {
                let i = r / LANES;
                if r % LANES == 0u {
                    read = vec4(0.0);
                    if LANES == 1u || inside[i] { read = enter(unpack4(x[at[i] + c]), entry); }
                    read = select(vec4(0.0), read, inside[i]);
                }
                let v = of_lane(read, r % LANES, lane);
                sum0[r] += of_channels(v, a0, a1, a2, a3);
                if COLUMNS == 2u { sum1[r] += of_channels(v, b0, b1, b2, b3); }
            }
        }
    }
    if idle { return; }
    // The sums move up past one text that finishes them: drivers take long over eight copies of it.
    for (var moved = first; moved < min(first + ROWS, pixels); moved += MOVED) {
        for (var pixel = moved; pixel < min(moved + MOVED, pixels); pixel++) {
            let to = pixel * p.co4 + co;
            let stored = pack_out(finish(sum0[0], to, co, p.cout));
            y[to] = stored;
            measure(0u, unpack_out(stored));
            if COLUMNS == 2u && co + 1u < co_end {
                let second_stored = pack_out(finish(sum1[0], to + 1u, co + 1u, p.cout));
                y[to + 1u] = second_stored;
                measure(1u, unpack_out(second_stored));
            }
            for (var r = 1u; r < MOVED; r++) {
                sum0[r - 1u] = sum0[r];
                sum1[r - 1u] = sum1[r];
            }
        }
        for (var r = MOVED; r < ROWS; r++) {
            sum0[r - MOVED] = sum0[r];
            sum1[r - MOVED] = sum1[r];
        }
    }
}

// What a vec4 of input channels makes by its rows of the weight.
fn of_channels(v: vec4<f32>, a0: vec4<f32>, a1: vec4<f32>, a2: vec4<f32>, a3: vec4<f32>) -> vec4<f32> {
    var sum = v.x * a0;
    if CHANNELS > 1u { sum += v.y * a1; }
    if CHANNELS > 2u { sum += v.z * a2; }
    if CHANNELS > 3u { sum += v.w * a3; }
    return sum;
}

// Gradient of the input: weight, dy, dx. One thread ROWS input pixels times COLUMNS vec4s of input channels.
//
// With a stride, a tap carries an output pixel to every STRIDE-th input pixel only. So the pixels are counted by phase:
// first those at multiples of STRIDE, then those one column on, ..., and a thread skips what does not reach its phase.
@group(0) @binding(0) var<storage, read> weight_: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<Act4>;
@group(0) @binding(2) var<storage, read_write> dx: array<Act4>;

@compute @workgroup_size(64)
fn conv2d_grad_input(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                     @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    let ahead = lane % SHARERS;
    if thread - ahead >= p.step { return; }
    let strips = strips_of(p.gi4);
    let column = thread % (strips * p.groups);
    let group = column / strips;
    let local = column % strips * COLUMNS;
    let ci = group * p.gi4 + local;
    let second = min(ci + 1u, p.ci4 - 1u);
    let ending0 = ending_of(min(ci, p.ci4 - 1u), p.ci4);
    let ending1 = ending_of(second, p.ci4);
    for (var i = thread; i < p.all + ahead; i += p.step) {
        let piece = select(p.all, i, thread < p.step);
        gradient_block(piece / (strips * p.groups) * ROWS, group, local, lane, ending0, ending1);
    }
    if SHARERS > 1u && thread >= p.step { return; }
    let row = p.first_split + thread / (strips * p.groups);
    if local < p.gi4 && ci < p.ci4 { leave_gradient(0u, row, ci, p.ci4, ending0); }
    if COLUMNS == 2u && local + 1u < p.gi4 && ci + 1u < p.ci4 { leave_gradient(1u, row, second, p.ci4, ending1); }
}

// The input pixels from `first` on, the vec4s of channels from `local` on of a group.
fn gradient_block(first: u32, group: u32, local: u32, lane: u32, ending0: Ending, ending1: Ending) {
    if SHARERS == 1u && first >= phased_pixels() { return; }
    let ci = group * p.gi4 + local;
    let ci_end = min((group + 1u) * p.gi4, p.ci4);
    let idle = ci >= ci_end;
    if LANES == 1u && idle { return; }
    let co = group * p.go4;
    let go4 = min(p.go4, p.co4 - co);

    var at_pixel: array<vec3<u32>, READS>;
    var place = phased_place(first + lane % LANES);
    for (var i = 0u; i < READS; i++) {
        at_pixel[i] = pixel_at(place);
        for (var j = 0u; j < LANES; j++) { place = next_place(place); }
    }
    var sum0: array<vec4<f32>, ROWS>;
    var sum1: array<vec4<f32>, ROWS>;
    for (var tap = 0u; tap < K * K + MORE; tap++) {
        let beside = MORE == 1u && tap == K * K;
        var at: array<u32, READS>;
        var inside: array<bool, READS>;
        var any_inside = false;
        for (var i = 0u; i < READS; i++) {
            // The output pixel that this tap carries to this input pixel; left of the first one wraps.
            let ty = at_pixel[i].y + p.before_y - tap / K;
            let tx = at_pixel[i].x + p.before_x - tap % K;
            let oy = ty / STRIDE;
            let ox = tx / STRIDE;
            inside[i] = at_pixel[i].z < p.n && oy * STRIDE == ty && ox * STRIDE == tx && oy < p.oh && ox < p.ow;
            at[i] = ((at_pixel[i].z * p.oh + oy) * p.ow + ox) * p.co4 + co;
            if beside {
                inside[i] = at_pixel[i].z < p.n && at_pixel[i].y < p.h && at_pixel[i].x < p.w;
                at[i] = ((at_pixel[i].z * p.h + at_pixel[i].y) * p.w + at_pixel[i].x) * p.ci4;
            }
            at[i] = select(0u, at[i], inside[i]);
            any_inside = any_inside || inside[i];
        }
        if !any_lane(any_inside) { continue; }
        // The weight's rows of these input channels; those beyond the last are masked below.
        let depth = select(go4, p.gi4, beside);
        let length = select(p.co4, p.ci4, beside);
        let row = select(tap * p.cin, 0u, beside);
        let before = select(co, 0u, beside);
        let row0 = (row + min(4u * local, p.cin - 1u)) * length + before;
        let row1 = (row + min(4u * local + 1u, p.cin - 1u)) * length + before;
        let row2 = (row + min(4u * local + 2u, p.cin - 1u)) * length + before;
        let row3 = (row + min(4u * local + 3u, p.cin - 1u)) * length + before;
        let row4 = (row + min(4u * local + 4u, p.cin - 1u)) * length + before;
        let row5 = (row + min(4u * local + 5u, p.cin - 1u)) * length + before;
        let row6 = (row + min(4u * local + 6u, p.cin - 1u)) * length + before;
        let row7 = (row + min(4u * local + 7u, p.cin - 1u)) * length + before;
        for (var c = 0u; c < depth; c++) {
            let arriving = arriving_of(min(co + c, p.co4 - 1u), p.co4);
            var a0: vec4<f32>;
            var a1: vec4<f32>;
            var a2: vec4<f32>;
            var a3: vec4<f32>;
            var b0: vec4<f32>;
            var b1: vec4<f32>;
            var b2: vec4<f32>;
            var b3: vec4<f32>;
            if SHARERS > 1u {
                let own = min(4u * local + lane % SHARERS, p.cin - 1u);
                let read = gradient_weight((row + own) * length + before + c, beside);
                a0 = of_sharer(read, 0u);
                a1 = of_sharer(read, 1u);
                a2 = of_sharer(read, 2u);
                a3 = of_sharer(read, 3u);
                b0 = of_sharer(read, 4u);
                b1 = of_sharer(read, 5u);
                b2 = of_sharer(read, 6u);
                b3 = of_sharer(read, 7u);
            } else if LANES == 1u || !idle {
                a0 = gradient_weight(row0 + c, beside);
                a1 = gradient_weight(row1 + c, beside);
                a2 = gradient_weight(row2 + c, beside);
                a3 = gradient_weight(row3 + c, beside);
            }
            if SHARERS == 1u && COLUMNS == 2u {
                b0 = gradient_weight(row4 + c, beside);
                b1 = gradient_weight(row5 + c, beside);
                b2 = gradient_weight(row6 + c, beside);
                b3 = gradient_weight(row7 + c, beside);
            }
            var read: vec4<f32>;
            for (var r = 0u; r < ROWS; r++) {
                let i = r / LANES;
                if r % LANES == 0u {
                    read = vec4(0.0);
                    if LANES == 1u || inside[i] {
                        if beside {
                            read = beside_at(at[i] + c, at_pixel[i].z, c);
                        } else {
                            read = arrive(unpack4(dy[at[i] + c]), at[i] + c, arriving);
                        }
                    }
                    read = select(vec4(0.0), read, inside[i]);
                }
                let v = of_lane(read, r % LANES, lane);
                sum0[r] += vec4(dot(v, a0), dot(v, a1), dot(v, a2), dot(v, a3));
                if COLUMNS == 2u {
                    sum1[r] += vec4(dot(v, b0), dot(v, b1), dot(v, b2), dot(v, b3));
                }
            }
        }
    }
    if idle { return; }
    place = phased_place(first);
    for (var moved = first; moved < min(first + ROWS, phased_pixels()); moved += MOVED) {
        for (var row = moved; row < min(moved + MOVED, phased_pixels()); row++) {
            let made = pixel_at(place);
            if made.y < p.h && made.x < p.w {
                let pixel = ((made.z * p.h + made.y) * p.w + made.x) * p.ci4;
                let to = pixel + ci;
                let made = end_gradient(add_to(keep_lanes(sum0[0] + beside_row(ci), ci, p.channels), to), to, ending0);
                dx[to] = pack4(made.stored);
                sum_up(0u, made);
                if COLUMNS == 2u && ci + 1u < ci_end {
                    let sum = keep_lanes(sum1[0] + beside_row(ci + 1u), ci + 1u, p.channels);
                    let gradient = add_to(sum, to + 1u);
                    let second = end_gradient(gradient, to + 1u, ending1);
                    dx[to + 1u] = pack4(second.stored);
                    sum_up(1u, second);
                }
            }
            place = next_place(place);
            for (var r = 1u; r < MOVED; r++) {
                sum0[r - 1u] = sum0[r];
                sum1[r - 1u] = sum1[r];
            }
        }
        for (var r = MOVED; r < ROWS; r++) {
            sum0[r - MOVED] = sum0[r];
            sum1[r - MOVED] = sum1[r];
        }
    }
}

// The vec4 `c` of the gradient at a place of a row of outputs that begins at pixel `line`; zero where it is not there.
fn gradient_at(line: u32, ox: u32, c: u32, there: bool, arriving: Arriving) -> vec4<f32> {
    let inside = there && ox < p.ow;
    let at = select(0u, (line + ox) * p.co4 + c, inside);
    return select(vec4(0.0), arrive(unpack4(dy[at]), at, arriving), inside);
}

// A row of the weight, or of the one of the product beside, which comes behind the taps.
fn gradient_weight(at: u32, beside: bool) -> vec4<f32> {
    if MORE == 1u && beside { return beside_weight(at); }
    return weight_[at];
}

// Input pixels, with those that would fill up the last STRIDE rows and columns.
fn phased_pixels() -> u32 {
    let h = (p.h + STRIDE - 1u) / STRIDE;
    let w = (p.w + STRIDE - 1u) / STRIDE;
    return p.n * h * w * STRIDE * STRIDE;
}

// One of them: column and row in strides, image, phase.
fn phased_place(i: u32) -> vec4<u32> {
    let h = (p.h + STRIDE - 1u) / STRIDE;
    let w = (p.w + STRIDE - 1u) / STRIDE;
    return vec4(i % w, i / w % h, i / (h * w) % p.n, i / (p.n * h * w));
}

// The place after that, counted on because divisions are dear.
fn next_place(place: vec4<u32>) -> vec4<u32> {
    var next = place + vec4(1u, 0u, 0u, 0u);
    if next.x * STRIDE >= p.w { next = vec4(0u, next.y + 1u, next.zw); }
    if next.y * STRIDE >= p.h { next = vec4(next.x, 0u, next.z + 1u, next.w); }
    if next.z == p.n { next = vec4(next.xy, 0u, next.w + 1u); }
    return next;
}

// Its column, row and image; beyond the last, an image that is not there.
fn pixel_at(place: vec4<u32>) -> vec3<u32> {
    let corner = place.xy * STRIDE + vec2(place.w % STRIDE, place.w / STRIDE);
    return vec3(corner, select(p.n, place.z, place.w < STRIDE * STRIDE));
}

fn phased_pixel(i: u32) -> vec3<u32> {
    return pixel_at(phased_place(i));
}

// Where the weight's gradient goes, which other texts make: partial sums [splits][K, K, CIN / GROUPS, COUT].
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;

// An image and a row of it, of those of all outputs.
fn line_of(row: u32) -> vec2<u32> {
    return vec2(row / p.oh, row % p.oh);
}

// The row after that, counted on because divisions are dear.
fn next_line(line: vec2<u32>) -> vec2<u32> {
    let ends = line.y + 1u == p.oh;
    return vec2(line.x + u32(ends), select(line.y + 1u, 0u, ends));
}
