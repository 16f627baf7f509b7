//! 2-D convolution: dense, in groups of any width, pointwise; depthwise ones go to `depthwise`. Kernels:
//! `shaders/ops/conv2d.wgsl`, `shaders/ops/conv2d_tiled.wgsl`, `shaders/ops/conv2d_cooperative.wgsl`. Test: `tests/ops/conv2d.rs`.

mod gradient;

use std::ops::Range;
use std::sync::Arc;

use super::batch_norm::{Parts, statistics_of};
use super::bundle::bundle;
use super::depthwise::{Depthwise, depthwise};
use super::ending::{Ending, partial_rows};
use super::entry::Arriving;
use super::fused::Extras;
use super::summand::Summand;
use super::window::{Padding, Window};
use crate::{
    Cost, DType, Dispatch, Graph, Halves, In, LaunchContext, Limits, Matrices, Meaning, Op, Out,
    Reading, Result, Shape, ShapeClass, Slot, Value, Variant,
};
use gradient::{GradInput, GradWeight};

/// Texts of kernels that leave nothing besides what they store.
const STORED: [&str; 2] = ["epilogue/strip_stored", "epilogue/tile_stored"];

/// Those of kernels that leave statistics.
const MEASURED: [&str; 2] = ["epilogue/strip_statistics", "epilogue/tile_statistics"];

/// Those of kernels that leave sums of gradients.
const SUMMED: [&str; 2] = ["epilogue/strip_sums", "epilogue/tile_sums"];

/// Entry points of the output, blocked, tiled and by matrix units.
const ENTRIES: [&str; 3] = ["conv2d", "conv2d_tiled", "conv2d_cooperative"];

/// Channels of a tile, in `vec4`s.
const TILE: usize = 16;

/// Eights of pixels that a thread of the blocked kernels makes where it leaves sums, at least: below, these weigh as much.
const PLACES_EACH: usize = 8;

/// How a convolution moves over its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Pixels between two outputs.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: Padding,
    /// Channel groups: 1 is dense, the number of channels is depthwise.
    pub groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self {
            stride: 1,
            padding: Padding::Symmetric(0),
            groups: 1,
        }
    }
}

/// Convolves `x`, `[n, h, w, cin]`, by `weight`, `[k, k, cin / groups, cout]`, to `[n, oh, ow, cout]`.
///
/// # Errors
///
/// [`crate::Error::Shape`] where channels and groups do not fit or the kernel is larger than the padded image.
pub fn conv2d(g: &mut Graph, x: Value, weight: Value, conv: Conv2d) -> Result<Value> {
    let Conv2d {
        stride,
        padding,
        groups,
    } = conv;
    let (channels, shape) = (g.shape(x).c(), g.shape(weight));
    if conv.is_depthwise(channels, shape) {
        return depthwise(g, x, weight, Depthwise { stride, padding });
    }
    let spread = conv.spread(shape);
    let weight = match spread {
        1 => weight,
        _ => bundle(g, weight, spread, shape.c() / groups)?,
    };
    let forward = Forward {
        conv: Conv::new(conv, spread),
        extras: Extras::default(),
    };
    g.apply_one(forward, &[x, weight])
}

impl Conv2d {
    /// Whether `depthwise` has kernels for it; `weight` is `[k, k, cin / groups, cout]`.
    pub(super) fn is_depthwise(self, channels: usize, weight: Shape) -> bool {
        let [k, _, cin, cout] = weight.0;
        let each = self.groups == channels && self.groups == cout && cin == 1;
        each && self.groups > 1 && k <= 7 && self.stride <= 7
    }

    /// How many narrow groups of such a weight are laid side by side.
    pub(super) fn spread(self, weight: Shape) -> usize {
        let [.., cin, cout] = weight.0;
        match self.groups > 1 && cout % self.groups == 0 {
            true => narrow(cin, cout / self.groups),
            false => 1,
        }
    }
}

