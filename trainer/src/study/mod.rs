//! Studies: many networks trained alike, each a row of a ledger, and what they say together.
//!
//! A study plans its trials as a function of its options and of what earlier trials gave, so that a process that begins
//! again, or another beside it, plans the same. [`work`] does what waits.

pub mod compound;
pub mod picture;
pub mod random;
pub mod scaled;
mod setting;
pub mod tiny;
mod work;

pub use setting::{Setting, StepOf};
pub use work::{Seen, work};

use triaxis_models::Spec;

/// Whether two networks differ in no more than their names.
pub fn same(a: &Spec, b: &Spec) -> bool {
    a.network == b.network && a.resolution == b.resolution && a.num_classes == b.num_classes
}
