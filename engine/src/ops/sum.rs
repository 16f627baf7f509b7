//! Sums over pixels in a fixed order: tiles of pixels are summed by a thread each, and the partial sums merged in a
//! tree. Kernel: `shaders/ops/sum.wgsl`. Test: `tests/ops/sum.rs`.

use std::ops::Range;

use crate::{Dispatch, LaunchContext, Shape, Slot};

/// Partial sums that one thread merges.
pub(crate) const FAN_IN: usize = 32;

/// The fewest pixels of a tile: below, the partial sums weigh as much as what they are sums of.
const TILE_PIXELS: usize = 16;

/// Pixels of a range of images, summed in `count` tiles: one dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tiles {
    /// The images.
    pub images: Range<usize>,
    /// The first tile's index among those of all ranges.
    pub first: usize,
    /// Tiles.
    pub count: usize,
}

/// Cuts the pixels of `x`, the shape of `slots`, into tiles: enough to keep the adapter busy. Also says how many there
/// are in all.
pub(crate) fn tiles(cx: &LaunchContext, slots: &[Slot], x: Shape) -> (Vec<Tiles>, usize) {
    let wanted = cx.limits.threads_wanted().div_ceil(x.c4());
    let pixels = x.pixels().div_ceil(wanted).max(TILE_PIXELS);
    let mut first = 0;
    let cut = |images: Range<usize>| {
        let count = x.with_n(images.len()).pixels().div_ceil(pixels);
        first += count;
        Tiles {
            images,
            first: first - count,
            count,
        }
    };
    let tiles = cx.image_ranges(slots, 0).into_iter().map(cut).collect();
    (tiles, first)
}

/// Adds the kernels that sum `count` rows of `vec4s` vectors in `parts` into `out`.
pub(crate) fn sum_partials(
    cx: &mut LaunchContext,
    parts: Slot,
    count: usize,
    vec4s: usize,
    out: Slot,
) {
    sum_partials_apart(cx, parts, count, &[(vec4s, out)]);
}

/// As [`sum_partials`], for rows that hold the numbers of several tensors one after the other: `(vec4s, out)` of each.
pub(crate) fn sum_partials_apart(
    cx: &mut LaunchContext,
    mut parts: Slot,
    mut count: usize,
    outs: &[(usize, Slot)],
) {
    let stride = outs.iter().map(|(vec4s, _)| vec4s).sum();
    while count > FAN_IN {
        let rows = count.div_ceil(FAN_IN);
        let merged = cx.scratch(rows * stride);
        cx.push(stage(parts, count, stride, 0..stride, merged));
        (parts, count) = (merged, rows);
    }
    let mut first = 0;
    for &(vec4s, out) in outs {
        cx.push(stage(parts, count, stride, first..first + vec4s, out));
        first += vec4s;
    }
}

fn stage(parts: Slot, count: usize, stride: usize, columns: Range<usize>, out: Slot) -> Dispatch {
    Dispatch::new("ops/sum", "sum")
        .constant("FAN_IN", FAN_IN as f64)
        .params(&[columns.len(), columns.start, stride, count])
        .bind(parts.touching(count * columns.len()))
        .bind(out)
        .threads(count.div_ceil(FAN_IN) * columns.len())
}
