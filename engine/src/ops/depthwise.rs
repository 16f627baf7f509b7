//! Convolution of each channel by itself. Kernels: `shaders/ops/depthwise.wgsl`. Test: `tests/ops/depthwise.rs`.

mod gradient;

use std::ops::Range;
use std::sync::Arc;

use super::batch_norm::{Parts, statistics_of};
use super::ending::{Ending, partial_rows};
use super::entry::{Arriving, Entry};
use super::fused::Extras;
use super::sum_rows::PartialSums;
use super::window::{Padding, STRIP, Window};
use crate::{
    AdapterKind, Cost, Dispatch, Graph, Halves, In, LaunchContext, Limits, Meaning, Op, Out,
    Reading, Result, Shape, Value,
};
use gradient::{GradInput, GradWeight};

/// The widest kernel, a row of which a thread keeps in registers, and the widest stride.
const WIDEST: usize = 7;

/// Rows of strips that a thread goes along where it leaves sums of what it stores, at least: below, these weigh as much.
const STRIPS_EACH: usize = 16;

/// The same where it leaves its part of the mean over an image: so that a batch of one keeps many threads busy.
const MEAN_STRIPS_EACH: usize = 8;

/// Rows of a strip: more where loads are dear, which then serve them all; `TALL` of a text of `shaders/strips/`.
#[derive(Clone, Copy, Debug)]
struct Tall(usize);

impl Tall {
    /// The text for four is of stride 1 and of the usual kernels.
    fn of(limits: &Limits, window: Window) -> Self {
        let able = window.stride == 1 && window.kernel <= 5;
        match limits.kind {
            AdapterKind::Cpu if able => Self(4),
            _ => Self(1),
        }
    }

    /// Rows of strips in so many rows of pixels.
    fn rows(self, pixels: usize) -> usize {
        pixels.div_ceil(self.0)
    }

    /// How many a thread goes along, of so many strips of one row.
    fn each(self, strips: usize) -> usize {
        (strips / self.0).max(1)
    }

    fn link(self, dispatch: Dispatch) -> Dispatch {
        dispatch.link(match self {
            Self(1) => "strips/single",
            _ => "strips/four",
        })
    }
}

/// How a depthwise convolution's window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Depthwise {
    /// Pixels from one window to the next.
    pub stride: usize,
    /// What lies around the image.
    pub padding: Padding,
}

impl Default for Depthwise {
    /// Every pixel, no padding.
    fn default() -> Self {
        Self {
            stride: 1,
            padding: Padding::default(),
        }
    }
}

/// Convolves each channel of `x`, `[n, h, w, c]`, with a kernel of its own from `w`, `[k, k, 1, c]`, k at most 7, stride at most 7:
/// `y[n, oy, ox, c] = Σ x[n, oy·stride + ky - top, ox·stride + kx - left, c] · w[ky, kx, 1, c]`, as in MobileNets
/// (<https://arxiv.org/abs/1704.04861>).
///
/// # Errors
///
/// [`crate::Error::Shape`] where the weight is not `[k, k, 1, c]`, kernel or stride is beyond 7, or the window does not fit on the image.
pub fn depthwise(g: &mut Graph, x: Value, w: Value, options: Depthwise) -> Result<Value> {
    let forward = Forward {
        options,
        entry: Entry::default(),
        statistics: false,
    };
    g.apply_one(forward, &[x, w])
}

impl Depthwise {
    fn window(self, kernel: usize, [h, w]: [usize; 2]) -> Result<Window, String> {
        Window::new(kernel, self.stride, self.padding, h, w)
    }

    /// The window where [`Depthwise::output`] has accepted it.
    pub(super) fn accepted(self, kernel: usize, image: [usize; 2]) -> Window {
        self.window(kernel, image)
            .expect("the convolution was added, so its window fits")
    }

