// Strips of one row, of a depthwise convolution and of its input's gradient. Joined with `depthwise`.

const TALL: u32 = 1u;

fn strip(place: u32, c: u32, entry: Entry) {
    let ox = place % p.strips * STRIP;
    let row = place / p.strips;
    let first_iy = row % p.oh * STRIDE - p.top;
    let image = row / p.oh * p.h;
    var y0 = vec4(0.0);
    var y1 = vec4(0.0);
    var y2 = vec4(0.0);
    var y3 = vec4(0.0);
    // The rows of the kernel that lie on the image; those above it have wrapped.
    let above = select(0u, 0u - first_iy, first_iy > p.h);
    for (var ky = above; ky < min(KERNEL, p.h - first_iy); ky += 1u) {
        let line = (image + first_iy + ky) * p.w * p.c4 + c;
        // The taps kx, kx + STRIDE, ... of neighbouring outputs read the same columns: these move along.
        for (var phase = 0u; phase < min(STRIDE, KERNEL); phase += 1u) {
            var ix = ox * STRIDE + phase - p.left;
            var x0 = input(line, ix, entry);
            var x1 = input(line, ix + STRIDE, entry);
            var x2 = input(line, ix + 2u * STRIDE, entry);
            ix += 3u * STRIDE;
            for (var kx = phase; kx < KERNEL; kx += STRIDE) {
                let x3 = input(line, ix, entry);
                let tap = w[(ky * KERNEL + kx) * p.c4 + c];
                y0 += x0 * tap;
                y1 += x1 * tap;
                y2 += x2 * tap;
                y3 += x3 * tap;
                x0 = x1;
                x1 = x2;
                x2 = x3;
                ix += STRIDE;
            }
        }
    }
    // The sums move up past one text that finishes them: drivers take long over four copies of it.
    for (var column = ox; column < min(ox + STRIP, p.ow); column += 1u) {
        let at = (row * p.ow + column) * p.c4 + c;
        let stored = pack_out(finish(y0, at, c, p.channels));
        y[at] = stored;
        measure(0u, unpack_out(stored));
        y0 = y1;
        y1 = y2;
        y2 = y3;
    }
}

// Input column ix takes tap kx from output (ix + left - kx) / STRIDE, where that is whole: columns STRIDE apart take
// the same taps, from neighbouring outputs. So a strip is of such columns.
fn gradient_strip(strip_index: u32, c: u32, ending: Ending, arriving: Arriving) {
    var place = strip_index;
    let phase = place % STRIDE;
    place /= STRIDE;
    let first_ox = p.left / STRIDE + place % p.strips * STRIP;
    let row = place / p.strips;
    let from_top = row % p.h + p.top;
    let image = row / p.h * p.oh;
    var dx0 = vec4(0.0);
    var dx1 = vec4(0.0);
    var dx2 = vec4(0.0);
    var dx3 = vec4(0.0);
    var oy = from_top / STRIDE;
    for (var ky = from_top % STRIDE; ky < KERNEL; ky += STRIDE) {
        if oy < p.oh {
            let line = (image + oy) * p.ow * p.c4 + c;
            var ox = first_ox;
            var dy1 = output_gradient(line, ox + 1u, arriving);
            var dy2 = output_gradient(line, ox + 2u, arriving);
            var dy3 = output_gradient(line, ox + 3u, arriving);
            for (var kx = phase; kx < KERNEL; kx += STRIDE) {
                let dy0 = output_gradient(line, ox, arriving);
                let tap = w[(ky * KERNEL + kx) * p.c4 + c];
                dx0 += dy0 * tap;
                dx1 += dy1 * tap;
                dx2 += dy2 * tap;
                dx3 += dy3 * tap;
                dy3 = dy2;
                dy2 = dy1;
                dy1 = dy0;
                ox -= 1u;
            }
        }
        oy -= 1u;
    }
    let line = row * p.w * p.c4 + c;
    let ix = first_ox * STRIDE + phase - p.left;
    // As in `strip`, one text for four numbers. Left of the image the column has wrapped.
    var column = ix;
    for (var i = 0u; i < STRIP; i += 1u) {
        if column < p.w {
            let made = end_gradient(dx0, line + column * p.c4, ending);
            dx[line + column * p.c4] = pack4(made.stored);
            sum_up(0u, made);
        }
        column += STRIDE;
        dx0 = dx1;
        dx1 = dx2;
        dx2 = dx3;
    }
}
