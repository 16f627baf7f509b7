//! Studies: many networks trained alike, each a row of a ledger, and what they say together.
//!
//! A study plans its trials as a function of its options and of what earlier trials gave, so that a process that begins
//! again, or another beside it, plans the same. [`work`] does what waits.

mod setting;
pub mod tiny;
mod work;

pub use setting::{Setting, StepOf};
pub use work::{Seen, work};
