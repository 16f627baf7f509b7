//! Long sums: an operator's own kernel leaves partial sums in scratch, these kernels add them up, 32 at a time, in a
//! tree that depends on shapes and limits only. Kernels: `shaders/sum_rows.wgsl`.

use super::sum::sum_partials;
use crate::{Dispatch, LaunchContext, Limits, Slot};

/// Rows that one thread adds up.
const FAN_IN: usize = 32;

/// Partial sums in scratch: `[batch, rows, width]`, in `vec4<f32>`s.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartialSums {
    /// Where they are.
    pub slot: Slot,
    /// Sums to be made beside each other.
    pub batch: usize,
    /// Numbers that are added up.
    pub rows: usize,
    /// `vec4`s of each sum.
    pub width: usize,
}

impl PartialSums {
    /// Scratch for partial sums.
    pub(super) fn new(cx: &mut LaunchContext, batch: usize, rows: usize, width: usize) -> Self {
        Self {
            slot: cx.scratch(batch * rows * width),
            batch,
            rows,
            width,
        }
    }

    /// Where partial sums of `total` go, `[batch, width]`: there, if one row is all.
    pub(super) fn of(
        cx: &mut LaunchContext,
        [batch, rows, width]: [usize; 3],
        total: Slot,
    ) -> Self {
        match rows {
            1 => Self {
                slot: total,
                batch,
                rows,
                width,
            },
            _ => Self::new(cx, batch, rows, width),
        }
    }

    /// Adds up until at most 32 rows are left for another kernel to add.
    pub(super) fn reduced(mut self, cx: &mut LaunchContext) -> Self {
        while self.rows > FAN_IN {
            let next = Self::new(cx, self.batch, self.rows.div_ceil(FAN_IN), self.width);
            self.stage(cx, next.slot);
            self = next;
        }
        self
    }

    /// Adds all up, unless it is `total` already: `[batch, width]`.
    pub(super) fn add_up(self, cx: &mut LaunchContext, total: Slot) {
        if self.slot == total {
            return;
        }
        match self.batch {
            1 => sum_partials(cx, self.slot, self.rows, self.width, total),
            _ => self.reduced(cx).stage(cx, total),
        }
    }

    fn stage(self, cx: &mut LaunchContext, to: Slot) {
        let threads = self.batch * self.rows.div_ceil(FAN_IN) * self.width;
        cx.push(
            Dispatch::new("sum_rows", "sum_rows")
                .params(&[threads, self.rows, self.width])
                .bind(self.slot)
                .bind(to)
                .threads(threads),
        );
    }
}

/// Fewer parts of a sum are not worth the launch that adds them up.
const LEAST_PARTS: usize = 4;

/// Into how many parts each of `sums` sums of `terms` terms is split: enough to fill the adapter, none of less than
/// `least` terms.
pub(super) fn splits(limits: &Limits, sums: usize, terms: usize, least: usize) -> usize {
    let wanted = limits.threads_wanted().div_ceil(sums.max(1));
    match wanted.min(terms.div_ceil(least.max(1))) {
        parts if parts < LEAST_PARTS => 1,
        parts => parts,
    }
}
