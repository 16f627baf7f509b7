// Gradient of a convolution's input where this has one vec4 of channels, as the pictures of a first layer, on software
// drivers, where loads are dear. Joined with `conv2d`, whose sizes and tensors it has, and with a text of `lanes/` that
// shares.
//
// A thread makes PATCH neighbours of a row: what it reads of dy serves all columns that the kernel takes it to. Threads
// of a subgroup make other patches, to which the same rows of the kernel reach: each reads a part of the weight for all
// and of dy what is its own, not what it shares with the next one.

const PATCH: u32 = 16u;

// Columns from where a stride begins, counted from the zeros before the image, to the image's first.
override PHASE: u32 = 0u;
// Outputs of a row whose gradients reach a patch: those before the one at its first column, all, and those that are not
// the next patch's, too.
override REACH: u32 = (K - 1u - PHASE) / STRIDE;
override REACHING: u32 = REACH + 1u + (PATCH - 1u + PHASE) / STRIDE;
override OWN: u32 = PATCH / STRIDE;

var<private> patch_sums: array<vec4<f32>, PATCH>;
// Room for a kernel of 7 and a stride of one.
var<private> patch_read: array<vec4<f32>, 22>;
// Every eighth of the rows of the weight that one row of the kernel has.
var<private> row_weights: array<vec4<f32>, 4>;

// One thread PATCH pixels of a row, from row to row, again and again. Whole subgroups go on or leave.
@compute @workgroup_size(64)
fn conv2d_first_grad_input(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                           @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    let first = thread - lane % LANES;
    if first >= p.step { return; }
    let ending = ending_of(0u, p.ci4);
    for (var i = first; i < p.all; i += p.step) { gradient_patch(i + lane % LANES, thread, lane, ending); }
    if thread < p.step { leave_gradient(0u, p.first_split + thread, 0u, p.ci4, ending); }
}

// Whether so many threads further on there is one that makes a patch of these.
fn is_made(place: u32, thread: u32, further: u32) -> bool {
    return thread + further < p.step && place + further < p.all;
}

fn gradient_patch(place: u32, thread: u32, lane: u32, ending: Ending) {
    let strips = (p.w + PATCH - 1u) / PATCH;
    let pieces = (p.h + p.rows - 1u) / p.rows;
    let ix = place % strips * PATCH;
    let first = place / strips % pieces * p.rows;
    let image = place / (strips * pieces);
    let made = is_made(place, thread, 0u) && image < p.n;
    let neighbours = lane % LANES + 1u < LANES && place % strips + 1u < strips && is_made(place, thread, 1u);
    // Left of the outputs it wraps, as do rows above them.
    let ox = (ix + p.before_x) / STRIDE - REACH;
    for (var row = 0u; row < p.rows; row++) {
        for (var i = 0u; i < PATCH; i++) { patch_sums[i] = vec4(0.0); }
        // One loop over the kernel's rows and the channels: of two, compilers copy the inner one.
        var ky = (row + p.before_y) % STRIDE;
        var co = 0u;
        while ky < K {
            let oy = (first + row + p.before_y) / STRIDE - ky / STRIDE;
            read_row((image * p.oh + oy) * p.ow, ox, co, made && oy < p.oh, neighbours, lane);
            hold_row(ky * K * CHANNELS, co, lane);
            add_kernel_row(lane);
            co += 1u;
            if co == p.go4 {
                co = 0u;
                ky += STRIDE;
            }
        }
        let iy = first + row;
        if made && iy < p.h { end_patch((image * p.h + iy) * p.w, ix, ending); }
    }
}

// Reads the vec4 `co` of the row of outputs that begins at pixel `line`, from column `ox` on.
fn read_row(line: u32, ox: u32, co: u32, there: bool, neighbours: bool, lane: u32) {
    let arriving = arriving_of(co, p.co4);
    for (var i = 0u; i < OWN; i++) { patch_read[i] = gradient_at(line, ox + i, co, there, arriving); }
    for (var i = OWN; i < REACHING; i++) {
        patch_read[i] = of_lane(patch_read[i - OWN], (lane + 1u) % LANES, lane);
        if !neighbours { patch_read[i] = gradient_at(line, ox + i, co, there, arriving); }
    }
}

// Takes a thread's part of the weight's rows from `first` on, for the output vec4 `co`.
fn hold_row(first: u32, co: u32, lane: u32) {
    hold_part(0u, first, co, lane);
    if K * CHANNELS > LANES { hold_part(1u, first, co, lane); }
    if K * CHANNELS > 2u * LANES { hold_part(2u, first, co, lane); }
    if K * CHANNELS > 3u * LANES { hold_part(3u, first, co, lane); }
}

fn hold_part(i: u32, first: u32, co: u32, lane: u32) {
    let row = i * LANES + lane % LANES;
    if row < K * CHANNELS { row_weights[i] = weight_[(first + row) * p.co4 + co]; }
}

// Written out for compilers that keep what they index by a number known late in memory.
fn add_kernel_row(lane: u32) {
    add_kernel_column(0u, lane);
    add_kernel_column(1u, lane);
    add_kernel_column(2u, lane);
    if K > 3u { add_kernel_column(3u, lane); }
    if K > 4u { add_kernel_column(4u, lane); }
    if K > 5u { add_kernel_column(5u, lane); }
    if K > 6u { add_kernel_column(6u, lane); }
}

fn add_kernel_column(kx: u32, lane: u32) {
    let w0 = weight_of(kx, 0u, lane);
    let w1 = weight_of(kx, 1u, lane);
    let w2 = weight_of(kx, 2u, lane);
    let w3 = weight_of(kx, 3u, lane);
    for (var i = (kx + STRIDE - PHASE) % STRIDE; i < PATCH; i += STRIDE) {
        let v = patch_read[(i + PHASE + REACH * STRIDE - kx) / STRIDE];
        patch_sums[i].x += dot(v, w0);
        if CHANNELS > 1u { patch_sums[i].y += dot(v, w1); }
        if CHANNELS > 2u { patch_sums[i].z += dot(v, w2); }
        if CHANNELS > 3u { patch_sums[i].w += dot(v, w3); }
    }
}

fn weight_of(kx: u32, channel: u32, lane: u32) -> vec4<f32> {
    if channel >= CHANNELS { return vec4(0.0); }
    let row = kx * CHANNELS + channel;
    return of_lane(row_weights[row / LANES], row % LANES, lane);
}

// Stores the sums of a row that begins at pixel `line`, from its column `first` on.
fn end_patch(line: u32, first: u32, ending: Ending) {
    // They move up past one text that ends them: drivers take long over 16 copies of it.
    for (var column = first; column < min(first + PATCH, p.w); column++) {
        let to = (line + column) * p.ci4;
        let made = end_gradient(add_to(keep_lanes(patch_sums[0], 0u, p.channels), to), to, ending);
        dx[to] = pack4(made.stored);
        sum_up(0u, made);
        for (var i = 1u; i < PATCH; i++) { patch_sums[i - 1u] = patch_sums[i]; }
    }
}
