//! The mathematics of studies: which networks were best, what they have in common, and which to train next.
//!
//! * [`pareto`]: non-dominated fronts, crowding distance; [`hypervolume`]: how much a front dominates.
//! * [`GaussianProcess`]: a curve through noisy points with its uncertainty.
//! * [`evolution`]: NSGA-II, which asks for points and is told their values.
//! * [`regression`]: least squares over several numbers, with coefficients of any sign or of none below 0.
//! * [`statistics`]: correlation with its confidence interval, lines of best fit, empirical distributions.
//!
//! Nothing here knows a network or a device. Objectives are always minimised. What is random is a function of a seed
//! ([`Random`]).

mod cholesky;
mod error;
pub mod evolution;
mod gaussian;
pub mod hypervolume;
mod minimise;
pub mod pareto;
mod random;
pub mod regression;
pub mod statistics;

pub use error::{Error, Result};
pub use gaussian::{FitOptions, GaussianProcess, Kernel, Prediction};
pub use random::Random;
