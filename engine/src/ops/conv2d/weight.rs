//! How the threads of the weight's gradient lie over it, where they share no tiles.

use super::narrow::SIDE;
use super::sizes::{FEWEST_VEC4S, Sizes};
use super::strip::Strip;
use crate::{Dispatch, Limits, Variant};

/// Taps that are worth sharing.
const FEWEST_TAPS: usize = 9;

/// `vec4`s of the weight's rows that are, of few output channels.
const FEWEST_ROWS: usize = 4;

/// What threads of a subgroup read for one another in the weight's gradient.
#[derive(Clone, Copy, Debug)]
enum Sharing {
    Nothing,
    /// Neighbours make neighbouring output channels.
    Inputs,
    /// Neighbours make neighbouring taps.
    Gradients,
    /// Neighbours make neighbouring `vec4`s of input channels, of few output channels.
    Few,
    /// A thread makes a row of taps: it shares with none.
    Rows,
}

impl Sizes {
    /// The kernel of the weight's gradient whose threads lie over the weight.
    pub(super) fn weight_kernel(&self, limits: &Limits) -> Dispatch {
        let (text, entry) = match self.sharing(limits) {
            Sharing::Nothing => ("ops/conv2d_grad_weight", "conv2d_grad_weight"),
            Sharing::Inputs => ("ops/conv2d_shared", "conv2d_shared_grad_weight"),
            Sharing::Gradients => ("ops/conv2d_shared", "conv2d_shared_grad_weight_of_taps"),
            Sharing::Few => ("ops/conv2d_shared", "conv2d_shared_grad_weight_of_few"),
            Sharing::Rows => ("ops/conv2d_narrow", "conv2d_narrow_grad_weight"),
        };
        Dispatch::new(text, entry).link("ops/conv2d")
    }

    /// What a thread of the weight's gradient makes of input channels, and of output channels.
    pub(super) fn weight_strips(&self, limits: &Limits) -> [Strip; 2] {
        match self.sharing(limits) {
            Sharing::Nothing | Sharing::Rows => [self.gi4, self.go4].map(|of| Strip::alone(8, of)),
            Sharing::Inputs => [Strip::shared(8, self.gi4.min(self.go4)); 2],
            Sharing::Gradients => [Strip::shared(8, self.go4); 2],
            Sharing::Few => [Strip::sharing_gradients(self.go4); 2],
        }
    }

    /// Threads of the weight's gradient for each split of the image rows, where they share no tiles.
    pub(super) fn weight_threads(&self, limits: &Limits) -> usize {
        let [inputs, outputs] = self.weight_strips(limits);
        let lanes = outputs.lanes;
        self.bundles
            * match self.sharing(limits) {
                Sharing::Gradients => {
                    self.taps().next_multiple_of(lanes) * self.go4.div_ceil(lanes)
                }
                Sharing::Few => (self.taps() * self.gi4).next_multiple_of(lanes),
                Sharing::Rows => SIDE,
                _ => self.taps() * inputs.across(self.gi4) / lanes * outputs.across(self.go4),
            }
    }

    fn sharing(&self, limits: &Limits) -> Sharing {
        if self.narrow(limits) {
            return Sharing::Rows;
        }
        if self.variant(limits) != Variant::Shared {
            return Sharing::Nothing;
        }
        let few = self.go4 < FEWEST_VEC4S;
        match self.gi4 {
            inputs if few && self.bundles == 1 && self.taps() * inputs >= FEWEST_ROWS => {
                Sharing::Few
            }
            FEWEST_VEC4S.. if !few => Sharing::Inputs,
            1 if !few && self.taps() >= FEWEST_TAPS => Sharing::Gradients,
            _ => Sharing::Nothing,
        }
    }
}