/// How many groups side by side have a multiple of four channels, in and out.
fn narrow(cin: usize, cout: usize) -> usize {
    [1, 2, 4]
        .into_iter()
        .find(|t| (t * cin).is_multiple_of(4) && (t * cout).is_multiple_of(4))
        .unwrap_or(4)
}

/// A convolution whose weight holds bundles of `spread` groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    stride: usize,
    padding: Padding,
    groups: usize,
    spread: usize,
}

/// The sizes of a convolution, as its kernels read them.
#[derive(Debug)]
struct Sizes {
    x: Shape,
    y: Shape,
    window: Window,
    /// Bundles, and of one: channels in, `vec4`s in, `vec4`s out.
    bundles: usize,
    cin: usize,
    gi4: usize,
    go4: usize,
    /// Bundles that share a tile of matrix units; the numbers above are of them together.
    joined: usize,
    /// Whether what the kernels read is stored as f16.
    halves: bool,
}

impl Conv {
    pub(super) fn new(conv: Conv2d, spread: usize) -> Self {
        let Conv2d {
            stride,
            padding,
            groups,
        } = conv;
        Self {
            stride,
            padding,
            groups,
            spread,
        }
    }

    /// The output's shape, or what the inputs should have been.
    pub(super) fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(self.sizes(inputs[0], inputs[1])?.y)
    }

    pub(super) fn cost(&self, inputs: &[Shape]) -> Cost {
        let sizes = self.laid(inputs[0], inputs[1]);
        let acts = sizes.y.count() as u64;
        Cost {
            flops: acts * (sizes.taps() * sizes.cin / self.spread) as u64,
            acts,
        }
    }

    /// The kernels that compute the output.
    pub(super) fn launch(&self, cx: &mut LaunchContext, extras: &Extras) {
        let sizes = self.laid(cx.inputs[0], cx.inputs[1]).reading(cx, In(0));
        let ranges = cx.image_ranges(&[In(0), Out(0)], sizes.work(sizes.x.n()));
        // A gate scales the weights of a whole tile of pixels, so that these are of one image.
        let of_image = sizes.y.h() * sizes.y.w();
        let units_of = |images: usize| match extras.gate {
            Some(_) => [images, of_image],
            None => [1, images * of_image],
        };
        let sums = extras.statistics.is_some();
        let all = units_of(sizes.y.n());
        let rows_of = |images: &Range<usize>| {
            sizes.rows_left(cx.limits, [all, units_of(images.len())], sizes.go4, sums)
        };
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let made = extras
            .statistics
            .map(|out| Parts::new(cx, rows.iter().sum(), sizes.y, out));
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let units = units_of(images.len());
            let dispatch = sizes
                .dispatch(cx.limits, ENTRIES, images.len(), extras)
                .params(&[0, 0, first_row, units[1], images.start])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images));
            let dispatch = match &made {
                Some(made) => made.bind(sizes.leaving(dispatch, cx.limits, MEASURED), rows),
                None => sizes.leaving(dispatch, cx.limits, STORED),
            };
            first_row += rows;
            let dispatch = Arriving::default().finish(dispatch, cx, &images);
            let dispatch = Summand::default().link(Ending::default().link(dispatch));
            let dispatch = extras.bind(dispatch, cx, &images);
            let dispatch = sizes.over(dispatch, cx.limits, units, sizes.go4, rows);
            cx.push(dispatch.rereads(&sizes.reads(cx, images.len(), units)));
        }
        if let Some(made) = made {
            made.merge(cx);
        }
    }

    fn sizes(&self, x: Shape, weight: Shape) -> Result<Sizes, String> {
        let [k, kw, cin, cout] = weight.0;
        let Self {
            stride,
            padding,
            groups,
            spread,
        } = *self;
        let expected = cin / spread * groups;
        if k != kw || k == 0 || groups == 0 || x.c() != expected || !cout.is_multiple_of(groups) {
            return Err(format!(
                "{expected} input channels in {groups} groups, a number of output channels that {groups} divides, and a \
                 square kernel"
            ));
        }
        let window = Window::new(k, stride, padding, x.h(), x.w())?;
        let y = Shape([x.n(), window.out[0], window.out[1], cout]);
        let (gi4, go4) = match groups {
            1 => (x.c4(), y.c4()),
            _ => (cin / 4, cout / groups * spread / 4),
        };
        Ok(Sizes {
            x,
            y,
            window,
            bundles: groups.div_ceil(spread),
            cin,
            gi4,
            go4,
            joined: 1,
            halves: false,
        })
    }

    fn laid(&self, x: Shape, weight: Shape) -> Sizes {
        self.sizes(x, weight)
            .expect("shapes were checked when the node was added")
    }
}

