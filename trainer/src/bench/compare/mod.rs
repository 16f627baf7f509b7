//! Triaxis beside what else a user could take: rounds of both in turn, and the ratios of their medians.

mod find;
mod peer;
mod ratio;

pub use find::{Found, find};
pub use peer::{Peer, Question, Running};
pub use ratio::Ratio;
