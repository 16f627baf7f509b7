//! How the threads for narrow groups lie over images: `shaders/ops/conv2d_narrow.wgsl`.

use super::sizes::{Pass, Sizes};
use crate::ops::ending::partial_rows;
use crate::ops::window::Window;
use crate::{Limits, Variant};

/// `vec4`s of channels, the kernel's side and strides of the kernels for narrow groups.
const WIDEST: usize = 2;
pub(super) const SIDE: usize = 3;
const STRIDES: usize = 2;
/// Columns that a thread makes, `STRIP` of these kernels.
const COLUMNS: usize = 4;

/// Rows that a thread goes down at least, and pixels that it makes: before, it reads its weights.
const FEWEST_ROWS: usize = 8;
const PIXELS_EACH: usize = 128;

/// Strips of neighbouring columns that threads go down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strips {
    /// Columns of a strip.
    pub columns: usize,
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
    /// Of `n` images of such a size, so many columns wide, which are cut into pieces where there are few.
    pub(super) fn new(
        limits: &Limits,
        [n, h, w]: [usize; 3],
        columns: usize,
        stride: usize,
        across: usize,
    ) -> Self {
        let strips = w.div_ceil(columns);
        let cut = limits.threads_wanted().div_ceil(n * strips * across);
        let rows = h.div_ceil(cut.min(h.div_ceil(FEWEST_ROWS)));
        let rows = rows.next_multiple_of(stride);
        let pieces = strips * h.div_ceil(rows);
        Self {
            columns,
            rows,
            pieces,
            across,
            all: n * pieces,
        }
    }

    /// Threads that share the pieces of `images` of each channel.
    pub(super) fn threads(&self, limits: &Limits, images: usize) -> usize {
        let least = PIXELS_EACH.div_ceil(self.columns * self.rows);
        partial_rows(limits, [self.all, self.across], images * self.pieces, least)
    }

    /// Pieces of `images`, by channel.
    pub(super) fn of(&self, images: usize) -> usize {
        images * self.pieces * self.across
    }
}

impl Sizes {
    /// Whether groups are so narrow that the kernels for these run. First layers, which read as little, make more: there
    /// subgroups share, and compilers take seconds less.
    pub(super) fn narrow(&self, limits: &Limits) -> bool {
        let Window { kernel, stride, .. } = self.window;
        let channels = self.gi4.max(self.go4);
        let shared = self.variant(limits) == Variant::Shared;
        shared && channels <= WIDEST && kernel == SIDE && stride <= STRIDES
    }

    /// `vec4`s of channels of a group that a pass reads for one that it makes.
    pub(super) fn depth(&self, pass: Pass) -> usize {
        match pass {
            Pass::Output => self.gi4,
            Pass::InputGradient => self.go4,
        }
    }

    /// The strips that threads of a pass go down, where its kernel has some.
    pub(super) fn strips(&self, limits: &Limits, pass: Pass) -> Option<Strips> {
        let (Self { x, y, .. }, stride) = (self, self.window.stride);
        if self.first(limits, pass) {
            return Some(self.first_strips(limits));
        }
        self.narrow(limits).then(|| match pass {
            // Counted from the last stride that begins with the image or before it.
            Pass::InputGradient => {
                let [above, left] = self.window.before.map(|zeros| zeros % stride);
                let size = [x.n(), x.h() + above, x.w() + left];
                Strips::new(limits, size, COLUMNS, stride, self.gi4 * self.bundles)
            }
            Pass::Output => {
                let across = self.go4.div_ceil(self.narrow_columns(pass)) * self.bundles;
                Strips::new(limits, [y.n(), y.h(), y.w()], COLUMNS, 1, across)
            }
        })
    }

    /// `vec4`s of channels that a thread of the kernels for narrow groups makes: with a stride, what it reads serves fewer
    /// pixels.
    pub(super) fn narrow_columns(&self, pass: Pass) -> usize {
        match (pass, self.window.stride) {
            (Pass::Output, 2..) => self.go4.min(2),
            _ => 1,
        }
    }
}
