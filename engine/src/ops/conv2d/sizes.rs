//! What a convolution's kernels share: sizes, the choice of a variant, and how its threads lie over pixels and channels.

use std::ops::Range;

use super::strip::Strip;
use crate::ops::ending::partial_rows;
use crate::ops::fused::Extras;
use crate::ops::window::Window;
use crate::{
    DType, Dispatch, In, LaunchContext, Limits, Matrices, Shape, ShapeClass, Slot, Variant,
};

/// Entry points of a pass, by variant.
#[derive(Debug)]
pub(super) struct Entries {
    /// Where threads lie over pixels, what they make: [`Sizes::kernel`]. The weight's gradient has others:
    /// [`Sizes::weight_kernel`].
    pub over_pixels: Option<Pass>,
    pub tiled: &'static str,
    pub cooperative: &'static str,
}

/// Texts of kernels that leave nothing besides what they store.
pub(super) const STORED: [&str; 2] = ["epilogue/strip_stored", "epilogue/tile_stored"];

/// Those of kernels that leave statistics.
pub(super) const MEASURED: [&str; 2] = ["epilogue/strip_statistics", "epilogue/tile_statistics"];

/// Those of kernels that leave sums of gradients.
pub(super) const SUMMED: [&str; 2] = ["epilogue/strip_sums", "epilogue/tile_sums"];

/// Channels of a tile, in `vec4`s.
const TILE: usize = 16;

/// Pixels and `vec4`s of channels that are worth sharing: of fewer, most threads of a subgroup would be idle.
const FEWEST_PIXELS: usize = 4;
pub(super) const FEWEST_VEC4S: usize = 3;
/// Pixels that a thread of the blocked kernels makes where it leaves sums, at least: below, these weigh as much.
const PIXELS_EACH: usize = 64;

/// What kernels make whose threads lie over pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    Output,
    InputGradient,
}

/// The sizes of a convolution, as its kernels read them.
#[derive(Debug)]
pub(super) struct Sizes {
    pub x: Shape,
    pub y: Shape,
    pub window: Window,
    /// Bundles, and of one: channels in, `vec4`s in, `vec4`s out.
    pub bundles: usize,
    pub cin: usize,
    pub gi4: usize,
    pub go4: usize,
    /// Bundles that share a tile of matrix units; the numbers above are of them together.
    pub joined: usize,
    /// Whether what the kernels read is stored as f16.
    pub halves: bool,
    /// Whether images have factors of their own: the pixels of a thread are then of one image.
    pub gated: bool,
}

impl Sizes {
    pub(super) fn taps(&self) -> usize {
        self.window.kernel * self.window.kernel
    }

    /// Multiply-adds for `images`, as the kernels do them.
    pub(super) fn work(&self, images: usize) -> usize {
        self.y.with_n(images).pixels() * self.taps() * self.cin * self.y.c4() * 4
    }

    /// With the format of `slot`, by which kernels are chosen; those of matrix units join narrow groups.
    pub(super) fn reading(mut self, cx: &LaunchContext, slot: Slot) -> Self {
        self.halves = cx.vec4_bytes(slot) == DType::F16.vec4_bytes() as u64;
        if self.variant(cx.limits) == Variant::Cooperative {
            let most = (TILE / self.gi4).min(TILE / self.go4);
            self.joined = most.clamp(1, self.bundles);
            self.gi4 *= self.joined;
            self.go4 *= self.joined;
            self.bundles = self.bundles.div_ceil(self.joined);
        }
        self
    }

    /// Which kernels run.
    pub(super) fn variant(&self, limits: &Limits) -> Variant {
        let chosen = self.class().map(|class| limits.variant(class, self.halves));
        chosen.unwrap_or(Variant::Blocked)
    }

    /// Whether workgroups share tiles.
    pub(super) fn tiled(&self, limits: &Limits) -> bool {
        matches!(self.variant(limits), Variant::Tiled | Variant::Cooperative)
    }

    /// Pixels of `images` that a kernel makes, as so many times so many of which no thread of the blocked kernels makes
    /// those of two at once, and `vec4`s of channels of every group.
    fn places(&self, pass: Pass, images: usize) -> ([usize; 2], usize) {
        let of_image = self.y.h() * self.y.w();
        match (pass, self.gated) {
            (Pass::InputGradient, _) => ([1, self.phased_pixels(images)], self.gi4),
            (_, true) => ([images, of_image], self.go4),
            (_, false) => ([1, images * of_image], self.go4),
        }
    }

