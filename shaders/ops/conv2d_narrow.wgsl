// Convolutions of 3 x 3 in groups of one or two vec4s of channels, on software drivers, where loads are dear. Joined
// with `conv2d`, whose sizes and tensors these have.
//
// A thread holds the weights of its channels and goes down the image with them, four columns wide: what it reads of a
// row serves all rows and columns that the kernel takes it to.

// Columns of a strip, and the kernel's side.
const STRIP: u32 = 4u;
const SIDE: u32 = 3u;

// vec4s of channels that are read of a pixel, 1 or 2.
override DEPTH: u32 = 2u;

// Strides that the kernel reaches beyond its first.
override REACH: u32 = (SIDE - 1u) / STRIDE;

// The weights, by vec4 that is made, tap, vec4 that is read, and channel of this one, or, for gradients, of that one.
var<private> held_taps: array<vec4<f32>, 144>;
const HELD: u32 = 72u;
// Three rows of sums, which move up, of the first vec4 and of the second.
var<private> made_rows: array<vec4<f32>, 24>;
const MADE: u32 = SIDE * STRIP;
// Neighbours of the row that is read, for the first vec4 and the second.
var<private> read_row: array<vec4<f32>, 18>;
const READ: u32 = 9u;

fn clear() {
    for (var i = 0u; i < COLUMNS * MADE; i++) { made_rows[i] = vec4(0.0); }
}

fn move_down() {
    for (var i = 0u; i < MADE; i++) {
        let last = i >= MADE - STRIP;
        made_rows[i] = select(made_rows[(i + STRIP) % MADE], vec4(0.0), last);
        if COLUMNS == 2u { made_rows[MADE + i] = select(made_rows[MADE + (i + STRIP) % MADE], vec4(0.0), last); }
    }
}

// The vec4 of channels from 4 * c on at a place of a row that begins at pixel `line`; zero where it is not there.
fn input_at(line: u32, ix: u32, c: u32, there: bool, entry: Entry, factor: vec4<f32>) -> vec4<f32> {
    let inside = there && ix < p.w;
    let at = select(0u, (line + ix) * p.ci4 + c, inside);
    return select(vec4(0.0), enter(unpack4(x[at]), entry) * factor, inside);
}

// Takes those of the output vec4 `co`. The loop's end is a number known late, so that compilers keep what it fills in
// memory: registers are too few, and to find that out takes them several times as long.
fn hold_taps(column: u32, co: u32) {
    for (var i = 0u; i < 4u * SIDE * SIDE * p.gi4; i++) {
        let row = i / (4u * DEPTH) * p.cin + min(i % (4u * DEPTH), p.cin - 1u);
        held_taps[column * HELD + i] = weight[row * p.co4 + co];
    }
}

// Adds the row that was read to a row of sums, by the kernel's row `ky`. Written out for compilers that keep what they
// index by a number known late in memory.
fn add_row(made: u32, ky: u32) {
    add_column(made, ky, 0u, 0u);
    add_column(made, ky, 1u, 0u);
    add_column(made, ky, 2u, 0u);
    if DEPTH == 2u {
        add_column(made, ky, 0u, 1u);
        add_column(made, ky, 1u, 1u);
        add_column(made, ky, 2u, 1u);
    }
}

fn add_column(made: u32, ky: u32, kx: u32, depth: u32) {
    let at = 4u * ((ky * SIDE + kx) * DEPTH + depth);
    for (var i = 0u; i < STRIP; i++) {
        let v = read_row[depth * READ + i * STRIDE + kx];
        made_rows[made * STRIP + i] += by_taps(v, at);
        if COLUMNS == 2u { made_rows[MADE + made * STRIP + i] += by_taps(v, HELD + at); }
    }
}

fn by_taps(v: vec4<f32>, at: u32) -> vec4<f32> {
    return v.x * held_taps[at] + v.y * held_taps[at + 1u] + v.z * held_taps[at + 2u] + v.w * held_taps[at + 3u];
}

