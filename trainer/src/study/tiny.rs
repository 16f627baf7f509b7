//! TinyNet's method (*Model Rubik's Cube*, <https://arxiv.org/abs/2010.14819>): many small networks of random depth,
//! width and resolution are trained, and the best of them show which depth and resolution suit which budget.
//!
//! Of the front of accuracy against multiply-adds, resolution and depth are learnt as functions of the share `c` of the
//! base's multiply-adds, by Gaussian processes. The width follows from the budget: it is solved on the real count, because
//! the stem and the head keep their widths and the paper's `√(c / (d·r²))` would miss.

mod formula;
mod picture;
mod sample;

pub use formula::{Formula, Network, Point, front};
pub use picture::curves;
pub use sample::{Candidate, Sampling};

#[cfg(test)]
mod tests;
