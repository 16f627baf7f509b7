//! What can go wrong, each told in one paragraph.

/// A `Result` with the benchmarks' [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the benchmarks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What the library reported.
    #[error(transparent)]
    Triaxis(#[from] triaxis::Error),

    /// An option that cannot be.
    #[error("{option}: {problem}. {help}.")]
    Option {
        /// The option as it was given.
        option: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        help: String,
    },

    /// A result that cannot be right.
    #[error(
        "{case}: {what} holds numbers that are not finite. The times would mean nothing; run the tests of that operator."
    )]
    NotFinite {
        /// What was timed.
        case: String,
        /// The value.
        what: String,
    },
}

impl From<triaxis::engine::Error> for Error {
    fn from(error: triaxis::engine::Error) -> Self {
        Self::Triaxis(error.into())
    }
}

impl From<triaxis::models::Error> for Error {
    fn from(error: triaxis::models::Error) -> Self {
        Self::Triaxis(error.into())
    }
}

impl Error {
    /// The exit code of the binary for this failure, as `triaxis` has them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Triaxis(error) => error.exit_code(),
            Self::Option { .. } => 2,
            Self::NotFinite { .. } => 6,
        }
    }
}
