//! `triaxis train` from the outside: the binary is run on a tiny network, and what it leaves and says is looked at.

mod determinism;
mod device;
mod outcome;
mod pictures;
mod refusals;
mod resuming;
mod support;
