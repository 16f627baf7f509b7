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

/// Rows that the last stage sums, a workgroup's threads together.
pub(crate) const LAST_ROWS: usize = 1024;
/// Columns that a workgroup of the last stage sums.
pub(crate) const LAST_COLUMNS: usize = 4;

/// Adds the kernels that sum `count` rows of `vec4s` vectors in `parts` into `out`.
pub(crate) fn sum_partials(
    cx: &mut LaunchContext,
    parts: Slot,
    count: usize,
    vec4s: usize,
    out: Slot,
) {
    let (parts, count) = staged(cx, parts, count, vec4s);
    cx.push(last_stage(
        ["sum", "sum_last"],
        parts,
        [count, vec4s],
        &[out],
    ));
}

/// As [`sum_partials`], for rows that hold `vec4s` vectors of one tensor and as many of another.
pub(crate) fn sum_partials_of_two(
    cx: &mut LaunchContext,
    parts: Slot,
    count: usize,
    vec4s: usize,
    outs: [Slot; 2],
) {
    let (parts, count) = staged(cx, parts, count, 2 * vec4s);
    let entries = ["sum_two", "sum_last_two"];
    cx.push(last_stage(entries, parts, [count, 2 * vec4s], &outs));
}

/// Sums until there are few enough rows for the last stage.
fn staged(
    cx: &mut LaunchContext,
    mut parts: Slot,
    mut count: usize,
    vec4s: usize,
) -> (Slot, usize) {
    while count > LAST_ROWS {
        let rows = count.div_ceil(FAN_IN);
        let merged = cx.scratch(rows * vec4s);
        cx.push(stage("sum", parts, [count, vec4s], &[merged]).threads(rows * vec4s));
        (parts, count) = (merged, rows);
    }
    (parts, count)
}

/// By a thread for a column, or by several where that pays.
fn last_stage(
    [few, many]: [&'static str; 2],
    parts: Slot,
    [count, vec4s]: [usize; 2],
    outs: &[Slot],
) -> Dispatch {
    match count > FAN_IN {
        true => stage(many, parts, [count, vec4s], outs).workgroups(vec4s.div_ceil(LAST_COLUMNS)),
        false => stage(few, parts, [count, vec4s], outs).threads(vec4s),
    }
}

fn stage(entry: &'static str, parts: Slot, [count, vec4s]: [usize; 2], outs: &[Slot]) -> Dispatch {
    let dispatch = Dispatch::new("ops/sum", entry)
        .constant("FAN_IN", FAN_IN as f64)
        .params(&[vec4s, count])
        .bind(parts.touching(count * vec4s));
    outs.iter().copied().fold(dispatch, Dispatch::bind)
}
