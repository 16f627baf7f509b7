// Strips of four rows, of a depthwise convolution and of its input's gradient, for kernels to WIDEST and stride 1: what
// is read serves four rows, which pays where loads are dear. Joined with `depthwise`.

const TALL: u32 = 4u;
const WIDEST: u32 = 5u;

// TALL rows of STRIP neighbours.
var<private> made_rows: array<vec4<f32>, 16>;
// For each of these rows, the kernel's row that meets the row that was read.
var<private> met_taps: array<vec4<f32>, 20>;
// Neighbours in it that the kernel covers as it makes STRIP.
var<private> read_row: array<vec4<f32>, 8>;

// Goes on to the row that the kernel's row `ky` takes to the first of those made; from behind, the kernel is turned
// about.
fn next_taps(ky: u32, c: u32, behind: bool) {
    for (var i = 0u; i < (TALL - 1u) * WIDEST; i += 1u) {
        let last = TALL * WIDEST - 1u - i;
        met_taps[last] = met_taps[last - WIDEST];
    }
    for (var kx = 0u; kx < WIDEST; kx += 1u) {
        var tap = vec4(0.0);
        if ky < KERNEL && kx < KERNEL {
            let place = ky * KERNEL + kx;
            tap = w[select(place, KERNEL * KERNEL - 1u - place, behind) * p.c4 + c];
        }
        met_taps[kx] = tap;
    }
}

// Adds what the kernel's column `kx` makes of the row that was read.
fn add_column(kx: u32) {
    for (var i = 0u; i < TALL * STRIP; i += 1u) {
        made_rows[i] += read_row[kx + i % STRIP] * met_taps[i / STRIP * WIDEST + kx];
    }
}

// Written out for compilers that keep what they index by a number known late in memory.
fn add_row() {
    add_column(0u);
    if KERNEL > 1u { add_column(1u); }
    if KERNEL > 2u { add_column(2u); }
    if KERNEL > 3u { add_column(3u); }
    if KERNEL > 4u { add_column(4u); }
}

fn clear() {
    for (var i = 0u; i < TALL * STRIP; i += 1u) { made_rows[i] = vec4(0.0); }
    for (var i = 0u; i < TALL * WIDEST; i += 1u) { met_taps[i] = vec4(0.0); }
}

// The next row of sums.
fn move_up() {
    for (var i = STRIP; i < TALL * STRIP; i += 1u) { made_rows[i - STRIP] = made_rows[i]; }
}

fn strip(place: u32, c: u32, entry: Entry) {
    let rows = (p.oh + TALL - 1u) / TALL;
    let ox = place % p.strips * STRIP;
    let first_oy = place / p.strips % rows * TALL;
    let image = place / (p.strips * rows);
    clear();
    for (var ky = 0u; ky < TALL + KERNEL - 1u; ky += 1u) {
        next_taps(ky, c, false);
        // Rows above the image wrap.
        let iy = first_oy + ky - p.top;
        if iy < p.h {
            let line = (image * p.h + iy) * p.w * p.c4 + c;
            let ix = ox - p.left;
            for (var i = 0u; i < STRIP - 1u + WIDEST; i += 1u) {
                if i < STRIP - 1u + KERNEL { read_row[i] = input(line, ix + i, entry); }
            }
            add_row();
        }
    }
    for (var oy = first_oy; oy < min(first_oy + TALL, p.oh); oy += 1u) {
        for (var column = ox; column < min(ox + STRIP, p.ow); column += 1u) {
            let at = ((image * p.oh + oy) * p.ow + column) * p.c4 + c;
            let stored = pack_out(finish(made_rows[0], at, c, p.channels));
            y[at] = stored;
            measure(0u, unpack_out(stored));
            for (var i = 1u; i < STRIP; i += 1u) { made_rows[i - 1u] = made_rows[i]; }
        }
        move_up();
    }
}

// A convolution of dy with the kernel turned about.
fn gradient_strip(place: u32, c: u32, ending: Ending, arriving: Arriving) {
    let rows = (p.h + TALL - 1u) / TALL;
    let first_ix = place % p.strips * STRIP;
    let first_iy = place / p.strips % rows * TALL;
    let image = place / (p.strips * rows);
    clear();
    for (var ky = 0u; ky < TALL + KERNEL - 1u; ky += 1u) {
        next_taps(ky, c, true);
        // Rows above the outputs wrap.
        let oy = first_iy + ky + p.top + 1u - KERNEL;
        if oy < p.oh {
            let line = (image * p.oh + oy) * p.ow * p.c4 + c;
            let ox = first_ix + p.left + 1u - KERNEL;
            for (var i = 0u; i < STRIP - 1u + WIDEST; i += 1u) {
                if i < STRIP - 1u + KERNEL { read_row[i] = output_gradient(line, ox + i, arriving); }
            }
            add_row();
        }
    }
    for (var iy = first_iy; iy < min(first_iy + TALL, p.h); iy += 1u) {
        for (var ix = first_ix; ix < min(first_ix + STRIP, p.w); ix += 1u) {
            let at = ((image * p.h + iy) * p.w + ix) * p.c4 + c;
            let made = end_gradient(made_rows[0], at, ending);
            dx[at] = pack4(made.stored);
            sum_up(0u, made);
            for (var i = 1u; i < STRIP; i += 1u) { made_rows[i - 1u] = made_rows[i]; }
        }
        move_up();
    }
}
