//! 2-D convolution: dense, in groups of any width, pointwise; depthwise ones go to `depthwise`. Kernels:
//! `shaders/ops/conv2d.wgsl`, `shaders/ops/conv2d_tiled.wgsl`. Test: `tests/ops/conv2d.rs`.

use std::ops::Range;

use super::bundle::bundle;
use super::depthwise::{Depthwise, depthwise};
use super::sum::sum_partials;
use super::window::{Padding, Window};
use crate::{
    AdapterKind, Cost, Dispatch, Graph, In, LaunchContext, Limits, Op, Out, Result, Shape, Value,
};

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
    let ([.., channels], [k, _, cin, cout]) = (g.shape(x).0, g.shape(weight).0);
    if groups == channels && groups == cout && cin == 1 && groups > 1 && k <= 7 && stride <= 7 {
        return depthwise(g, x, weight, Depthwise { stride, padding });
    }
    let spread = if groups > 1 && cout % groups == 0 {
        narrow(cin, cout / groups)
    } else {
        1
    };
    let weight = if spread > 1 {
        bundle(g, weight, spread, cout / groups)?
    } else {
        weight
    };
    g.apply_one(
        Forward(Conv {
            stride,
            padding,
            groups,
            spread,
        }),
        &[x, weight],
    )
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
struct Conv {
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
}

impl Conv {
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

    /// Wide layers share tiles through workgroup memory; for narrow ones, and on a software driver, that costs more
    /// than it saves.
    fn tiled(&self, limits: &Limits) -> bool {
        limits.kind == AdapterKind::Gpu && self.gi4 >= 4 && self.go4 >= 4
    }

    fn dispatch(&self, limits: &Limits, entries: [&'static str; 2], images: usize) -> Dispatch {
        let dispatch = match self.tiled(limits) {
            true => Dispatch::new("ops/conv2d_tiled", entries[1]).link("ops/conv2d"),
            false => Dispatch::new("ops/conv2d", entries[0]),
        };
        let Self {
            x,
            y,
            window,
            bundles,
            cin,
            gi4,
            go4,
        } = self;
        let [before_y, before_x] = window.before;
        dispatch
            .constant("K", window.kernel as f64)
            .constant("STRIDE", window.stride as f64)
            .params(&[images, x.h(), x.w(), y.h(), y.w(), x.c4(), y.c4(), x.c()])
            .params(&[*cin, *gi4, *go4, *bundles, before_y, before_x])
            .work(self.work(images))
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

    /// Adds the workgroups of a kernel that makes `pixels` times `group_vec4s` of every group.
    fn over(
        &self,
        dispatch: Dispatch,
        limits: &Limits,
        pixels: usize,
        group_vec4s: usize,
    ) -> Dispatch {
        if self.tiled(limits) {
            return dispatch
                .workgroups(pixels.div_ceil(64) * group_vec4s.div_ceil(16) * self.bundles);
        }
        let columns = Self::columns(group_vec4s);
        dispatch
            .constant("COLUMNS", columns as f64)
            .threads(pixels.div_ceil(8) * group_vec4s.div_ceil(columns) * self.bundles)
    }
}

#[derive(Debug)]
struct Forward(Conv);

impl Op for Forward {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.0.sizes(inputs[0], inputs[1])?.y])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let sizes = self.0.laid(inputs[0], inputs[1]);
        let acts = sizes.y.count() as u64;
        Cost {
            flops: acts * (sizes.taps() * sizes.cin / self.0.spread) as u64,
            acts,
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.0.laid(cx.inputs[0], cx.inputs[1]);
        for images in cx.image_ranges(&[In(0), Out(0)], sizes.work(sizes.x.n())) {
            let dispatch = sizes
                .dispatch(cx.limits, ["conv2d", "conv2d_tiled"], images.len())
                .params(&[0, 0, 0])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images));
            cx.push(sizes.over(
                dispatch,
                cx.limits,
                sizes.y.with_n(images.len()).pixels(),
                sizes.go4,
            ));
        }
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
                conv: self.0,
                x: g.shape(x),
            },
            &[weight, dy],
        )?;
        let dw = g.apply_one(
            GradWeight {
                conv: self.0,
                weight: g.shape(weight),
            },
            &[x, dy],
        )?;
        Ok(vec![Some(dx), Some(dw)])
    }
}

