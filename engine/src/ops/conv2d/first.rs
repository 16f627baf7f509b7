//! Which first layers' input gradient has a kernel of its own, and how its threads lie over pictures:
//! `shaders/ops/conv2d_first.wgsl`.

use std::ops::RangeInclusive;

use super::narrow::Strips;
use super::sizes::{FEWEST_VEC4S, Pass, Sizes};
use crate::{Limits, Variant};

/// Columns that a thread makes, `PATCH` of the kernel.
const COLUMNS: usize = 16;

/// Sides and strides that it has room for.
const SIDES: RangeInclusive<usize> = 3..=7;
const STRIDES: [usize; 3] = [1, 2, 4];

impl Sizes {
    /// Whether a pass makes the gradient of so few channels that neighbours have no pixels to share: they share the weight.
    pub(super) fn first(&self, limits: &Limits, pass: Pass) -> bool {
        let Self {
            window, bundles, ..
        } = self;
        let shared = matches!(pass, Pass::InputGradient) && self.variant(limits) == Variant::Shared;
        let room = SIDES.contains(&window.kernel)
            && STRIDES.contains(&window.stride)
            && window.stride <= window.kernel;
        shared && room && *bundles == 1 && self.gi4 == 1 && self.go4 >= FEWEST_VEC4S
    }

    /// The strips that its threads go down.
    pub(super) fn first_strips(&self, limits: &Limits) -> Strips {
        let size = [self.x.n(), self.x.h(), self.x.w()];
        Strips::new(limits, size, COLUMNS, self.window.stride, 1)
    }
}
