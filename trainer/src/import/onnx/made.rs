//! What stands behind a name of the file, and how a node is refused.

use super::few::{Few, Side};
use super::message::{Node, shown};
use super::tensor::Tensor;

/// What a node of the file makes.
#[derive(Clone, Debug)]
pub(super) enum Made<'a> {
    /// What a layer computes.
    Features(Features),
    /// A squashing function of features: its product with them is one layer.
    Squashed {
        of: Features,
        by: Squash,
        /// What the layer would be called.
        name: String,
    },
    /// Features with zeros around them: rows above, columns left, rows below, columns right.
    Padded { of: Features, pads: [usize; 4] },
    /// What a softmax makes of logits.
    Probabilities(Features),
    /// The pictures as `[N, h, w, 3]`.
    ChannelsLast,
    /// A tensor of the file.
    Constant(Tensor<'a>),
    /// Sizes, and the numbers that sizes are computed with.
    Few(Few),
    /// What a node that was refused would have made.
    Unknown,
}

/// A value of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Features {
    /// 0 for the images, else the layer, from 1.
    pub(super) index: usize,
    /// Whether the file has it as `[N, c·h·w]`, instead of `[N, c, h, w]`.
    pub(super) flat: bool,
}

/// A function whose product with what it reads is an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Squash {
    /// The product is SiLU.
    Sigmoid,
    /// `min(max(x / 6 + 1/2, 0), 1)`: the product is hard swish.
    HardSigmoid,
}

/// Why a node is no layer.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// It is well made, but nothing that is computed here: what was expected.
    Unsupported(String),
    /// The file contradicts itself.
    Broken(String),
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        Self::Broken(problem)
    }
}

/// What comes of a node.
pub(super) type Taken<T> = Result<T, Refusal>;

/// Refuses what is not computed here, by what was expected.
pub(super) fn expected<T>(what: impl Into<String>) -> Taken<T> {
    Err(Refusal::Unsupported(what.into()))
}

/// A node with what it reads.
pub(super) struct Call<'n, 'a> {
    pub(super) node: &'n Node<'a>,
    pub(super) inputs: Vec<Option<Made<'a>>>,
}

impl<'a> Call<'_, 'a> {
    /// An input that may be left out.
    pub(super) fn optional(&self, input: usize) -> Option<&Made<'a>> {
        self.inputs.get(input).and_then(Option::as_ref)
    }

    pub(super) fn input(&self, input: usize) -> Taken<&Made<'a>> {
        self.optional(input).ok_or_else(|| {
            let (called, count) = (shown(self.node.called()), input + 1);
            Refusal::Broken(format!("{called} has fewer than {count} inputs"))
        })
    }

    /// A tensor of the file.
    pub(super) fn constant(&self, input: usize) -> Taken<&Tensor<'a>> {
        match self.input(input)? {
            Made::Constant(tensor) => Ok(tensor),
            _ => expected("weights that the file holds"),
        }
    }

    /// A single number, where it is given.
    pub(super) fn number(&self, input: usize) -> Taken<Option<f64>> {
        let Some(made) = self.optional(input) else {
            return Ok(None);
        };
        match Few::of(made)?.as_ref().map(|few| few.numbers.as_slice()) {
            Some(&[Side::Number(number)]) => Ok(Some(number)),
            _ => expected("limits that the file holds, one number each"),
        }
    }

    /// Sizes or axes, where they are given.
    pub(super) fn sizes(&self, input: usize) -> Taken<Option<Vec<Side>>> {
        let Some(made) = self.optional(input) else {
            return Ok(None);
        };
        match Few::of(made)? {
            Some(few) => Ok(Some(few.numbers)),
            None => expected("sizes, which no picture changes"),
        }
    }

    /// Whole numbers, where they are given.
    fn whole(&self, input: usize) -> Taken<Option<Vec<i64>>> {
        let Some(sizes) = self.sizes(input)? else {
            return Ok(None);
        };
        let whole = |side: Side| match side {
            Side::Number(number) if number.fract() == 0.0 => Ok(number as i64),
            _ => expected("whole numbers that do not depend on how many images there are"),
        };
        sizes.into_iter().map(whole).collect::<Taken<_>>().map(Some)
    }

    /// The axes that older versions have as an attribute and newer ones as an input, of a tensor with so many sides, in order.
    pub(super) fn axes(&self, input: usize, rank: usize) -> Taken<Option<Vec<usize>>> {
        let axes = match self.node.ints("axes") {
            Some(axes) => Some(axes.to_vec()),
            None => self.whole(input)?,
        };
        let axis = |&axis: &i64| self.axis(axis, rank);
        let axes: Option<Vec<usize>> = axes
            .map(|axes| axes.iter().map(axis).collect::<Taken<_>>())
            .transpose()?;
        Ok(axes.map(|mut axes| {
            axes.sort_unstable();
            axes
        }))
    }

    /// An axis counted from the front.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Taken<usize> {
        let sides = rank as i64;
        let counted = if axis < 0 {
            axis.saturating_add(sides)
        } else {
            axis
        };
        match (0..sides).contains(&counted) {
            true => Ok(counted as usize),
            false => Err(Refusal::Broken(format!(
                "{} names axis {axis} of {rank}",
                shown(self.node.called())
            ))),
        }
    }
}
