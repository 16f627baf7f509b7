//! 2-D convolution: dense, in groups of any width, pointwise; depthwise ones go to `depthwise`. Kernels:
//! `shaders/ops/conv2d.wgsl`, and its variants `conv2d_shared`, `conv2d_narrow`, `conv2d_first`, `conv2d_tiled`,
//! `conv2d_cooperative`. Test: `tests/ops/conv2d.rs`.

mod first;
mod gradient;
pub(crate) mod gram;
mod narrow;
mod sizes;
mod strip;
mod weight;

use std::ops::Range;
use std::sync::Arc;

use super::batch_norm::{Parts, statistics_of};
use super::bundle::bundle;
use super::depthwise::{Depthwise, depthwise};
use super::ending::Ending;
use super::entry::Arriving;
use super::fused::Extras;
use super::summand::Summand;
use super::window::{Padding, Window};
use crate::{
    Cost, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Value,
};
use gradient::{GradInput, GradWeight};
use sizes::{Entries, MEASURED, Pass, STORED, Sizes};

/// Entry points of the output.
const ENTRIES: Entries = Entries {
    over_pixels: Some(Pass::Output),
    tiled: "conv2d_tiled",
    cooperative: "conv2d_cooperative",
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
        .find(|t| (t * (cin % 4)).is_multiple_of(4) && (t * (cout % 4)).is_multiple_of(4))
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
        let sizes = Sizes {
            gated: extras.gate.is_some(),
            ..self.laid(cx.inputs[0], cx.inputs[1]).reading(cx, In(0))
        };
        let ranges = cx.image_ranges(&[In(0), Out(0)], sizes.work(sizes.x.n()));
        let sums = extras.statistics.is_some();
        let rows_of =
            |images: &Range<usize>| sizes.rows_left(cx.limits, Pass::Output, images.len(), sums);
        let rows = ranges.iter().map(rows_of).collect::<Vec<_>>();
        let made = extras
            .statistics
            .map(|out| Parts::new(cx, rows.iter().sum(), sizes.y, out));
        let mut first_row = 0;
        for (images, rows) in ranges.into_iter().zip(rows) {
            let dispatch = sizes
                .dispatch(cx.limits, &ENTRIES, images.len(), extras)
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images));
            let dispatch = match &made {
                Some(made) => made.bind(sizes.leaving(dispatch, cx.limits, MEASURED), rows),
                None => sizes.leaving(dispatch, cx.limits, STORED),
            };
            let left = first_row..first_row + rows;
            first_row = left.end;
            let dispatch = Arriving::default().finish(dispatch, cx, &images);
            let dispatch = dispatch.link("prologue/beside_nothing");
            let dispatch = Summand::default().link(Ending::default().link(dispatch));
            let dispatch = extras.bind(dispatch, cx, &images);
            let dispatch = sizes.over(dispatch, cx.limits, Pass::Output, &images, &left);
            cx.push(dispatch.rereads(&sizes.reads(cx, Pass::Output, images.len())));
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
        // More groups than there are output channels do not divide them; their input channels may be beyond counting.
        let expected = (cin / spread).checked_mul(groups);
        let fits = groups > 0 && expected == Some(x.c()) && cout.is_multiple_of(groups);
        if k != kw || k == 0 || !fits {
            let expected = expected.map_or("fewer".into(), |channels| channels.to_string());
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
            gated: false,
        })
    }

    fn laid(&self, x: Shape, weight: Shape) -> Sizes {
        self.sizes(x, weight)
            .expect("shapes were checked when the node was added")
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
                beside: None,
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
