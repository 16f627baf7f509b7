//! What a convolution's input gradient is added to before anything else is done to it. Texts: `shaders/epilogue/alone`,
//! `added`, `added_derived`.

use std::ops::Range;

use super::Activation;
use crate::{Dispatch, Following, In, LaunchContext, Slot};

/// A gradient of the same value that came another way, in whose place the sum is stored: the node's input that holds it,
/// and the activation that the sum goes back through, by the input that holds the activation's output. The default adds
/// nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summand {
    added: Option<usize>,
    back_through: Option<(Activation, usize)>,
}

impl Summand {
    /// Input `appended`; `None` where something is added already.
    pub(super) fn added(self, appended: usize) -> Option<Self> {
        self.added.is_none().then_some(Self {
            added: Some(appended),
            ..self
        })
    }

    /// The sum goes back through an activation, whose output is input `appended`; `None` where there is no sum.
    pub(super) fn followed(self, by: Following, appended: usize) -> Option<Self> {
        match (by, self.added, self.back_through) {
            (Following::Derivative(activation), Some(_), None) => Some(Self {
                back_through: Some((activation, appended)),
                ..self
            }),
            _ => None,
        }
    }

    /// The input that the sum is stored in place of.
    pub(super) fn replaced(self) -> Option<usize> {
        self.added
    }

    /// Whether it takes a binding of its own.
    pub(super) fn is_derived(self) -> bool {
        self.back_through.is_some()
    }

    /// The inputs that have the gradients' format.
    pub(super) fn inputs(self) -> impl Iterator<Item = usize> {
        self.added
            .into_iter()
            .chain(self.back_through.map(|(_, activated)| activated))
    }

    /// The same as tensors that are cut by images.
    pub(super) fn slots(self) -> impl Iterator<Item = Slot> {
        self.inputs().map(In)
    }

    /// Joins the text.
    pub(super) fn link(self, dispatch: Dispatch) -> Dispatch {
        match (self.added, self.back_through) {
            (None, _) => dispatch.link("epilogue/alone"),
            (Some(_), None) => dispatch.link("epilogue/added"),
            (Some(_), Some((activation, _))) => dispatch
                .link("epilogue/added_derived")
                .link("activations")
                .constant("ADDED_ACTIVATION", activation.code()),
        }
    }

    /// Binds what that text reads besides what the kernel writes.
    pub(super) fn bind(
        self,
        dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
    ) -> Dispatch {
        match self.back_through {
            Some((_, activated)) => dispatch.bind_at(8, cx.images(In(activated), images)),
            None => dispatch,
        }
    }
}
