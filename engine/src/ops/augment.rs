//! Pictures as a network reads them, moved and flipped at random in training. Kernels: `shaders/ops/augment.wgsl`.
//! Test: `tests/ops/augment.rs`.

use super::arenas::{Allowed, expect};
use super::{expect_dtype, node_path};
use crate::{
    DType, Dispatch, Error, Graph, Halves, In, LaunchContext, Mode, Op, Out, Result, Shape, Slot,
    Value, philox,
};

/// How pictures become a network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// What is taken from each channel, on a scale where white is 1.
    pub mean: [f32; 3],
    /// What each channel is divided by then.
    pub std: [f32; 3],
    /// The share of pictures that are mirrored left to right, in training only.
    pub flip: f32,
    /// The picture is moved by up to this many pixels up, down, left and right, in training only; less than a side.
    pub crop: usize,
    /// The colour of what lies outside of the picture, before normalisation.
    pub fill: [u8; 3],
}

impl Default for Augment {
    /// The mean and deviation of ImageNet's pictures, nothing random, black outside.
    fn default() -> Self {
        Self {
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            flip: 0.0,
            crop: 0,
            fill: [0; 3],
        }
    }
}

/// Normalises `pictures`, bytes `[n, h, w, 3]`, to `(x / 255 - mean) / std` as f32; in [`Mode::Train`] each is first
/// moved and flipped as `options` ask.
///
/// A moved picture is the crop of its own size, at random, out of the picture with a border of `crop` pixels of
/// `fill`: torchvision's `RandomCrop(padding)`, whose border is black before normalisation. What happens to a picture
/// depends on seed, epoch and its place in the data set alone ([`Graph::randomness`]).
///
/// # Errors
///
/// [`Error::Shape`] for another number of channels or a `crop` as large as a side, [`Error::Graph`] for pictures
/// that are not [`DType::U8`], a deviation that is not above 0, or two batch sizes of random operators.
pub fn augment(g: &mut Graph, pictures: Value, options: Augment) -> Result<Value> {
    for (mean, std) in options.mean.into_iter().zip(options.std) {
        expect(g, "augment", "std", std, Allowed::Positive)?;
        if !mean.is_finite() {
            return Err(Error::Graph(format!(
                "{}: mean is {mean}, expected a finite number",
                node_path(g, "augment")
            )));
        }
    }
    if !(0.0..=1.0).contains(&options.flip) {
        let path = node_path(g, "augment");
        let problem = format!(
            "{path}: flip is {}, expected a share of 0 to 1",
            options.flip
        );
        return Err(Error::Graph(problem));
    }
    expect_dtype(g, "augment", pictures, DType::U8)?;
    let moves = options.flip > 0.0 || options.crop > 0;
    if g.mode() != Mode::Evaluate && moves {
        let random = g.randomness(g.shape(pictures).n())?;
        g.apply_one(Random(options), &[pictures, random.key, random.indices])
    } else {
        g.apply_one(Normalise(options), &[pictures])
    }
}

/// What is drawn for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Rows by which the crop lies lower than the picture, and columns by which it lies further right.
    pub shift: [i32; 2],
    /// Whether the crop is mirrored then.
    pub flipped: bool,
}

impl Augment {
    /// What the device draws for picture `index` of the data set, on the host.
    pub fn draw(&self, seed: u64, epoch: u32, index: u32) -> Moves {
        let words = philox::draw(seed, epoch, index, philox::hash("augment"), 0);
        let shift = |word: u32| {
            let shifts = 2 * self.crop as i32 + 1;
            (((word >> 16) as i32 * shifts) >> 16) - self.crop as i32
        };
        Moves {
            shift: [shift(words[0]), shift(words[1])],
            flipped: words[2] >> 8 >= self.unflipped(),
        }
    }

    /// Of 2²⁴ draws, those that leave a picture as it is.
    fn unflipped(&self) -> u32 {
        ((1.0 - self.flip) * 16_777_216.0) as u32
    }

    /// `scale` and `offset` of the kernels: `x · scale + offset` is `(x / 255 - mean) / std`; the fourth is padding.
    pub(super) fn coefficients(&self) -> [f32; 8] {
        let mut both = [0.0; 8];
        for c in 0..3 {
            both[c] = 1.0 / (255.0 * self.std[c]);
            both[4 + c] = -self.mean[c] / self.std[c];
        }
        both
    }

    /// The kernel `entry` on each range of pictures.
    fn launch(&self, cx: &mut LaunchContext, entry: &'static str, draws: Option<Slot>) {
        let [_, h, w, _] = cx.inputs[0].0;
        let [red, green, blue] = self.fill.map(usize::from);
        for images in cx.image_ranges(&[In(0), Out(0)], 0) {
            let pixels = images.len() * h * w;
            let mut dispatch = Dispatch::new("ops/augment", entry)
                .link("random/philox")
                .params(&[pixels, h, w, images.start]);
            for number in self.coefficients() {
                dispatch = dispatch.param_f32(number);
            }
            dispatch = dispatch
                .params(&[red | green << 8 | blue << 16])
                .bind(cx.images(In(0), &images))
                .bind(cx.images(Out(0), &images))
                .threads(pixels);
            if let Some(draws) = draws {
                dispatch = dispatch.bind(draws);
            }
            cx.push(dispatch);
        }
    }
}

fn pictures(inputs: &[Shape]) -> Result<Vec<Shape>, String> {
    if inputs[0].c() == 3 {
        Ok(vec![inputs[0]])
    } else {
        Err("pictures of three channels, n×h×w×3".into())
    }
}

#[derive(Debug)]
struct Normalise(Augment);

impl Op for Normalise {
    fn name(&self) -> &'static str {
        "augment"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        pictures(inputs)
    }

    fn launch(&self, cx: &mut LaunchContext) {
        self.0.launch(cx, "augment_normalise", None);
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        // Pictures are whole numbers.
        Ok(vec![None])
    }
}

#[derive(Debug)]
struct Random(Augment);

impl Op for Random {
    fn name(&self) -> &'static str {
        "augment"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [_, h, w, _] = inputs[0].0;
        // Shifts are drawn from 16 bits of a word.
        if self.0.crop >= h.min(w).min(1 << 15) {
            return Err(format!(
                "pictures of more than {} pixels a side: they are moved by up to as many",
                self.0.crop
            ));
        }
        pictures(inputs)
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let n = cx.inputs[0].n();
        let draws = cx.scratch(n);
        cx.push(
            Dispatch::new("ops/augment", "augment_draw")
                .link("random/philox")
                .params(&[
                    n,
                    self.0.crop,
                    self.0.unflipped() as usize,
                    philox::hash("augment") as usize,
                ])
                .bind(In(1))
                .bind(In(2))
                .bind(draws)
                .threads(n),
        );
        self.0.launch(cx, "augment", Some(draws));
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(vec![None; 3])
    }
}
