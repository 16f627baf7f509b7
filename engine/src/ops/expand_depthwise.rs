//! A pointwise convolution and the depthwise one that reads it, in one kernel: the first of an inverted bottleneck
//! (MobileNetV2, <https://arxiv.org/abs/1801.04381>) is then never in memory. For inference: it has no gradient. Kernels:
//! `shaders/ops/expand_depthwise.wgsl`. Test: `tests/ops/expand_depthwise.rs`.

use super::sum_rows::PartialSums;
use super::window::Window;
use super::{Activation, Depthwise};
use crate::{
    Cost, Graph, Halves, In, LaunchContext, Limits, Meaning, Op, Out, Result, Shape, Value,
};

/// Columns of outputs that a workgroup makes: `WIDE` in the kernel.
const WIDE: usize = 8;

/// Bytes of workgroup memory that WebGPU promises, but for a `vec4` a thread that means are made of.
const STAGED_BYTES: usize = (16 << 10) - 64 * 16;

/// What a multiply-add of this kernel costs, in those of a matrix kernel, which shares more of what it reads.
const DEARER: f64 = 1.5;

/// Which depthwise convolution, and the activations of both: `activation(depthwise(expand_activation(x · expand +
/// expand_bias)) + bias)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpandDepthwise {
    /// Applied to what is between the convolutions.
    pub expand_activation: Activation,
    /// The depthwise convolution.
    pub depthwise: Depthwise,
    /// Applied to the output.
    pub activation: Activation,
}

/// What an [`ExpandDepthwise`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpandInputs {
    /// `[n, h, w, cin]`.
    pub x: Value,
    /// `[1, 1, cin, c]`.
    pub expand: Value,
    /// `[1, 1, 1, c]`.
    pub expand_bias: Value,
    /// `[k, k, 1, c]`.
    pub weight: Value,
    /// `[1, 1, 1, c]`.
    pub bias: Value,
}

/// Both convolutions in one kernel: `[n, oh, ow, c]`.
///
/// # Errors
///
/// [`crate::Error::Shape`] where shapes do not fit, or a window is too large for what a workgroup holds.
pub fn expand_depthwise(
    g: &mut Graph,
    inputs: ExpandInputs,
    options: ExpandDepthwise,
) -> Result<Value> {
    let op = Expanded {
        options,
        mean: false,
    };
    g.apply_one(op, &inputs.values())
}

/// The same, and the mean of each channel over an image's pixels, as [`super::global_avg_pool`] makes it of what is
/// stored: `[n, oh, ow, c]` and `[n, 1, 1, c]`.
///
/// # Errors
///
/// As [`expand_depthwise`].
pub fn expand_depthwise_mean(
    g: &mut Graph,
    inputs: ExpandInputs,
    options: ExpandDepthwise,
) -> Result<[Value; 2]> {
    let op = Expanded {
        options,
        mean: true,
    };
    let made = g.apply(op, &inputs.values())?;
    Ok([made[0], made[1]])
}

impl ExpandInputs {
    fn values(self) -> [Value; 5] {
        [
            self.x,
            self.expand,
            self.expand_bias,
            self.weight,
            self.bias,
        ]
    }
}

/// The node of [`expand_depthwise`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expanded {
    options: ExpandDepthwise,
    /// Whether the mean is a second output.
    mean: bool,
}

impl Expanded {
    /// In place of a depthwise convolution that reads what another convolution makes, each with the shape of its weight;
    /// `None` where these are others than such a pair, or do more than the kernel can.
    pub(crate) fn of([first, second]: [(Meaning, Shape); 2]) -> Option<Self> {
        let plain = |meaning| match meaning {
            Meaning::FusedConv2d {
                fused,
                residual: false,
                gate: false,
                mean,
            } => Some((fused, mean)),
            _ => None,
        };
        let ((point, expand), (spatial, weight)) = (first, second);
        let ((point, false), (spatial, mean)) = (plain(point)?, plain(spatial)?) else {
            return None;
        };
        let stride = spatial.conv.stride;
        let able = point.conv.stride == 1
            && point.conv.groups == 1
            && expand.0[..2] == [1, 1]
            && spatial.conv.is_depthwise(expand.c(), weight)
            && Tile::of(weight.n(), stride, 16).is_some();
        able.then_some(Self {
            options: ExpandDepthwise {
                expand_activation: point.activation,
                depthwise: Depthwise {
                    stride,
                    padding: spatial.conv.padding,
                },
                activation: spatial.activation,
            },
            mean,
        })
    }

