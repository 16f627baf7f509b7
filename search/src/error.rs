//! What can be wrong with the numbers of a study.

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Numbers that nothing can be computed from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few points.
    #[error("{what} needs {needed} points or more, got {got}")]
    TooFew {
        /// What was to be computed.
        what: &'static str,
        /// The least number of points.
        needed: usize,
        /// How many there were.
        got: usize,
    },
    /// Two lists of which each entry of the one belongs to an entry of the other.
    #[error("{what} has {left} numbers on one side and {right} on the other, expected as many")]
    Unequal {
        /// What was to be computed.
        what: &'static str,
        /// Length of the first list.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// A number that is infinite or none.
    #[error("{what} got {value} among its numbers, expected finite ones")]
    NotFinite {
        /// What was to be computed.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// All numbers of a list are the same.
    #[error("{what} got {value} as each of its numbers, expected different ones")]
    Constant {
        /// What was to be computed.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// Columns of a regression of which one is a sum of the others.
    #[error("{what} got columns that depend on each other")]
    Dependent {
        /// What was to be computed.
        what: &'static str,
    },
    /// A kernel that is no covariance.
    #[error(
        "no Gaussian process has variance {variance}, length {length} and noise {noise}: expected numbers above 0 \
         that leave the covariance positive definite"
    )]
    Kernel {
        /// Variance of the curve.
        variance: f64,
        /// Its length scale.
        length: f64,
        /// Variance of the noise.
        noise: f64,
    },
}

/// Refuses numbers that are not finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(Error::NotFinite { what, value }),
        None => Ok(()),
    }
}

/// Refuses fewer than `needed` points, lists of different lengths and numbers that are not finite.
pub(crate) fn pairs(what: &'static str, needed: usize, x: &[f64], y: &[f64]) -> Result<()> {
    let (left, right) = (x.len(), y.len());
    if left != right {
        return Err(Error::Unequal { what, left, right });
    }
    if left < needed {
        let got = left;
        return Err(Error::TooFew { what, needed, got });
    }
    finite(what, x)?;
    finite(what, y)
}