// One thread STRIP columns of COLUMNS vec4s of output channels, from row to row, again and again; neighbouring threads
// neighbouring channels.
@compute @workgroup_size(64)
fn conv2d_narrow(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    if thread >= p.step { return; }
    let each = (p.go4 + COLUMNS - 1u) / COLUMNS;
    let across = each * p.groups;
    let group = thread % across / each;
    let co = group * p.go4 + thread % each * COLUMNS;
    // The last group may be cut short by the number of channels.
    let co_end = min((group + 1u) * p.go4, p.co4);
    if co >= co_end { return; }
    let second = min(co + 1u, co_end - 1u);
    hold_taps(0u, co);
    if COLUMNS == 2u { hold_taps(1u, second); }
    for (var i = thread; i < p.all; i += p.step) { narrow_strip(i / across, group, co, second); }
    let row = p.first_split + thread / across;
    leave(0u, row, co, p.co4);
    if COLUMNS == 2u && second != co { leave(1u, row, second, p.co4); }
}

// What a strip reads: of an image, columns from `left` on, wrapped where they are left of it, and vec4s from `c` on.
struct Read { image: u32, left: u32, c: u32 }

// Whether the row is in the image: those above it wrap.
fn read_inputs(source: Read, iy: u32) -> bool {
    if iy >= p.h { return false; }
    let line = (source.image * p.h + iy) * p.w;
    let second = min(source.c + 1u, p.ci4 - 1u);
    let entry0 = entry_of(source.c, p.ci4);
    let entry1 = entry_of(second, p.ci4);
    let factor0 = factor_of(source.image, source.c);
    let factor1 = factor_of(source.image, second);
    for (var i = 0u; i < (STRIP - 1u) * STRIDE + SIDE; i++) {
        read_row[i] = input_at(line, source.left + i, source.c, true, entry0, factor0);
        if DEPTH == 2u {
            read_row[READ + i] = input_at(line, source.left + i, second, second != source.c, entry1, factor1);
        }
    }
    return true;
}

// Makes the pixels of a place, of `co` and `second`.
fn narrow_strip(place: u32, group: u32, co: u32, second: u32) {
    let strips = (p.ow + STRIP - 1u) / STRIP;
    let pieces = (p.oh + p.rows - 1u) / p.rows;
    let ox = place % strips * STRIP;
    let first = place / strips % pieces * p.rows;
    let last = min(first + p.rows, p.oh);
    let image = place / (strips * pieces);
    if image >= p.n { return; }
    let read = Read(image, ox * STRIDE - p.before_x, group * p.gi4);
    clear();
    for (var oy = first; oy < last + REACH; oy++) {
        let iy = oy * STRIDE - p.before_y;
        if STRIDE == 1u {
            if read_inputs(read, iy) {
                add_row(2u, 0u);
                add_row(1u, 1u);
                add_row(0u, 2u);
            }
        } else {
            if read_inputs(read, iy) {
                add_row(1u, 0u);
                add_row(0u, 2u);
            }
            if read_inputs(read, iy + 1u) { add_row(1u, 1u); }
        }
        if oy >= first + REACH {
            let line = (image * p.oh + oy - REACH) * p.ow;
            // The sums move up past one text that finishes them.
            for (var column = ox; column < min(ox + STRIP, p.ow); column++) {
                let to = (line + column) * p.co4 + co;
                let stored = pack_out(finish(made_rows[0], to, co, p.cout));
                y[to] = stored;
                measure(0u, unpack_out(stored));
                if COLUMNS == 2u && second != co {
                    let second_stored = pack_out(finish(made_rows[MADE], to + 1u, second, p.cout));
                    y[to + 1u] = second_stored;
                    measure(1u, unpack_out(second_stored));
                }
                for (var i = 1u; i < STRIP; i++) {
                    made_rows[i - 1u] = made_rows[i];
                    made_rows[MADE + i - 1u] = made_rows[MADE + i];
                }
            }
        }
        move_down();
    }
}

// Gradient of the input: one thread STRIP columns of one vec4 of input channels, from row to row.
//
// Columns and rows are counted with the zeros before the image, so that those of a strip fall to the same taps whatever
// the stride: what an output's gradient of row t carries by the kernel's row ky goes to row STRIDE * t + ky.
@compute @workgroup_size(64)
fn conv2d_narrow_grad_input(@builtin(workgroup_id) workgroup: vec3<u32>,
                            @builtin(num_workgroups) workgroups: vec3<u32>,
                            @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(workgroup, workgroups, lane);
    if thread >= p.step { return; }
    let across = p.gi4 * p.groups;
    let ci = thread % across;
    let group = ci / p.gi4;
    if ci >= p.ci4 { return; }
    hold_turned_taps(group, ci % p.gi4);
    let ending = ending_of(ci, p.ci4);
    for (var i = thread; i < p.all; i += p.step) { narrow_gradient_strip(i / across, group, ci, ending); }
    leave_gradient(0u, p.first_split + thread / across, ci, p.ci4, ending);
}

