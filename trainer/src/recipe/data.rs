//! What a recipe says of its data.

use serde::{Deserialize, Serialize};

use crate::data::Tolerance;

/// What is done about a picture that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamagedPictures {
    /// It is left out, counted and named; above 1 % of a split, training stops.
    #[default]
    Skip,
    /// Training stops.
    Fail,
}

impl DamagedPictures {
    /// How much of it a loader puts up with.
    pub fn tolerance(self) -> Tolerance {
        match self {
            Self::Skip => Tolerance::OnePercent,
            Self::Fail => Tolerance::None,
        }
    }
}

/// How pictures are taken from a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataRecipe {
    /// What is done about a picture that cannot be used.
    pub damaged: DamagedPictures,
}