    /// What a thread makes that shares no tile, of so many pixels and `vec4`s of channels in a row.
    fn strip(&self, limits: &Limits, unit: usize, of: usize) -> Strip {
        match self.variant(limits) {
            Variant::Shared if unit >= FEWEST_PIXELS && of >= FEWEST_VEC4S => {
                Strip::shared(unit, of)
            }
            Variant::Shared if unit >= FEWEST_PIXELS && self.bundles == 1 => Strip::by_weight(of),
            _ => Strip::alone(unit, of),
        }
    }

    pub(super) fn class(&self) -> Option<ShapeClass> {
        let channels = [self.gi4, self.go4].map(|vec4s| 4 * vec4s / self.joined);
        ShapeClass::of(self.window.kernel, channels, self.y.pixels())
    }

    pub(super) fn dispatch(
        &self,
        limits: &Limits,
        entries: &Entries,
        images: usize,
        extras: &Extras,
    ) -> Dispatch {
        let dispatch = match (self.variant(limits), limits.matrices) {
            (Variant::Cooperative, Some(Matrices { side, threads })) => {
                Dispatch::new("ops/conv2d_cooperative", entries.cooperative)
                    .link("ops/conv2d")
                    .link("cooperative/enable")
                    .link(match side {
                        8 => "cooperative/eight",
                        _ => "cooperative/sixteen",
                    })
                    .constant("THREADS", f64::from(threads))
                    .constant("JOINED", self.joined as f64)
            }
            (Variant::Tiled, _) => {
                Dispatch::new("ops/conv2d_tiled", entries.tiled).link("ops/conv2d")
            }
            _ => match entries.over_pixels {
                None => self.weight_kernel(limits),
                Some(pass) => self.kernel(limits, pass),
            },
        };
        let dispatch = extras.link_epilogue(extras.link_prologue(dispatch));
        let Self {
            x,
            y,
            window,
            bundles,
            cin,
            gi4,
            go4,
            ..
        } = self;
        let [before_y, before_x] = window.before;
        dispatch
            .constant("K", window.kernel as f64)
            .constant("STRIDE", window.stride as f64)
            .constant("CHANNELS", (*cin).min(4) as f64)
            .class(self.class())
            .params(&[images, x.h(), x.w(), y.h(), y.w(), x.c4(), y.c4(), x.c()])
            .params(&[*cin, *gi4, *go4, *bundles, before_y, before_x, y.c()])
            .work(self.work(images))
    }

    /// The kernel whose threads lie over pixels: any, also where subgroups share what they read, by another text of `lanes/`;
    /// that of narrow groups; that of first layers.
    fn kernel(&self, limits: &Limits, pass: Pass) -> Dispatch {
        let (text, entry) = match (pass, self.narrow(limits)) {
            (Pass::Output, false) => return Dispatch::new("ops/conv2d", "conv2d"),
            (Pass::Output, true) => ("ops/conv2d_narrow", "conv2d_narrow"),
            (Pass::InputGradient, true) => ("ops/conv2d_narrow", "conv2d_narrow_grad_input"),
            (Pass::InputGradient, false) if self.first(limits, pass) => {
                ("ops/conv2d_first", "conv2d_first_grad_input")
            }
            _ => return Dispatch::new("ops/conv2d", "conv2d_grad_input"),
        };
        Dispatch::new(text, entry).link("ops/conv2d")
    }

