//! What an input's gradient goes through before it is stored. Texts: `shaders/epilogue/gradient_...`, and what a tile or
//! a thread leaves besides, `tile_sums` and `strip_sums`.

use std::ops::Range;

use super::Activation;
use super::batch_norm::GradientParts;
use crate::{Dispatch, In, LaunchContext, Limits, Out, Shape, Slot};

/// A batch norm and its activation whose output the gradient is of: the node's input that holds what was normalised (the
/// next one holds the coefficients), and the activation. What is stored is the gradient behind the activation; the
/// node's second and third output are dgamma and dbeta. The default stores the gradient as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ending {
    normalised: Option<(usize, Activation)>,
    /// Whether the kernel finds the coefficients behind those of the gradient that arrives.
    behind: bool,
}

impl Ending {
    /// By the inputs from `appended` on; `None` where a gradient ends so already.
    pub(super) fn normalised(self, activation: Activation, appended: usize) -> Option<Self> {
        match self.normalised {
            None => Some(Self {
                normalised: Some((appended, activation)),
                ..self
            }),
            Some(_) => None,
        }
    }

    /// With the coefficients behind those of the gradient that arrives.
    pub(super) fn behind(self) -> Self {
        Self {
            behind: true,
            ..self
        }
    }

    /// The input that holds the coefficients, where they are a tensor of their own.
    pub(super) fn coefficients(self) -> Option<usize> {
        let (ended, _) = self.normalised?;
        (!self.behind).then_some(ended + 1)
    }

    /// The shapes of a node's outputs whose first one is `dx`.
    pub(super) fn outputs(self, dx: Shape) -> Vec<Shape> {
        let sums = if self.sums() { 2 } else { 0 };
        [dx].into_iter()
            .chain(std::iter::repeat_n(Shape::vector(dx.c()), sums))
            .collect()
    }

    /// The input that has the gradients' format, besides these.
    pub(super) fn input(self) -> Option<usize> {
        self.normalised.map(|(input, _)| input)
    }

    /// The same as a tensor that is cut by images.
    pub(super) fn slots(self) -> impl Iterator<Item = Slot> {
        self.input().map(In).into_iter()
    }

    /// Joins the text that ends a gradient.
    pub(super) fn link(self, dispatch: Dispatch) -> Dispatch {
        let coefficients = match self.behind {
            true => "epilogue/coefficients_behind",
            false => "epilogue/coefficients_apart",
        };
        match self.normalised {
            None => dispatch.link("epilogue/gradient_stored"),
            Some((_, activation)) => dispatch
                .link("epilogue/gradient_normalised")
                .link(coefficients)
                .link("activations")
                .constant("ENDING_ACTIVATION", activation.code()),
        }
    }

    /// Binds what that text reads.
    pub(super) fn bind(
        self,
        dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
    ) -> Dispatch {
        let dispatch = match self.input() {
            Some(ended) => dispatch.bind_at(5, cx.images(In(ended), images)),
            None => dispatch,
        };
        match self.coefficients() {
            Some(coefficients) => dispatch.bind_at(6, In(coefficients)),
            None => dispatch,
        }
    }

    /// Joins and binds all that, and what rows of threads that go along strips leave besides.
    pub(super) fn finish(
        self,
        dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
        (parts, rows): (Option<&GradientParts>, usize),
    ) -> Dispatch {
        let dispatch = self.bind(self.link(dispatch), cx, images);
        match parts {
            Some(parts) => parts.bind(dispatch.link("epilogue/strip_sums"), rows),
            None => dispatch.link("epilogue/strip_stored"),
        }
    }

    /// Scratch for partial sums in so many rows, where it makes any.
    pub(super) fn parts(
        self,
        cx: &mut LaunchContext,
        rows: usize,
        c4: usize,
    ) -> Option<GradientParts> {
        self.sums()
            .then(|| GradientParts::new(cx, rows, c4, [Out(1), Out(2)]))
    }

    /// Whether it makes sums.
    pub(super) fn sums(self) -> bool {
        self.normalised.is_some()
    }
}

/// Rows of threads that share `here` of the pieces of a batch and leave a partial sum each, none of less than `least`
/// pieces: `[pieces, columns]` are all that there are, and the threads of a row.
pub(super) fn partial_rows(
    limits: &Limits,
    [pieces, columns]: [usize; 2],
    here: usize,
    least: usize,
) -> usize {
    // Enough threads to hide what they wait for, eight times what is worth having at all.
    let each = pieces * columns / (8 * limits.threads_wanted());
    here.div_ceil(each.max(least))
}