// Takes the weights of four input channels, the group's `local` vec4.
fn hold_turned_taps(group: u32, local: u32) {
    for (var i = 0u; i < 4u * SIDE * SIDE * p.go4; i++) {
        let row = i / (4u * DEPTH) * p.cin + min(4u * local + i % 4u, p.cin - 1u);
        let co = min(group * p.go4 + i / 4u % DEPTH, p.co4 - 1u);
        held_taps[i] = weight_[row * p.co4 + co];
    }
}

// Adds the row of gradients that was read to the row of sums that the kernel's row `ky` takes it to.
fn add_turned_row(ky: u32) {
    add_turned_column(ky, 0u, 0u);
    add_turned_column(ky, 1u, 0u);
    add_turned_column(ky, 2u, 0u);
    if DEPTH == 2u {
        add_turned_column(ky, 0u, 1u);
        add_turned_column(ky, 1u, 1u);
        add_turned_column(ky, 2u, 1u);
    }
}

fn add_turned_column(ky: u32, kx: u32, depth: u32) {
    let at = 4u * ((ky * SIDE + kx) * DEPTH + depth);
    for (var i = kx % STRIDE; i < STRIP; i += STRIDE) {
        let v = read_row[depth * READ + (i + REACH * STRIDE - kx) / STRIDE];
        made_rows[ky * STRIP + i] += vec4(dot(v, held_taps[at]), dot(v, held_taps[at + 1u]),
                                          dot(v, held_taps[at + 2u]), dot(v, held_taps[at + 3u]));
    }
}

fn narrow_gradient_strip(place: u32, group: u32, ci: u32, ending: Ending) {
    // From the last stride that begins before the image or with it.
    let above = p.before_y / STRIDE * STRIDE;
    let left = p.before_x / STRIDE * STRIDE;
    let strips = (p.w + p.before_x - left + STRIP - 1u) / STRIP;
    let pieces = (p.h + p.before_y - above + p.rows - 1u) / p.rows;
    let ix = place % strips * STRIP + left;
    let first = (place / strips % pieces * p.rows + above) / STRIDE;
    let image = place / (strips * pieces);
    if image >= p.n { return; }
    let co = group * p.go4;
    let second = min(co + 1u, p.co4 - 1u);
    let arriving0 = arriving_of(co, p.co4);
    let arriving1 = arriving_of(second, p.co4);
    clear();
    for (var step = 0u; step < p.rows / STRIDE + REACH; step++) {
        // Rows above the outputs wrap.
        let oy = first + step - REACH;
        if oy < p.oh {
            let line = (image * p.oh + oy) * p.ow;
            for (var i = 0u; i < STRIP / STRIDE + REACH; i++) {
                let ox = ix / STRIDE + i - REACH;
                read_row[i] = gradient_at(line, ox, co, true, arriving0);
                if DEPTH == 2u { read_row[READ + i] = gradient_at(line, ox, second, second != co, arriving1); }
            }
            add_turned_row(0u);
            add_turned_row(1u);
            add_turned_row(2u);
        }
        for (var phase = 0u; phase < STRIDE; phase++) {
            let iy = oy * STRIDE + phase - p.before_y;
            if step >= REACH && iy < p.h {
                let line = (image * p.h + iy) * p.w;
                for (var i = 0u; i < STRIP; i++) {
                    let column = ix + i - p.before_x;
                    if column < p.w {
                        let to = (line + column) * p.ci4 + ci;
                        let made = end_gradient(add_to(keep_lanes(made_rows[0], ci, p.channels), to), to, ending);
                        dx[to] = pack4(made.stored);
                        sum_up(0u, made);
                    }
                    for (var j = 1u; j < STRIP; j++) { made_rows[j - 1u] = made_rows[j]; }
                }
            }
            move_down();
        }
    }
}

// Gradient of the weight: x, dy, partial sums [splits][3, 3, CIN / GROUPS, COUT]. One thread a row of the kernel,
// INPUTS vec4s of input channels times COLUMNS vec4s of output channels, and the image rows of one split.

// By the kernel's column: the sums of the first input vec4's four channels, then of the second's.
var<private> summed0: array<vec4<f32>, 24>;
var<private> summed1: array<vec4<f32>, 24>;

