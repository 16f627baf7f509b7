//! Timings of kernels, models and training.

mod kernels;

fn main() {
    kernels::run();
}