    /// Whether it is faster than the two kernels, as far as that can be told: what it computes again should take less
    /// time than what they write and read of `between`, of so many bytes a `vec4`.
    pub(crate) fn pays(
        &self,
        limits: &Limits,
        [x, between, weight]: [Shape; 3],
        vec4_bytes: usize,
    ) -> bool {
        let Some(sizes) = self.sizes([x, between, weight], vec4_bytes) else {
            return false;
        };
        let each = (x.c() * between.c()) as f64;
        let more = DEARER * (x.n() * sizes.staged_pixels()) as f64 - x.pixels() as f64;
        let saved = (2 * between.vec4s() * vec4_bytes) as f64;
        more * each <= limits.recompute as f64 * saved
    }

    /// Of `x`, what is between, and the depthwise weight.
    fn sizes(&self, [x, between, weight]: [Shape; 3], vec4_bytes: usize) -> Option<Sizes> {
        let depthwise = self.options.depthwise;
        let y = depthwise.output(&[between, weight]).ok()?;
        Some(Sizes {
            x,
            y,
            window: depthwise.accepted(weight.n(), [x.h(), x.w()]),
            tile: Tile::of(weight.n(), depthwise.stride, vec4_bytes)?,
        })
    }
}

/// What a workgroup makes: rows of [`WIDE`] outputs, of so many `vec4`s of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    tall: usize,
    vecs: usize,
    /// Pixels under its windows.
    pixels: usize,
}

impl Tile {
    /// The one that computes and reads least for an output, of those that workgroup memory has room for.
    fn of(kernel: usize, stride: usize, vec4_bytes: usize) -> Option<Self> {
        let under = |outputs: usize| (outputs - 1) * stride + kernel;
        let tiles = [[8, 8], [8, 4], [4, 8], [4, 4]].map(|[tall, vecs]| Self {
            tall,
            vecs,
            pixels: under(tall) * under(WIDE),
        });
        // Each `vec4` of channels computes each pixel, and their threads together read it.
        let cost = |t: &Self| t.pixels * (t.vecs + 4) * 64 / (t.tall * t.vecs);
        let fits = |t: &Self| t.pixels * t.vecs * vec4_bytes <= STAGED_BYTES;
        tiles.into_iter().filter(fits).min_by_key(cost)
    }
}

#[derive(Debug)]
struct Sizes {
    x: Shape,
    y: Shape,
    window: Window,
    tile: Tile,
}

impl Sizes {
    /// Tiles below and beside each other.
    fn tiles(&self) -> [usize; 2] {
        [
            self.y.h().div_ceil(self.tile.tall),
            self.y.w().div_ceil(WIDE),
        ]
    }

    /// Pixels of an image under all tiles: those under several count several times.
    fn staged_pixels(&self) -> usize {
        let Self { x, window, .. } = *self;
        let [down, across] = self.tiles();
        // Along one side: `tiles` of so many outputs.
        let along = |tiles: usize, outputs: usize, before: usize, side: usize| -> usize {
            let of_tile = |tile: usize| {
                let first = tile * outputs * window.stride;
                let end = first + (outputs - 1) * window.stride + window.kernel;
                end.saturating_sub(before).min(side) - first.saturating_sub(before).min(side)
            };
            (0..tiles).map(of_tile).sum()
        };
        let [top, left] = window.before;
        along(down, self.tile.tall, top, x.h()) * along(across, WIDE, left, x.w())
    }

    /// Multiply-adds of an image.
    fn work(&self) -> usize {
        let taps = self.window.kernel * self.window.kernel;
        let expanding = self.staged_pixels() * self.x.c();
        (expanding + self.y.with_n(1).pixels() * taps) * 4 * self.y.c4()
    }
}