    /// The output's shape, or what the inputs should have been.
    pub(super) fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let (x, w) = (inputs[0], inputs[1]);
        let k = w.0[0];
        if w != Shape([k, k, 1, x.c()]) {
            return Err(format!(
                "a weight [k, k, 1, {}], one kernel a channel",
                x.c()
            ));
        }
        if k > WIDEST || self.stride > WIDEST {
            return Err(format!(
                "a kernel of at most {WIDEST}×{WIDEST} and a stride of at most {WIDEST} (here {})",
                self.stride
            ));
        }
        let [oh, ow] = self.window(k, [x.h(), x.w()])?.out;
        Ok(Shape([x.n(), oh, ow, x.c()]))
    }

    pub(super) fn cost(&self, inputs: &[Shape]) -> Cost {
        let taps = inputs[1].h() * inputs[1].n();
        let acts = self.output(inputs).map_or(0, Shape::count);
        Cost {
            flops: (acts * taps) as u64,
            acts: acts as u64,
        }
    }

    /// The kernels that compute the output.
    pub(super) fn launch(&self, cx: &mut LaunchContext, extras: &Extras) {
        let (x, y, kernel) = (cx.inputs[0], cx.outputs[0], cx.inputs[1].n());
        let window = self.accepted(kernel, [x.h(), x.w()]);
        let work = y.vec4s() * 4 * kernel * kernel;
        let strips = y.w().div_ceil(STRIP);
        let tall = Tall::of(cx.limits, window);
        // Pixels of a row that a thread reads, rows of them, and weights.
        let (row, taps) = ((STRIP - 1) * window.stride + kernel, kernel * kernel);
        let rows_read = tall.0 - 1 + kernel;
        let ranges = cx.image_ranges(&[In(0), Out(0)], work);
        let strips_of = |images: &Range<usize>| images.len() * tall.rows(y.h()) * strips;
        // Images whose strips no thread takes together, and threads of four channels by which those of one are shared.
        let units_of = |images: &Range<usize>| match extras.mean {
            Some(_) => [images.len(), strips_of(&(0..1))],
            None => [1, strips_of(images)],
        };
        let all_strips = [strips_of(&(0..y.n())), y.c4()];
        let rows_of = |unit: usize| match (extras.statistics, extras.mean) {
            (Some(_), _) => partial_rows(cx.limits, all_strips, unit, tall.each(STRIPS_EACH)),
            (_, Some(_)) => partial_rows(cx.limits, all_strips, unit, tall.each(MEAN_STRIPS_EACH)),
            _ => unit,
        };
        let units = ranges.iter().map(units_of).collect::<Vec<_>>();
        let rows = units.iter().map(|&[n, unit]| [n, rows_of(unit)]);
        let rows = rows.collect::<Vec<_>>();
        let all_rows = rows.iter().map(|[units, rows]| units * rows).sum();
        let made = extras
            .statistics
            .map(|out| Parts::new(cx, all_rows, y, out));
        let mean = extras.mean.map(|out| {
            let each = all_rows / y.n().max(1);
            PartialSums::of(cx, [y.n(), each, y.c4()], Out(out))
        });
        let mut first_row = 0;
        for ((images, [_, unit]), [units, rows]) in ranges.into_iter().zip(units).zip(rows) {
            let (all, step) = (unit * y.c4(), rows * y.c4());
            let (strips_here, threads) = (units * all, units * step);
            let dispatch = tall.link(window.dispatch("ops/depthwise", "depthwise"));
            let dispatch = extras.link_epilogue(dispatch);
            let dispatch = extras
                .entry
                .link(dispatch)
                .params(&[all])
                .params(&window.sizes(x, y))
                .params(&[strips, y.c(), step, first_row, threads])
                .bind(cx.images(In(0), &images))
                .bind(In(1))
                .bind(cx.images(Out(0), &images))
                .threads(threads)
                .work(work / x.n() * images.len())
                .rereads(&[
                    (
                        (strips_here * rows_read * row) as u64 * cx.vec4_bytes(In(0)),
                        x.with_n(images.len()).vec4s() as u64 * cx.vec4_bytes(In(0)),
                    ),
                    (
                        (strips_here * taps * 16) as u64,
                        (x.c4() * taps * 16) as u64,
                    ),
                ]);
            let dispatch = match (&made, &mean) {
                (Some(made), _) => made.bind(dispatch.link("epilogue/strip_statistics"), rows),
                (_, Some(mean)) => dispatch
                    .link("epilogue/strip_mean")
                    .bind_at(7, mean.slot.touching(threads)),
                _ => dispatch.link("epilogue/strip_stored"),
            }
            .link("epilogue/gradient_stored");
            let dispatch = Arriving::default().finish(dispatch, cx, &images);
            first_row += units * rows;
            cx.push(extras.bind(dispatch, cx, &images));
        }
        if let Some(made) = made {
            made.merge(cx);
        }
        if let (Some(mean), Some(out)) = (mean, extras.mean) {
            mean.add_up(cx, Out(out));
        }
    }
}

#[derive(Debug)]
struct Forward {
    options: Depthwise,
    /// What is made of the input as it is read.
    entry: Entry,
    /// Whether it makes the statistics of its output, too.
    statistics: bool,
}

impl Op for Forward {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn halves(&self) -> Halves {
        Halves::apart(&[0])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Depthwise(self.options)
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let y = self.options.output(inputs)?;
        Ok([y]
            .into_iter()
            .chain(self.statistics.then(|| statistics_of(y)))
            .collect())
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        self.options.cost(inputs)
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let extras = Extras {
            entry: self.entry,
            statistics: self.statistics.then_some(1),
            ..Extras::default()
        };
        self.options.launch(cx, &extras);
    }

    fn with_statistics(&self) -> Option<Arc<dyn Op>> {
        Some(Arc::new(Self {
            statistics: true,
            ..*self
        }))
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = (input == 0).then(|| self.entry.reading(reading, appended))??;
        Some(Arc::new(Self { entry, ..*self }))
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
        let (x, w) = (g.shape(xs[0]), g.shape(xs[1]));
        let (options, image, kernel) = (self.options, [x.h(), x.w()], w.n());
        let input = GradInput {
            options,
            image,
            arriving: Arriving::default(),
            ending: Ending::default(),
        };
        let dx = g.apply_one(input, &[dy, xs[1]])?;
        let weight = GradWeight {
            options,
            kernel,
            entry: Entry::default(),
            arriving: Arriving::default(),
        };
        let dw = g.apply_one(weight, &[xs[0], dy])?;
        Ok(vec![Some(dx), Some(dw)])
    }
}
