//! Timings of kernels, models and training.

fn main() {}