impl Op for Expanded {
    fn name(&self) -> &'static str {
        "expand_depthwise"
    }

    fn halves(&self) -> Halves {
        Halves::apart(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [x, expand, expand_bias, weight, bias] = *inputs else {
            return Err("x, expand, its bias, a weight and its bias".into());
        };
        let c = expand.c();
        if expand != Shape([1, 1, x.c(), c]) {
            return Err(format!(
                "a pointwise weight [1, 1, {}, c] to expand by",
                x.c()
            ));
        }
        if [expand_bias, bias] != [Shape::vector(c); 2] {
            return Err(format!("two biases of {}", Shape::vector(c)));
        }
        let Depthwise { stride, .. } = self.options.depthwise;
        let between = Shape([x.n(), x.h(), x.w(), c]);
        let y = self.options.depthwise.output(&[between, weight])?;
        if Tile::of(weight.n(), stride, 16).is_none() {
            return Err(format!(
                "a smaller kernel or stride than {0}×{0} and {stride}, of whose windows a workgroup holds several",
                weight.n()
            ));
        }
        let mean = self.mean.then_some(Shape([y.n(), 1, 1, c]));
        Ok([y].into_iter().chain(mean).collect())
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let between = inputs[0].pixels() * inputs[1].c();
        let of_input = Shape([inputs[0].n(), inputs[0].h(), inputs[0].w(), inputs[1].c()]);
        let Cost { flops, acts } = self.options.depthwise.cost(&[of_input, inputs[3]]);
        Cost {
            flops: flops + (between * inputs[0].c()) as u64,
            acts: acts + between as u64,
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let [x, weight, y] = [cx.inputs[0], cx.inputs[3], cx.outputs[0]];
        let between = Shape([x.n(), x.h(), x.w(), y.c()]);
        let sizes = self
            .sizes([x, between, weight], cx.vec4_bytes(In(0)) as usize)
            .expect("the node was added, so a tile fits");
        let Sizes { window, tile, .. } = sizes;
        let [down, across] = sizes.tiles();
        let (tiles, pieces) = (down * across, y.c4().div_ceil(tile.vecs));
        let mean = self
            .mean
            .then(|| PartialSums::of(cx, [y.n(), tiles, y.c4()], Out(1)));
        let entry = match self.mean {
            true => "expand_depthwise_mean",
            false => "expand_depthwise",
        };
        let work = sizes.work();
        for images in cx.image_ranges(&[In(0), Out(0)], x.n() * work) {
            let workgroups = images.len() * tiles * pieces;
            let [top, left] = window.before;
            let vec4s = |shape: Shape| shape.with_n(images.len()).vec4s() as u64;
            let read = images.len() * sizes.staged_pixels() * x.c4() * pieces;
            let weights = [x.c(), window.kernel * window.kernel];
            let of_weights = |rows: usize| {
                let bytes = (rows * 16 * y.c4()) as u64;
                ((images.len() * tiles) as u64 * bytes, bytes)
            };
            let dispatch = window
                .dispatch("ops/expand_depthwise", entry)
                .link("activations")
                .constant("TALL", tile.tall as f64)
                .constant("VECS", tile.vecs as f64)
                .constant("STAGED", (tile.pixels * tile.vecs) as f64)
                .constant("EXPAND_ACTIVATION", self.options.expand_activation.code())
                .constant("ACTIVATION", self.options.activation.code())
                .params(&[workgroups, x.h(), x.w(), y.h(), y.w(), top, left])
                .params(&[x.c4(), x.c(), y.c4(), y.c()])
                .params(&[pieces, across, tiles, images.start])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(In(2))
                .bind(In(3))
                .bind(In(4))
                .bind(cx.images(Out(0), &images))
                .workgroups(workgroups)
                .work(images.len() * work)
                .rereads(&[
                    (
                        read as u64 * cx.vec4_bytes(In(0)),
                        vec4s(x) * cx.vec4_bytes(In(0)),
                    ),
                    of_weights(weights[0]),
                    of_weights(weights[1]),
                ]);
            cx.push(match &mean {
                Some(mean) => dispatch.bind(mean.slot.touching(images.len() * tiles * y.c4())),
                None => dispatch,
            });
        }
        if let Some(mean) = mean {
            mean.add_up(cx, Out(1));
        }
    }
}
