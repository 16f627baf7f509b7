//! Batches that do not fit the device: half of them is tried, then half of that. Never in training, where the batch is part of
//! what is learnt.

use crate::error::{Error, Result};

/// What is done about a batch that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Half of it is tried.
    Halve,
    /// It is an error.
    Refuse,
}

impl Misfit {
    /// As --no-retry is given or not.
    pub(super) fn of(no_retry: bool) -> Self {
        match no_retry {
            true => Self::Refuse,
            false => Self::Halve,
        }
    }
}

/// One try.
pub(super) struct Try<'a> {
    /// The batch that was asked for.
    asked: usize,
    /// The batch that is tried.
    pub(super) batch: usize,
    /// Why it is not the one that was asked for.
    why: Option<&'a Error>,
}

impl Try<'_> {
    /// What a person should know where the batch is not the one that was asked for.
    pub(super) fn notice(&self) -> Option<String> {
        let why = match self.why? {
            // Its help is not needed any more.
            Error::Memory { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        Some(notice(self.asked, self.batch, &why))
    }
}

/// What a person should know of a batch that is not the one that was asked for.
pub(super) fn notice(asked: usize, batch: usize, why: &str) -> String {
    format!(
        "batch size {asked}: {}. Goes on with {batch} at once: give --batch-size {batch} to ask for that, or --no-retry to have \
         it refused",
        why.trim_end_matches('.')
    )
}

/// What comes of the first of `asked`, half of it, half of that and so on that fits the device.
///
/// # Errors
///
/// Those of the attempt; where not even one picture at a time fits, with what takes less.
pub(super) fn fitting<T>(
    asked: usize,
    misfit: Misfit,
    mut attempt: impl FnMut(&Try<'_>) -> Result<T>,
) -> Result<T> {
    let (mut batch, mut first) = (asked, None);
    loop {
        let tried = attempt(&Try {
            asked,
            batch,
            why: first.as_ref(),
        });
        let error = match tried {
            Err(error) if misfit == Misfit::Halve && error.is_misfit() => error,
            other => return other,
        };
        if batch <= 1 {
            return Err(none_fits(first, error));
        }
        first = Some(first.unwrap_or(error));
        batch /= 2;
    }
}

/// The error where nothing fits: what the least takes, or else what was wrong with what was asked for.
fn none_fits(first: Option<Error>, last: Error) -> Error {
    match (first, last) {
        (Some(_), Error::Memory { source, .. }) => Error::Memory {
            source,
            help: "Not even a batch of 1 fits: use a smaller --img-size, or a smaller network"
                .into(),
        },
        (Some(first), _) => first,
        (None, last) => last,
    }
}

#[cfg(test)]
mod tests {
    use triaxis_engine::Error as EngineError;

    use super::*;

    fn no_memory(batch: usize) -> Error {
        Error::Memory {
            source: EngineError::OutOfMemory {
                what: "the plan".into(),
                needed: (batch as u64) << 20,
                available: 1 << 20,
                adapter: "a card".into(),
            },
            help: "Use less".into(),
        }
    }

    /// The batches that are tried where `most` fit, and what comes of it.
    fn tried(asked: usize, most: usize, misfit: Misfit) -> (Vec<usize>, Result<Option<String>>) {
        let mut all = Vec::new();
        let made = fitting(asked, misfit, |attempt| {
            all.push(attempt.batch);
            match attempt.batch <= most {
                true => Ok(attempt.notice()),
                false => Err(no_memory(attempt.batch)),
            }
        });
        (all, made)
    }

    #[test]
    fn a_batch_is_halved_until_it_fits_and_the_notice_says_so() {
        let (all, made) = tried(12, 4, Misfit::Halve);
        assert_eq!(all, [12, 6, 3]);
        assert_eq!(
            made.unwrap().unwrap(),
            "batch size 12: out of GPU memory: the plan needs 12.0 MiB, 1.0 MiB can be had on a card. Goes on with 3 at once: give \
             --batch-size 3 to ask for that, or --no-retry to have it refused"
        );
        // What fits needs no notice.
        let (all, made) = tried(4, 4, Misfit::Halve);
        assert_eq!((all, made.unwrap()), (vec![4], None));
    }

    #[test]
    fn where_nothing_fits_the_least_is_told() {
        let (all, made) = tried(5, 0, Misfit::Halve);
        assert_eq!(all, [5, 2, 1]);
        let error = made.unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let error = error.to_string();
        assert!(error.contains("needs 1.0 MiB"), "{error}");
        assert!(error.contains("Not even a batch of 1 fits"), "{error}");
        // Nothing smaller was tried: the error is the device's own.
        for (asked, misfit) in [(1, Misfit::Halve), (8, Misfit::Refuse)] {
            let (all, made) = tried(asked, 0, misfit);
            assert_eq!(all, [asked]);
            let error = made.unwrap_err().to_string();
            assert!(error.ends_with("Use less."), "{error}");
        }
    }

    #[test]
    fn other_errors_end_at_once_and_the_first_is_told() {
        let mut tries = 0;
        let made: Result<()> = fitting(8, Misfit::Halve, |_| {
            tries += 1;
            Err(Error::config("--model", "none", "Give one"))
        });
        assert_eq!((tries, made.unwrap_err().exit_code()), (1, 2));
        // Shapes may be the batch's fault; where they are not, what was asked for is told.
        let made: Result<()> = fitting(4, Misfit::Halve, |attempt| {
            let error = EngineError::Shape {
                node: format!("batch {}", attempt.batch),
                expected: "less".into(),
                got: Vec::new(),
            };
            Err(error.into())
        });
        let error = made.unwrap_err().to_string();
        assert!(error.starts_with("batch 4 expects less"), "{error}");
    }
}
