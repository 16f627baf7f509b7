//! Pointwise convolutions as what they are, products of matrices, for the gradients that are made without their outputs:
//! [`crate::Graph::forget`].

use std::sync::Arc;

use super::gradient::{GradInput, GradWeight};
use super::{Conv, Forward};
use crate::ops::ending::Ending;
use crate::ops::entry::Arriving;
use crate::ops::fused::Extras;
use crate::ops::summand::Summand;
use crate::ops::window::Padding;
use crate::{Halves, LaunchContext, Op, Reading, Shape, Slot};

const POINT: Conv = Conv {
    stride: 1,
    padding: Padding::Symmetric(0),
    groups: 1,
    spread: 1,
};

/// `x`, `[n, h, w, cin]`, by a weight `[1, 1, cin, cout]`, plus a bias, `[1, 1, 1, cout]`, where there is one.
pub(crate) fn product(bias: bool) -> impl Op {
    Forward {
        conv: POINT,
        extras: Extras {
            bias: bias.then_some(2),
            ..Extras::default()
        },
    }
}

/// A weight, `[1, 1, cin, cout]`, and `dy`, `[n, h, w, cout]`, to `dy` by the transposed weight, of shape `x`.
pub(crate) fn transposed(x: Shape) -> impl Op {
    back(x)
}

/// As [`transposed`], added to a third input, in its place.
pub(crate) fn transposed_added(x: Shape) -> impl Op {
    GradInput {
        summand: Summand::default().added(2).unwrap_or_default(),
        ..back(x)
    }
}

/// As [`transposed`], plus a third input of shape `x` by a symmetric weight, `[1, 1, cin, cin]`, plus a row, `[1, 1, 1, cin]`.
pub(crate) fn transposed_beside(x: Shape) -> impl Op {
    GradInput {
        beside: Some(Extras::default()),
        ..back(x)
    }
}

fn back(x: Shape) -> GradInput {
    GradInput {
        conv: POINT,
        x,
        arriving: Arriving::default(),
        summand: Summand::default(),
        ending: Ending::default(),
        beside: None,
    }
}

/// `x`, `[n, h, w, cin]`, and `dy`, `[n, h, w, cout]`, to their products' sums over all pixels, of shape `weight`,
/// `[1, 1, cin, cout]`.
pub(crate) fn products(weight: Shape) -> impl Op {
    over_pixels(weight, Extras::default())
}

fn over_pixels(weight: Shape, extras: Extras) -> GradWeight {
    GradWeight {
        conv: POINT,
        weight,
        extras,
        arriving: Arriving::default(),
    }
}

/// The Gram matrix of `x`, `[n, h, w, c]`: the sums over all pixels of the products of each two channels, `[1, 1, c, c]`.
#[derive(Debug, Default)]
pub(crate) struct Gram {
    /// What is made of the input as it is read.
    extras: Extras,
}

impl Op for Gram {
    fn name(&self) -> &'static str {
        "conv2d_gram"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let c = inputs[0].c();
        Ok(vec![Shape([1, 1, c, c])])
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let extras = (input == 0).then(|| self.extras.reading(reading, appended))??;
        Some(Arc::new(Self { extras }))
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let op = over_pixels(cx.outputs[0], self.extras);
        op.launch_of(cx, Slot::In(0), std::iter::empty(), |dispatch, _, _| {
            dispatch.link("prologue/arriving_entered")
        });
    }
}
