//! The networks that the papers' rows stand for.

use triaxis_models::{Entry, entry};

use crate::error::Result;

/// The networks that a row of the scaling paper may stand for, each with what tells it from the others: one with an empty
/// text, save for RegNetZ-4GF-224, of which no configuration was released and two fit all that is printed.
///
/// # Errors
///
/// Those of [`entry`] for a name that no row has.
pub fn candidates(model: &str) -> Result<Vec<(&'static str, &'static Entry)>> {
    Ok(match model {
        "RegNetZ-4GF-224" => vec![
            (" (A)", entry("regnetz_4gf_224")?),
            (" (B)", entry("regnetz_4gf_224b")?),
        ],
        model => vec![("", entry(model)?)],
    })
}