impl Sizes {
    fn taps(&self) -> usize {
        self.window.kernel * self.window.kernel
    }

    /// Multiply-adds for `images`, as the kernels do them.
    fn work(&self, images: usize) -> usize {
        self.y.with_n(images).pixels() * self.taps() * self.cin * self.y.c4() * 4
    }

    /// With the format of `slot`, by which kernels are chosen; those of matrix units join narrow groups.
    fn reading(mut self, cx: &LaunchContext, slot: Slot) -> Self {
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
    fn variant(&self, limits: &Limits) -> Variant {
        let chosen = self.class().map(|class| limits.variant(class, self.halves));
        chosen.unwrap_or(Variant::Blocked)
    }

    /// Whether workgroups share tiles.
    fn tiled(&self, limits: &Limits) -> bool {
        self.variant(limits) != Variant::Blocked
    }

    fn class(&self) -> Option<ShapeClass> {
        let channels = [self.gi4, self.go4].map(|vec4s| 4 * vec4s / self.joined);
        ShapeClass::of(self.window.kernel, channels, self.y.pixels())
    }

    fn dispatch(
        &self,
        limits: &Limits,
        entries: [&'static str; 3],
        images: usize,
        extras: &Extras,
    ) -> Dispatch {
        let dispatch = match (self.variant(limits), limits.matrices) {
            (Variant::Cooperative, Some(Matrices { side, threads })) => {
                Dispatch::new("ops/conv2d_cooperative", entries[2])
                    .link("ops/conv2d")
                    .link("cooperative/enable")
                    .link(match side {
                        8 => "cooperative/eight",
                        _ => "cooperative/sixteen",
                    })
                    .constant("THREADS", f64::from(threads))
                    .constant("JOINED", self.joined as f64)
            }
            (Variant::Tiled, _) => Dispatch::new("ops/conv2d_tiled", entries[1]).link("ops/conv2d"),
            _ => Dispatch::new("ops/conv2d", entries[0]),
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
    fn leaving(&self, dispatch: Dispatch, limits: &Limits, texts: [&'static str; 2]) -> Dispatch {
        match (self.tiled(limits), texts) {
            (true, [_, tiled]) => dispatch.link(STORED[0]).link(tiled),
            (false, [blocked, _]) => dispatch.link(blocked),
        }
    }

    /// How many rows of partial sums a kernel leaves on `units` of the `all` of a batch, where it makes `sums`: tiles of
    /// pixels, or threads that share the blocked kernel's pixels of each channel. Without sums, each takes its pixels once.
    fn rows_left(
        &self,
        limits: &Limits,
        [all, units]: [[usize; 2]; 2],
        group_vec4s: usize,
        sums: bool,
    ) -> usize {
        let places = |[units, unit]: [usize; 2]| units * unit.div_ceil(Self::rows(unit));
        match (self.tiled(limits), sums) {
            (true, _) => (units[0] * units[1]).div_ceil(64),
            (false, false) => places(units),
            (false, true) => {
                let columns = group_vec4s.div_ceil(Self::columns(group_vec4s)) * self.bundles;
                partial_rows(limits, [places(all), columns], places(units), PLACES_EACH)
            }
        }
    }

    /// Input pixels of `images`, with those that would fill up the last stride of rows and columns.
    fn phased_pixels(&self, images: usize) -> usize {
        let stride = self.window.stride;
        images * self.x.h().next_multiple_of(stride) * self.x.w().next_multiple_of(stride)
    }

    /// `vec4`s of channels that a thread of the blocked kernels makes, of `of` in a group.
    fn columns(of: usize) -> usize {
        of.min(2)
    }

    /// Pixels that a thread of the blocked kernels makes, of `unit`: eight share what is read of the weight; where there
    /// are few, most of the eight would be idle.
    fn rows(unit: usize) -> usize {
        if unit < 4 { 1 } else { 8 }
    }

    /// What the forward kernels read of the input and of the weight, and the bytes of these: every tile of channels reads
    /// all taps of its pixels, every tile of pixels the weight.
    fn reads(
        &self,
        cx: &LaunchContext,
        images: usize,
        [units, unit]: [usize; 2],
    ) -> [(u64, u64); 2] {
        let (tiles, columns) = match self.tiled(cx.limits) {
            true => ((units * unit).div_ceil(64), self.go4.div_ceil(16)),
            false => {
                let columns = self.go4.div_ceil(Self::columns(self.go4));
                (units * unit.div_ceil(Self::rows(unit)), columns)
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
    fn over(
        &self,
        dispatch: Dispatch,
        limits: &Limits,
        [units, unit]: [usize; 2],
        group_vec4s: usize,
        rows_left: usize,
    ) -> Dispatch {
        if self.tiled(limits) {
            return dispatch
                .params(&[0, 0])
                .link("rows/eight")
                .workgroups(rows_left * group_vec4s.div_ceil(16) * self.bundles);
        }
        let columns = Self::columns(group_vec4s);
        let rows = Self::rows(unit);
        let across = group_vec4s.div_ceil(columns) * self.bundles;
        dispatch
            .params(&[units * unit.div_ceil(rows) * across, rows_left * across])
            .link(if rows == 1 { "rows/one" } else { "rows/eight" })
            .constant("COLUMNS", columns as f64)
            .threads(rows_left * across)
    }
}

/// `extras` is what training's passes make of the input as it is read.
#[derive(Debug)]
struct Forward {
    conv: Conv,
    extras: Extras,
}

impl Op for Forward {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn halves(&self) -> Halves {
        Halves::apart(&[0])
    }

    fn meaning(&self) -> Meaning {
        let Conv {
            stride,
            padding,
            groups,
            ..
        } = self.conv;
        Meaning::Conv2d(Conv2d {
            stride,
            padding,
            groups,
        })
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let y = self.conv.output(inputs)?;
        let statistics = self.extras.statistics.map(|_| statistics_of(y));
        Ok([y].into_iter().chain(statistics).collect())
    }

    fn with_statistics(&self) -> Option<Arc<dyn Op>> {
        let extras = Extras {
            statistics: Some(1),
            ..self.extras
        };
        Some(Arc::new(Self {
            conv: self.conv,
            extras,
        }))
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        self.conv.cost(inputs)
    }

    fn launch(&self, cx: &mut LaunchContext) {
        self.conv.launch(cx, &self.extras);
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let extras = (input == 0).then(|| self.extras.reading(reading, appended))??;
        Some(Arc::new(Self {
            conv: self.conv,
            extras,
        }))
    }

    fn backward(
        &self,
        g: &mut Graph,
        xs: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dys[0] else {
            return Ok(vec![None, None]);
        };
        let (x, weight) = (xs[0], xs[1]);
        let dx = g.apply_one(
            GradInput {
                conv: self.conv,
                x: g.shape(x),
                arriving: Arriving::default(),
                summand: Summand::default(),
                ending: Ending::default(),
            },
            &[weight, dy],
        )?;
        let dw = g.apply_one(
            GradWeight {
                conv: self.conv,
                weight: g.shape(weight),
                extras: Extras::default(),
                arriving: Arriving::default(),
            },
            &[x, dy],
        )?;
        Ok(vec![Some(dx), Some(dw)])
    }
}
