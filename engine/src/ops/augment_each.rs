//! Pictures as a network reads them, each changed as a table says. Kernels: `shaders/ops/augment_each.wgsl`. Test:
//! `tests/ops/augment_each.rs`.

use super::augment::Augment;
use super::expect_dtype;
use crate::{DType, Dispatch, Graph, In, LaunchContext, Op, Out, Result, Shape, Value, philox};

/// What [`augment_each`] does to one picture, in this order: a part of it is resized to the whole, mirrored, its colours are
/// moved, it is normalised, lit, and rectangles of it are erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Alteration {
    /// Left, top, width and height of the part, in pixels.
    pub part: [usize; 4],
    /// Whether it is mirrored left to right.
    pub mirrored: bool,
    /// Changes of colour and their factors, up to three.
    pub tones: Vec<(Tone, f32)>,
    /// What is added to red, green and blue, on a scale where white is 1.
    pub light: [f32; 3],
    /// Rectangles, of which later ones lie on top.
    pub erased: Vec<Erased>,
}

/// A change of colour by a factor, on bytes: `dull + factor · (byte - dull)`, cut to 0 to 255, where what follows the point falls
/// off. Pillow's `ImageEnhance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Against black.
    Brightness,
    /// Against the picture's mean grey.
    Contrast,
    /// Against the pixel's own grey.
    Saturation,
}

/// A rectangle that hides what is under it (Zhong et al. 2020, <https://arxiv.org/abs/1708.04896>).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erased {
    /// Left, top, right and bottom in pixels; the last two are the first outside.
    pub rectangle: [usize; 4],
    /// What it shows, after normalisation.
    pub colour: [f32; 3],
    /// Deviation of the noise on that, drawn for each pixel and channel.
    pub noise: f32,
}

impl Alteration {
    /// Nothing, for pictures of `[h, w]` pixels.
    pub fn none([h, w]: [usize; 2]) -> Self {
        Self {
            part: [0, 0, w, h],
            mirrored: false,
            tones: Vec::new(),
            light: [0.0; 3],
            erased: Vec::new(),
        }
    }

    /// The rows of the table of [`augment_each`] for one picture and up to `rectangles` erased rectangles; more tones or
    /// rectangles than there is room for are left out.
    pub fn rows(&self, rectangles: usize) -> Vec<f32> {
        let mut rows: Vec<f32> = self.part.iter().map(|&pixels| pixels as f32).collect();
        let (mut kinds, mut factors) = ([0.0; 4], [0.0; 4]);
        for (i, &(tone, factor)) in self.tones.iter().take(3).enumerate() {
            kinds[i] = match tone {
                Tone::Brightness => 1.0,
                Tone::Contrast => 2.0,
                Tone::Saturation => 3.0,
            };
            factors[i] = factor;
        }
        kinds[3] = f32::from(u8::from(self.mirrored));
        rows.extend(kinds.iter().chain(&factors));
        rows.extend(self.light);
        rows.push(0.0);
        for erased in self.erased.iter().take(rectangles) {
            rows.extend(erased.rectangle.map(|pixels| pixels as f32));
            rows.extend(erased.colour);
            rows.push(erased.noise);
        }
        rows.resize(4 * table_rows(rectangles), 0.0);
        rows
    }
}

/// Rows of a picture in the table of [`augment_each`].
pub fn table_rows(rectangles: usize) -> usize {
    4 + 2 * rectangles
}

/// Changes `pictures`, bytes `[n, h, w, 3]`, each by its rows of `table`, `[n, 1, rows, 4]`, which [`Alteration::rows`] makes;
/// `normal` gives mean and deviation, its other numbers do nothing here.
///
/// A part is resized with bilinear weights, by way of bytes between rows and columns: where it grows, the numbers are Pillow's within a
/// level. Noise is a function of (seed, epoch, picture's index in its data set) and place ([`Graph::randomness`]).
///
/// # Errors
///
/// [`crate::Error::Shape`] for a table or a number of channels that do not fit, [`crate::Error::Graph`] for pictures that are
/// not [`DType::U8`], or as [`Graph::randomness`].
pub fn augment_each(
    g: &mut Graph,
    pictures: Value,
    table: Value,
    normal: Augment,
) -> Result<Value> {
    expect_dtype(g, "augment_each", pictures, DType::U8)?;
    let random = g.randomness(g.shape(pictures).n())?;
    g.apply_one(Each(normal), &[pictures, table, random.key, random.indices])
}

#[derive(Debug)]
struct Each(Augment);

impl Op for Each {
    fn name(&self) -> &'static str {
        "augment_each"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let Shape([n, _, _, c]) = inputs[0];
        let rows = inputs[1].0[2];
        if c != 3 || inputs[1] != Shape([n, 1, rows, 4]) || rows < 4 || !rows.is_multiple_of(2) {
            return Err(
                "pictures n×h×w×3 and a table n×1×rows×4 of an even number of rows, 4 or more"
                    .into(),
            );
        }
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let Shape([n, h, w, _]) = cx.inputs[0];
        let (greys, means) = (cx.scratch(n * h), cx.scratch(n));
        let rows = cx.inputs[1].0[2];
        let ranges = cx.image_ranges(&[In(0), Out(0)], 0);
        let kernel = |entry, threads: usize, first| {
            let mut dispatch = Dispatch::new("ops/augment_each", entry)
                .link("random/philox")
                .params(&[threads, h, w, first]);
            for number in self.0.coefficients() {
                dispatch = dispatch.param_f32(number);
            }
            let name = philox::hash("augment_each") as usize;
            dispatch.params(&[rows, name]).threads(threads)
        };
        for images in &ranges {
            let dispatch = kernel("augment_each_greys", images.len() * h, images.start)
                .bind(cx.images(In(0), images))
                .bind(In(1))
                .bind(greys);
            cx.push(dispatch);
        }
        let dispatch = kernel("augment_each_means", n, 0).bind(greys).bind(means);
        cx.push(dispatch);
        for images in &ranges {
            let dispatch = kernel("augment_each", images.len() * h * w, images.start)
                .bind(cx.images(In(0), images))
                .bind(In(1))
                .bind(means)
                .bind(In(2))
                .bind(In(3))
                .bind(cx.images(Out(0), images));
            cx.push(dispatch);
        }
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        // Pictures are whole numbers, and the table is drawn.
        Ok(vec![None; 4])
    }
}