fn sum_taps(kx: u32, first: u32, v: vec4<f32>, d0: vec4<f32>, d1: vec4<f32>) {
    let at = 8u * kx + first;
    summed0[at] += v.x * d0;
    summed0[at + 1u] += v.y * d0;
    summed0[at + 2u] += v.z * d0;
    summed0[at + 3u] += v.w * d0;
    if COLUMNS == 2u {
        summed1[at] += v.x * d1;
        summed1[at + 1u] += v.y * d1;
        summed1[at + 2u] += v.z * d1;
        summed1[at + 3u] += v.w * d1;
    }
}

@compute @workgroup_size(64)
fn conv2d_narrow_grad_weight(@builtin(workgroup_id) workgroup: vec3<u32>,
                             @builtin(num_workgroups) workgroups: vec3<u32>,
                             @builtin(local_invocation_index) lane: u32) {
    var thread = thread_index(workgroup, workgroups, lane);
    let group = thread % p.groups;
    thread /= p.groups;
    let ky = thread % SIDE;
    let split = thread / SIDE;
    if split >= p.splits { return; }
    let co = group * p.go4;
    let ci = group * p.gi4;
    let second_co = min(co + 1u, p.co4 - 1u);
    let second_ci = min(ci + 1u, p.ci4 - 1u);
    let entry0 = entry_of(ci, p.ci4);
    let entry1 = entry_of(second_ci, p.ci4);
    let arriving0 = arriving_of(co, p.co4);
    let arriving1 = arriving_of(second_co, p.co4);
    for (var i = 0u; i < 24u; i++) {
        summed0[i] = vec4(0.0);
        summed1[i] = vec4(0.0);
    }
    let row_end = min((split + 1u) * p.rows, p.n * p.oh);
    for (var row = split * p.rows; row < row_end; row++) {
        let image = row / p.oh;
        let iy = row % p.oh * STRIDE + ky - p.before_y;
        if iy >= p.h { continue; }
        let line = (image * p.h + iy) * p.w;
        let factor0 = factor_of(image, ci);
        let factor1 = factor_of(image, second_ci);
        // The columns that the kernel covers move along.
        var x0: array<vec4<f32>, SIDE>;
        var x1: array<vec4<f32>, SIDE>;
        for (var kx = 0u; kx < SIDE - STRIDE; kx++) {
            x0[kx] = input_at(line, kx - p.before_x, ci, true, entry0, factor0);
            if INPUTS == 2u { x1[kx] = input_at(line, kx - p.before_x, second_ci, second_ci != ci, entry1, factor1); }
        }
        for (var ox = 0u; ox < p.ow; ox++) {
            for (var kx = SIDE - STRIDE; kx < SIDE; kx++) {
                let ix = ox * STRIDE + kx - p.before_x;
                x0[kx] = input_at(line, ix, ci, true, entry0, factor0);
                if INPUTS == 2u { x1[kx] = input_at(line, ix, second_ci, second_ci != ci, entry1, factor1); }
            }
            let to = (row * p.ow + ox) * p.co4;
            let d0 = arrive(unpack4(dy[to + co]), to + co, arriving0);
            var d1: vec4<f32>;
            if COLUMNS == 2u { d1 = arrive(unpack4(dy[to + second_co]), to + second_co, arriving1); }
            sum_taps(0u, 0u, x0[0], d0, d1);
            sum_taps(1u, 0u, x0[1], d0, d1);
            sum_taps(2u, 0u, x0[2], d0, d1);
            if INPUTS == 2u {
                sum_taps(0u, 4u, x1[0], d0, d1);
                sum_taps(1u, 4u, x1[1], d0, d1);
                sum_taps(2u, 4u, x1[2], d0, d1);
            }
            for (var kx = 0u; kx < SIDE - STRIDE; kx++) {
                x0[kx] = x0[kx + STRIDE];
                x1[kx] = x1[kx + STRIDE];
            }
        }
    }
    for (var kx = 0u; kx < SIDE; kx++) {
        let weight_row = ((p.first_split + split) * SIDE * SIDE + ky * SIDE + kx) * p.cin;
        for (var i = 0u; i < 4u * INPUTS; i++) {
            if i < p.cin {
                let at = (weight_row + i) * p.co4;
                partials[at + co] = summed0[8u * kx + i];
                if COLUMNS == 2u && second_co != co { partials[at + second_co] = summed1[8u * kx + i]; }
            }
        }
    }
}