    /// Joins the text that says what a thread of the blocked kernels or a tile leaves.
    pub(super) fn leaving(
        &self,
        dispatch: Dispatch,
        limits: &Limits,
        texts: [&'static str; 2],
    ) -> Dispatch {
        match (self.tiled(limits), texts) {
            (true, [_, tiled]) => dispatch.link(STORED[0]).link(tiled),
            (false, [blocked, _]) => dispatch.link(blocked),
        }
    }

    /// How many rows of partial sums a kernel leaves that makes `images` of the batch and `sums`: tiles of pixels, or
    /// threads that share the blocked kernel's pixels of each channel. Without sums, each takes its pixels once.
    pub(super) fn rows_left(
        &self,
        limits: &Limits,
        pass: Pass,
        images: usize,
        sums: bool,
    ) -> usize {
        if let Some(strips) = self.strips(limits, pass) {
            return strips.threads(limits, images);
        }
        let (units, group_vec4s) = self.places(pass, images);
        let (all, _) = self.places(pass, self.x.n());
        let strip = self.strip(limits, units[1], group_vec4s);
        let places = |[units, unit]: [usize; 2]| units * unit.div_ceil(strip.rows);
        match (self.tiled(limits), sums) {
            (true, _) => (units[0] * units[1]).div_ceil(64),
            (false, false) => places(units),
            (false, true) => {
                let least = (PIXELS_EACH / strip.rows).max(1);
                let across = strip.across(group_vec4s) * self.bundles;
                partial_rows(limits, [places(all), across], places(units), least)
            }
        }
    }

    /// Input pixels of `images`, with those that would fill up the last stride of rows and columns.
    fn phased_pixels(&self, images: usize) -> usize {
        let stride = self.window.stride;
        images * self.x.h().next_multiple_of(stride) * self.x.w().next_multiple_of(stride)
    }

    /// What the forward kernels read of the input and of the weight, and the bytes of these: every tile of channels reads
    /// all taps of its pixels, every tile of pixels the weight.
    pub(super) fn reads(&self, cx: &LaunchContext, pass: Pass, images: usize) -> [(u64, u64); 2] {
        let ([units, unit], _) = self.places(pass, images);
        let strips = self.strips(cx.limits, pass);
        // Tiles of pixels, and what each reads of the input.
        let (tiles, read) = match (strips, self.tiled(cx.limits)) {
            (Some(strips), _) => {
                let [rows, columns] = [strips.rows, strips.columns]
                    .map(|side| (side - 1) * self.window.stride + self.window.kernel);
                let read = images
                    * strips.pieces
                    * rows
                    * columns
                    * self.go4.div_ceil(self.narrow_columns(pass));
                (strips.threads(cx.limits, images), read)
            }
            (None, true) => {
                let pixels = units * unit;
                let columns = self.go4.div_ceil(16);
                (pixels.div_ceil(64), pixels * self.taps() * columns)
            }
            (None, false) => {
                let strip = self.strip(cx.limits, unit, self.go4);
                let columns = self.go4.div_ceil(strip.columns * strip.lanes);
                let read = units * unit * self.taps() * columns;
                (units * unit.div_ceil(strip.rows), read)
            }
        };
        let read = read * self.bundles * self.gi4;
        let (x, weight) = (
            self.x.with_n(images).vec4s(),
            self.taps() * self.cin * self.y.c4() * 4,
        );
        let bytes = |vec4s: usize, slot| vec4s as u64 * cx.vec4_bytes(slot);
        [
            (bytes(read, In(0)), bytes(x, In(0))),
            (tiles as u64 * bytes(weight, In(1)), bytes(weight, In(1))),
        ]
    }

    /// Adds the workgroups of a kernel that makes `images` and leaves `rows` of those of all its dispatches.
    pub(super) fn over(
        &self,
        dispatch: Dispatch,
        limits: &Limits,
        pass: Pass,
        images: &Range<usize>,
        rows: &Range<usize>,
    ) -> Dispatch {
        let ([units, unit], group_vec4s) = self.places(pass, images.len());
        let strips = self.strips(limits, pass);
        let each = strips.map_or(0, |strips| strips.rows);
        let dispatch = dispatch.params(&[each, 0, rows.start, unit, images.start]);
        if let Some(strips) = strips {
            let across = strips.across;
            let dispatch = dispatch.params(&[strips.of(images.len()), rows.len() * across]);
            let dispatch = match self.first(limits, pass) {
                true => Strip::shared(8, 8)
                    .link(dispatch)
                    .constant("PHASE", (self.window.before[1] % self.window.stride) as f64),
                false => Strip::alone(8, 1)
                    .link(dispatch.wide(self.depth(pass) > 1))
                    .constant("COLUMNS", self.narrow_columns(pass) as f64)
                    .constant("DEPTH", self.depth(pass) as f64),
            };
            return dispatch.threads(rows.len() * across);
        }
        if self.tiled(limits) {
            return Strip::alone(8, 2)
                .link(dispatch.params(&[0, 0]))
                .workgroups(rows.len() * group_vec4s.div_ceil(16) * self.bundles);
        }
        let strip = self.strip(limits, unit, group_vec4s);
        let across = strip.across(group_vec4s) * self.bundles;
        let pieces = units * unit.div_ceil(strip.rows) * across;
        strip
            .link(dispatch.wide(strip.lanes == 1))
            .params(&[pieces, rows.len() * across])
            .constant("COLUMNS", strip.columns as f64)
            .threads(rows.len() * across)
    }
}
