//! How the threads for narrow groups lie over images: `shaders/ops/conv2d_narrow.wgsl`.

use crate::Limits;
use crate::ops::ending::partial_rows;

/// Rows that a thread goes down at least, and pixels that it makes: before, it reads its weights.
const FEWEST_ROWS: usize = 8;
const PIXELS_EACH: usize = 128;

/// Strips of neighbouring columns that threads go down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strips {
    /// Rows of a piece of a strip, a multiple of the stride.
    pub rows: usize,
    /// Pieces of an image.
    pub pieces: usize,
    /// Threads that make the channels of a piece.
    pub across: usize,
    /// Pieces of the batch.
    all: usize,
}

impl Strips {
    /// `STRIP` of the kernels.
    pub(super) const COLUMNS: usize = 4;

    /// Of `n` images of such a size, whose strips are cut into pieces where there are few.
    pub(super) fn new(
        limits: &Limits,
        [n, h, w]: [usize; 3],
        stride: usize,
        across: usize,
    ) -> Self {
        let strips = w.div_ceil(Self::COLUMNS);
        let cut = limits.threads_wanted().div_ceil(n * strips * across);
        let rows = h.div_ceil(cut.min(h.div_ceil(FEWEST_ROWS)));
        let rows = rows.next_multiple_of(stride);
        let pieces = strips * h.div_ceil(rows);
        Self {
            rows,
            pieces,
            across,
            all: n * pieces,
        }
    }

    /// Threads that share the pieces of `images` of each channel.
    pub(super) fn threads(&self, limits: &Limits, images: usize) -> usize {
        let least = PIXELS_EACH.div_ceil(Self::COLUMNS * self.rows);
        partial_rows(limits, [self.all, self.across], images * self.pieces, least)
    }

    /// Pieces of `images`, by channel.
    pub(super) fn of(&self, images: usize) -> usize {
        images * self.pieces * self.across
    }
}