/// The gradient of the input, from the weight and the output's gradient.
#[derive(Debug)]
struct GradInput {
    conv: Conv,
    x: Shape,
}

impl Op for GradInput {
    fn name(&self) -> &'static str {
        "conv2d_grad_input"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.x])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.conv.laid(self.x, cx.inputs[0]);
        for images in cx.image_ranges(&[In(1), Out(0)], sizes.work(sizes.x.n())) {
            let dispatch = sizes
                .dispatch(
                    cx.limits,
                    ["conv2d_grad_input", "conv2d_tiled_grad_input"],
                    images.len(),
                )
                .params(&[0, 0, 0])
                .bind(In(0))
                .bind(cx.images(In(1), &images))
                .bind(cx.images(Out(0), &images));
            cx.push(sizes.over(
                dispatch,
                cx.limits,
                sizes.phased_pixels(images.len()),
                sizes.gi4,
            ));
        }
    }
}

/// The gradient of the weight, from the input and the output's gradient: sums over splits of the image rows, then
/// their sum.
#[derive(Debug)]
struct GradWeight {
    conv: Conv,
    weight: Shape,
}

/// Bytes that the partial sums of one weight may take.
const PARTIALS: usize = 64 << 20;

impl GradWeight {
    /// Image rows a split, so that there are about as many threads as the adapter wants.
    fn rows(&self, sizes: &Sizes, limits: &Limits) -> usize {
        let threads = match sizes.tiled(limits) {
            true => 64 * sizes.gi4.div_ceil(16) * sizes.go4.div_ceil(16),
            false => sizes.gi4.div_ceil(2) * sizes.go4.div_ceil(2),
        } * sizes.taps()
            * sizes.bundles;
        let most = (PARTIALS / (self.weight.vec4s() * 16)).max(1);
        let splits = limits.threads_wanted().div_ceil(threads).min(most);
        (sizes.y.n() * sizes.y.h()).div_ceil(splits)
    }
}

impl Op for GradWeight {
    fn name(&self) -> &'static str {
        "conv2d_grad_weight"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![self.weight])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let sizes = self.conv.laid(cx.inputs[0], self.weight);
        let rows = self.rows(&sizes, cx.limits);
        let ranges = cx.image_ranges(&[In(0), In(1)], sizes.work(sizes.x.n()));
        let splits_of = |images: &Range<usize>| (images.len() * sizes.y.h()).div_ceil(rows);
        let splits: usize = ranges.iter().map(splits_of).sum();
        let partials = if splits == 1 {
            Out(0)
        } else {
            cx.scratch(splits * self.weight.vec4s())
        };
        let mut first_split = 0;
        for images in ranges {
            let splits = splits_of(&images);
            let dispatch = sizes
                .dispatch(
                    cx.limits,
                    ["conv2d_grad_weight", "conv2d_tiled_grad_weight"],
                    images.len(),
                )
                .params(&[rows, splits, first_split])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(In(1), &images))
                .bind(partials);
            let parts = splits * sizes.taps() * sizes.bundles;
            cx.push(match sizes.tiled(cx.limits) {
                true => {
                    dispatch.workgroups(parts * sizes.gi4.div_ceil(16) * sizes.go4.div_ceil(16))
                }
                false => {
                    let (inputs, columns) = (Sizes::columns(sizes.gi4), Sizes::columns(sizes.go4));
                    dispatch
                        .constant("INPUTS", inputs as f64)
                        .constant("COLUMNS", columns as f64)
                        .threads(parts * sizes.gi4.div_ceil(inputs) * sizes.go4.div_ceil(columns))
                }
            });
            first_split += splits;
        }
        if splits > 1 {
            sum_partials(cx, partials, splits, self.weight.vec4s(), Out(0));
        }
    }
}
