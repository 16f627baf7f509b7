//! The tables and figures of the papers whose networks and rules are here: what we count beside what they print.
//!
//! [`table`], [`figure`] and [`page`] need no GPU and no weights: they draw networks and count. Times, errors and accuracies
//! are the papers' own ([`published`]) and marked so, or those that ledgers and rows of benchmarks hold ([`Evidence`]).

mod beside;
mod counts;
mod evidence;
mod figures;
mod growth;
mod networks;
mod page;
pub mod published;
mod shrunk;

pub use beside::gains;
pub use evidence::{Evidence, IMAGENET, Timed, Trained, mean};
pub use figures::{FIGURES, Figure, Step, figure, slope, steps};
pub use networks::candidates;
pub use page::page;

use crate::error::{Error, Result};
use crate::table::Table;

/// The tables that [`table`] knows: 1 to 8 of *Fast and Accurate Model Scaling*, `r1` for TinyNet, `phi` for
/// EfficientNet's rule.
pub const TABLES: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "r1", "phi"];

/// The table of that name, with what was measured of its networks: see [`TABLES`].
///
/// # Errors
///
/// [`Error::Config`] for another name.
pub fn table(name: &str, evidence: &Evidence) -> Result<Table> {
    let mut table = plain(name)?;
    if !is_counted_alone(name) {
        beside::add(&mut table, evidence)?;
    }
    Ok(table)
}

/// Whether the table of that name has no place for what was measured.
pub fn is_counted_alone(name: &str) -> bool {
    ["1", "2", "3", "4", "phi"].contains(&name.to_lowercase().as_str())
}

fn plain(name: &str) -> Result<Table> {
    match name.to_lowercase().as_str() {
        "1" => growth::simple(),
        "2" => growth::compound(),
        "3" => growth::groups(),
        "4" => growth::family(),
        "5" => counts::efficientnet(),
        "6" => counts::regnet(),
        "7" => counts::searched_or_scaled(),
        "8" => counts::scaled_networks(),
        "r1" => shrunk::tinynet(),
        "phi" => shrunk::phi(),
        // Of two ledgers, and so made by `gains`.
        _ => Err(unknown("table", name, &[&TABLES[..], &["gains"]].concat())),
    }
}

/// There is no such table or figure.
fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    Error::config(
        format!("triaxis {what}s"),
        format!("there is no {what} `{name}`"),
        format!("It is one of {}", known.join(", ")),
    )
}

#[cfg(test)]
mod tests;
