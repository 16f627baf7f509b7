//! What a thread of the blocked kernels makes.

use crate::Dispatch;

/// What a thread of the blocked kernels makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    /// Pixels: they share what is read of the weight.
    pub rows: usize,
    /// `vec4`s of channels: they share what is read of the pixels.
    pub columns: usize,
    /// Threads side by side that read the pixels together. They unpack what they read for all: wide words gain nothing.
    pub lanes: usize,
    /// Whether threads of other pixels read the weight together.
    pub by_weight: bool,
}

impl Strip {
    /// Of threads that share, of so many pixels and `vec4`s of channels: a whole subgroup or, where half of it would be
    /// idle, half. Half a subgroup has fewer pixels: it reads more for each, and 32 are more than registers hold.
    pub(super) fn shared(unit: usize, of: usize) -> Self {
        let lanes = if of <= 4 { 4 } else { 8 };
        Self {
            rows: if unit <= 8 { 8 } else { 4 * lanes },
            columns: 1,
            lanes,
            by_weight: false,
        }
    }

    /// Of one that reads alone, of so many pixels and `vec4`s of channels. Where there are few pixels, most of eight would
    /// be idle.
    pub(super) fn alone(unit: usize, of: usize) -> Self {
        Self {
            rows: if unit < 4 { 1 } else { 8 },
            columns: of.min(2),
            lanes: 1,
            by_weight: false,
        }
    }

    /// Of threads of the weight's gradient that make all of few channels and share what they read of the gradient.
    pub(super) fn sharing_gradients(of: usize) -> Self {
        Self {
            columns: of,
            ..Self::shared(8, 8)
        }
    }

    /// Of threads that make all channels of their pixels and share the weight, one or two `vec4`s of them.
    pub(super) fn by_weight(of: usize) -> Self {
        Self {
            by_weight: true,
            ..Self::alone(8, of)
        }
    }

    /// Threads that make so many `vec4`s of channels.
    pub(super) fn across(self, of: usize) -> usize {
        of.div_ceil(self.columns).next_multiple_of(self.lanes)
    }

    /// Joins the texts of so many pixels, and of so many threads.
    pub(super) fn link(self, dispatch: Dispatch) -> Dispatch {
        let rows = match self.rows {
            1 => "rows/one",
            8 => "rows/eight",
            16 => "rows/sixteen",
            _ => "rows/thirty_two",
        };
        let lanes = match self.lanes {
            _ if self.by_weight => "lanes/weight",
            1 => "lanes/one",
            4 => "lanes/four",
            _ => "lanes/eight",
        };
        dispatch.link(rows).link(lanes)
    }
}
