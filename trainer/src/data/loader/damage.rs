//! What a loader makes of pictures that cannot be decoded.

use std::fmt;

/// How much damage is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// One picture in a hundred: training on less than all data should not go unnoticed.
    #[default]
    OnePercent,
    /// None at all.
    None,
    /// Whatever there is; [`Loader::damaged`](super::Loader::damaged) tells it.
    All,
}

impl Tolerance {
    pub(super) fn allows(self, damaged: usize, pictures: usize) -> bool {
        match self {
            Self::All => true,
            Self::OnePercent => damaged * 100 <= pictures,
            Self::None => damaged == 0,
        }
    }
}

impl fmt::Display for Tolerance {
    /// What a message says was exceeded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnePercent => "more than 1 %",
            Self::None => "and none is put up with",
            Self::All => "which is put up with",
        })
    }
}

/// What is shown in the place of a picture that cannot be decoded, as far as [`Tolerance`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StandIn {
    /// In training the next good picture of the order, which is then shown twice; in evaluation nothing.
    #[default]
    Next,
    /// A grey picture (128 in each channel) of the size wanted, under the damaged one's label and index. Every epoch shows
    /// each index as often as if none were damaged, and an evaluation counts all pictures.
    Gray,
}

/// What could not be decoded so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// How many pictures.
    pub count: usize,
    /// Why, for the first few.
    pub examples: Vec<String>,
}
