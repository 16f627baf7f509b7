//! What kernels make of a number as they read it. Texts: `shaders/prologue/`, `stored` or `normalised` for activations,
//! `incoming` or `excited` for gradients that batch norms read, `arriving_...` for those that convolutions read.

use std::ops::Range;

use super::Activation;
use crate::{Dispatch, In, LaunchContext, Reading, Shape, Slot};

/// A batch norm and an activation that are done as an input is read: the node's input that holds the coefficients, and
/// the activation. The default reads what is stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry(Option<(usize, Activation)>);

impl Entry {
    /// As `reading` says, by the input `appended`; `None` where an entry cannot do that or does one already.
    pub(super) fn reading(self, reading: Reading, appended: usize) -> Option<Self> {
        match (self.0, reading) {
            (None, Reading::Normalised(activation)) => Some(Self(Some((appended, activation)))),
            _ => None,
        }
    }

    /// Whether it reads what is stored.
    pub(super) fn is_stored(self) -> bool {
        self.0.is_none()
    }

    /// The activation behind the batch norm, where there is one.
    pub(super) fn activation(self) -> Option<Activation> {
        self.0.map(|(_, activation)| activation)
    }

    /// Joins the text.
    pub(super) fn link(self, dispatch: Dispatch) -> Dispatch {
        match self.0 {
            None => dispatch.link("prologue/stored"),
            Some((_, activation)) => dispatch
                .link("prologue/normalised")
                .link("activations")
                .constant("ENTRY_ACTIVATION", activation.code()),
        }
    }

    /// Joins the text for a second operand.
    pub(super) fn link_second(self, dispatch: Dispatch) -> Dispatch {
        match self.0 {
            None => dispatch.link("prologue/second_stored"),
            Some((_, activation)) => dispatch
                .link("prologue/second_normalised")
                .constant("SECOND_ACTIVATION", activation.code()),
        }
    }

    /// Binds the coefficients, where the text expects them.
    pub(super) fn bind(self, dispatch: Dispatch) -> Dispatch {
        self.bind_coefficients(dispatch, 6)
    }

    /// Those of a second operand.
    pub(super) fn bind_second(self, dispatch: Dispatch) -> Dispatch {
        self.bind_coefficients(dispatch, 7)
    }

    fn bind_coefficients(self, dispatch: Dispatch, at: u32) -> Dispatch {
        match self.0 {
            None => dispatch,
            Some((coefficients, _)) => dispatch.bind_at(at, In(coefficients)),
        }
    }
}

/// What a gradient that came through squeeze-and-excite is made of as it is read: the node's input that holds the
/// excitation (the next one holds the gradient of the means), and the pixels of an image. The default reads what is
/// stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incoming(Option<(usize, usize)>);

impl Incoming {
    /// As `reading` says, by the inputs from `appended` on; `None` where that is something else, or done already.
    pub(super) fn reading(self, reading: Reading, appended: usize) -> Option<Self> {
        match (self.0, reading) {
            (None, Reading::Excited { pixels }) => Some(Self(Some((appended, pixels)))),
            _ => None,
        }
    }

    /// Whether it is read as it is stored.
    pub(super) fn is_stored(self) -> bool {
        self.0.is_none()
    }

    /// Pixels of an image, where it came through squeeze-and-excite.
    pub(super) fn pixels(self) -> Option<usize> {
        self.0.map(|(_, pixels)| pixels)
    }

    /// Joins the text, gives it its sizes, for the images of `x` from `first` on, and binds what it reads.
    pub(super) fn finish(self, dispatch: Dispatch, x: Shape, first: usize) -> Dispatch {
        let dispatch = dispatch.params(&[x.with_n(1).vec4s(), first]);
        match self.0 {
            None => dispatch.link("prologue/incoming").param_f32(0.0),
            Some((excitation, pixels)) => dispatch
                .link("prologue/excited")
                .param_f32(1.0 / pixels as f32)
                .bind_at(6, In(excitation))
                .bind_at(7, In(excitation + 1)),
        }
    }
}

/// A batch norm and an activation of a convolution's output, whose gradient is made as the gradient of the activation is
/// read: the node's input that holds the convolution's output (the next one holds five numbers a channel, as
/// `batch_norm_grad_coefficients` makes them), and the activation. The default reads what is stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arriving(Option<(usize, Activation)>);

impl Arriving {
    /// As `reading` says, by the inputs from `appended` on; `None` where that is something else, or done already.
    pub(super) fn reading(self, reading: Reading, appended: usize) -> Option<Self> {
        match (self.0, reading) {
            (None, Reading::Differentiated(activation)) => Some(Self(Some((appended, activation)))),
            _ => None,
        }
    }

    /// The input that has the gradients' format, besides these.
    pub(super) fn input(self) -> Option<usize> {
        self.0.map(|(input, _)| input)
    }

    /// The input that holds the five numbers a channel.
    pub(super) fn coefficients(self) -> Option<usize> {
        self.0.map(|(output, _)| output + 1)
    }

    /// The same as a tensor that is cut by images.
    pub(super) fn slots(self) -> impl Iterator<Item = Slot> {
        self.input().map(In).into_iter()
    }

    /// Joins the text and binds what it reads.
    pub(super) fn finish(
        self,
        dispatch: Dispatch,
        cx: &LaunchContext,
        images: &Range<usize>,
    ) -> Dispatch {
        match self.0 {
            None => dispatch.link("prologue/arriving_stored"),
            Some((output, activation)) => dispatch
                .link("prologue/arriving_normalised")
                .link("activations")
                .constant("ARRIVING_ACTIVATION", activation.code())
                .bind_at(3, cx.images(In(output), images))
                .bind_at(4, In(output + 1)),
        }
    }
}
