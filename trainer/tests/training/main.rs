//! `triaxis train` from the outside: the binary is run on a tiny network, and what it leaves and says is looked at.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod advising;
mod asking;
mod bench_scaling;
mod benching;
mod browser;
mod comparing;
#[cfg(target_os = "linux")]
mod dashboard;
mod determinism;
mod device;
mod disk;
mod explaining;
#[cfg(target_os = "linux")]
mod full_disk;
mod halving;
mod hostile;
mod importing;
#[cfg(unix)]
mod killing;
#[cfg(target_os = "linux")]
mod leaking;
mod logging;
mod mixed_precision;
mod outcome;
mod outputs;
mod papers;
mod pictures;
mod recipes;
mod recovering;
mod refusals;
mod resuming;
mod searching;
mod support;
mod tracing;
mod trials;
mod tuning;
