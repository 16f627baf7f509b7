//! What a recipe says of its data.

use serde::{Deserialize, Serialize};

use crate::data::{StandIn, Tolerance};

/// What is done about a picture that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamagedPictures {
    /// It is left out, counted and named; above 1 % of a split, training stops.
    #[default]
    Skip,
    /// Training stops.
    Fail,
    /// A grey one is shown under its label, so that every epoch and evaluation counts the same pictures; it is counted and
    /// named. Above 1 % of a split, training stops: a disk that went away must not become a run on grey.
    Gray,
}

impl DamagedPictures {
    /// How much of it a loader puts up with.
    pub fn tolerance(self) -> Tolerance {
        match self {
            Self::Skip | Self::Gray => Tolerance::OnePercent,
            Self::Fail => Tolerance::None,
        }
    }

    /// What a loader shows in its place.
    pub fn stand_in(self) -> StandIn {
        match self {
            Self::Skip | Self::Fail => StandIn::Next,
            Self::Gray => StandIn::Gray,
        }
    }
}

/// Where training pictures are between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Residence {
    /// In the device's memory, where nothing is done to them on the host and they fit into a quarter of the memory limit or,
    /// without one, of the largest binding; else on the host.
    #[default]
    Auto,
    /// On the host, which uploads each batch.
    Never,
}

impl Residence {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// How pictures are taken from a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataRecipe {
    /// What is done about a picture that cannot be used.
    pub damaged: DamagedPictures,
    /// Where training pictures are between two steps; decides nothing about the result.
    #[serde(skip_serializing_if = "Residence::is_auto")]
    pub resident: Residence,
}
