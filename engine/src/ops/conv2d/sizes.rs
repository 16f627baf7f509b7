//! What a convolution's kernels share: sizes, the choice of a variant, and how its threads lie over pixels and channels.

use crate::ops::ending::partial_rows;
use crate::ops::fused::Extras;
use crate::ops::window::Window;
use crate::{
    DType, Dispatch, In, LaunchContext, Limits, Matrices, Shape, ShapeClass, Slot, Variant,
};

/// Entry points of a pass, by variant.
#[derive(Debug)]
pub(super) struct Entries {
    /// Of threads that lie over pixels, also where subgroups share what they read: by another text of `lanes/`.
    pub blocked: &'static str,
    /// Of threads that lie over weights, where subgroups share inputs, and where they share gradients.
    pub shared: Option<[&'static str; 2]>,
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
const FEWEST_VEC4S: usize = 3;
/// Taps that are worth sharing.
const FEWEST_TAPS: usize = 9;

/// Pixels that a thread of the blocked kernels makes where it leaves sums, at least: below, these weigh as much.
const PIXELS_EACH: usize = 64;

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

    /// What a thread makes that shares no tile, of so many pixels and `vec4`s of channels in a row.
    pub(super) fn strip(&self, limits: &Limits, unit: usize, of: usize) -> Strip {
        match self.variant(limits) {
            Variant::Shared if unit >= FEWEST_PIXELS && of >= FEWEST_VEC4S => {
                Strip::shared(unit, of)
            }
            _ => Strip::alone(unit, of),
        }
    }

    /// What a thread of the weight's gradient makes of input channels, and of output channels.
    pub(super) fn weight_strips(&self, limits: &Limits) -> [Strip; 2] {
        match self.sharing(limits) {
            Sharing::Nothing => [self.gi4, self.go4].map(|of| Strip::alone(8, of)),
            Sharing::Inputs => [Strip::shared(8, self.gi4.min(self.go4)); 2],
            Sharing::Gradients => [Strip::shared(8, self.go4); 2],
        }
    }

    /// Threads of the weight's gradient for each split of the image rows, where they share no tiles.
    pub(super) fn weight_threads(&self, limits: &Limits) -> usize {
        let [inputs, outputs] = self.weight_strips(limits);
        let lanes = outputs.lanes;
        self.bundles
            * match self.sharing(limits) {
                Sharing::Gradients => {
                    self.taps().next_multiple_of(lanes) * self.go4.div_ceil(lanes)
                }
                _ => self.taps() * inputs.across(self.gi4) / lanes * outputs.across(self.go4),
            }
    }

    fn sharing(&self, limits: &Limits) -> Sharing {
        let shared = self.variant(limits) == Variant::Shared && self.go4 >= FEWEST_VEC4S;
        match self.gi4 {
            FEWEST_VEC4S.. if shared => Sharing::Inputs,
            1 if shared && self.taps() >= FEWEST_TAPS => Sharing::Gradients,
            _ => Sharing::Nothing,
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
            _ => match (self.sharing(limits), entries.shared) {
                (Sharing::Inputs, Some([entry, _])) | (Sharing::Gradients, Some([_, entry])) => {
                    Dispatch::new("ops/conv2d_shared", entry).link("ops/conv2d")
                }
                _ => Dispatch::new("ops/conv2d", entries.blocked),
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
            .class(self.class())
            .params(&[images, x.h(), x.w(), y.h(), y.w(), x.c4(), y.c4(), x.c()])
            .params(&[*cin, *gi4, *go4, *bundles, before_y, before_x, y.c()])
            .work(self.work(images))
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

    /// How many rows of partial sums a kernel leaves on `units` of the `all` of a batch, where it makes `sums`: tiles of
    /// pixels, or threads that share the blocked kernel's pixels of each channel. Without sums, each takes its pixels once.
    pub(super) fn rows_left(
        &self,
        limits: &Limits,
        [all, units]: [[usize; 2]; 2],
        group_vec4s: usize,
        sums: bool,
    ) -> usize {
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
    pub(super) fn phased_pixels(&self, images: usize) -> usize {
        let stride = self.window.stride;
        images * self.x.h().next_multiple_of(stride) * self.x.w().next_multiple_of(stride)
    }

    /// What the forward kernels read of the input and of the weight, and the bytes of these: every tile of channels reads
    /// all taps of its pixels, every tile of pixels the weight.
    pub(super) fn reads(
        &self,
        cx: &LaunchContext,
        images: usize,
        [units, unit]: [usize; 2],
    ) -> [(u64, u64); 2] {
        let (tiles, columns) = match self.tiled(cx.limits) {
            true => ((units * unit).div_ceil(64), self.go4.div_ceil(16)),
            false => {
                let strip = self.strip(cx.limits, unit, self.go4);
                let columns = self.go4.div_ceil(strip.columns * strip.lanes);
                (units * unit.div_ceil(strip.rows), columns)
            }
        };
        let taps = units * unit * self.taps() * columns * self.bundles * self.gi4;
        let (x, weight) = (
            self.x.with_n(images).vec4s(),
            self.taps() * self.cin * self.y.c4() * 4,
        );
        let bytes = |vec4s: usize, slot| vec4s as u64 * cx.vec4_bytes(slot);
        [
            (bytes(taps, In(0)), bytes(x, In(0))),
            (tiles as u64 * bytes(weight, In(1)), bytes(weight, In(1))),
        ]
    }

    /// Adds the workgroups of a kernel that makes `units` times `unit` pixels times `group_vec4s` of every group, in so
    /// many rows. No thread of the blocked kernels makes pixels of two units at once.
    pub(super) fn over(
        &self,
        dispatch: Dispatch,
        limits: &Limits,
        [units, unit]: [usize; 2],
        group_vec4s: usize,
        rows_left: usize,
    ) -> Dispatch {
        if self.tiled(limits) {
            return Strip::alone(8, 2)
                .link(dispatch.params(&[0, 0]))
                .workgroups(rows_left * group_vec4s.div_ceil(16) * self.bundles);
        }
        let strip = self.strip(limits, unit, group_vec4s);
        let across = strip.across(group_vec4s) * self.bundles;
        let pieces = units * unit.div_ceil(strip.rows) * across;
        strip
            .link(dispatch.params(&[pieces, rows_left * across]))
            .constant("COLUMNS", strip.columns as f64)
            .threads(rows_left * across)
    }
}

/// What threads of a subgroup read for one another in the weight's gradient.
#[derive(Clone, Copy, Debug)]
enum Sharing {
    Nothing,
    /// Neighbours make neighbouring output channels.
    Inputs,
    /// Neighbours make neighbouring taps.
    Gradients,
}

/// What a thread of the blocked kernels makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    /// Pixels: they share what is read of the weight.
    pub rows: usize,
    /// `vec4`s of channels: they share what is read of the pixels.
    pub columns: usize,
    /// Threads side by side that read the pixels together.
    pub lanes: usize,
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
        }
    }

    /// Of one that reads alone, of so many pixels and `vec4`s of channels. Where there are few pixels, most of eight would
    /// be idle.
    pub(super) fn alone(unit: usize, of: usize) -> Self {
        Self {
            rows: if unit < 4 { 1 } else { 8 },
            columns: of.min(2),
            lanes: 1,
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
            1 => "lanes/one",
            4 => "lanes/four",
            _ => "lanes/eight",
        };
        dispatch.link(rows).link(lanes)
    }
}
