//! What can go wrong in the trainer, and the exit code that each failure has.
//!
//! Every message is one short paragraph: where, what, what was expected, what to do.

mod disk;
mod misfit;

use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Mismatch;
pub use disk::Destination;
use disk::{may_lack_room, remedy, room};

/// A `Result` with the trainer's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the trainer, told in one paragraph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option or a recipe that cannot be.
    #[error("{place}: {problem}. {}", ended(help))]
    Config {
        /// The option, or the file and line.
        place: String,
        /// What is wrong, and what was expected.
        problem: String,
        /// What to do about it.
        help: String,
    },

    /// A data set that cannot be trained on.
    #[error("{}: {problem}. {}", path.display(), ended(help))]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
        /// What to do about it.
        help: String,
    },

    /// A checkpoint, a weights file or a ledger that cannot be used.
    #[error("{}: {problem}. {}", path.display(), ended(help))]
    Checkpoint {
        /// The file or checkpoint directory.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
        /// What to do about it.
        help: String,
    },

    /// Weights of another network.
    #[error("{}: the weights do not fit the network. {mismatch}", path.display())]
    Mismatch {
        /// The weights file.
        path: PathBuf,
        /// Every tensor that is missing, extra or of another shape.
        mismatch: Mismatch,
    },

    /// A device that is missing, lost or too small.
    #[error("{problem}. {}", ended(help))]
    Device {
        /// What is wrong: what was needed and what there was.
        problem: String,
        /// What to do about it.
        help: String,
    },

    /// Memory that a device does not have.
    #[error("{source}. {}", ended(help))]
    Memory {
        /// What was needed and what there is.
        source: triaxis_engine::Error,
        /// What to do about it.
        help: String,
    },

    /// Pictures that cannot be used.
    #[error(transparent)]
    Dataset(#[from] crate::data::DataError),

    /// A network that cannot be.
    #[error(transparent)]
    Model(#[from] triaxis_models::Error),

    /// What the engine refused or the device reported.
    #[error(transparent)]
    Engine(#[from] triaxis_engine::Error),

    /// A number that is no longer finite.
    #[error("step {step}, epoch {epoch}: {what} is not finite. {}", ended(help))]
    Diverged {
        /// The optimizer step.
        step: u64,
        /// The epoch, from 0.
        epoch: u64,
        /// The first value found, by its path in the network.
        what: String,
        /// What was kept, and what to change.
        help: String,
    },

    /// An output directory that another trainer holds.
    #[error(
        "{}: another trainer writes here ({holder}). Wait for it, stop it, or give another --output.",
        path.display()
    )]
    InUse {
        /// The output directory.
        path: PathBuf,
        /// Who holds it: process and host.
        holder: String,
    },

    /// A disk that refused to take or give bytes.
    #[error("{}: cannot {action}: {source}{}. {}.", path.display(), room(*.needed, *.free), remedy(source, *.destination))]
    Disk {
        /// What was tried, as in "write the checkpoint".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What is written, which decides what helps.
        destination: Destination,
        /// Bytes that the action needs, where known and where room may be what is missing.
        needed: Option<u64>,
        /// Bytes that are free on that disk, likewise.
        free: Option<u64>,
        /// What the system said.
        source: io::Error,
    },

    /// Stopped on request, with a checkpoint to go on from.
    #[error("stopped on request; {} is complete. The same command goes on from it.", checkpoint.display())]
    Stopped {
        /// The checkpoint that was committed.
        checkpoint: PathBuf,
    },

    /// Stopped at once by a second interrupt.
    #[error(
        "interrupted twice; what was not yet in a checkpoint is lost. The same command goes on from the last one."
    )]
    Interrupted,
}

impl Error {
    /// The exit code of the binary for this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. } => 2,
            Self::Data { .. } => 3,
            Self::Checkpoint { .. } | Self::Mismatch { .. } => 4,
            Self::Device { .. } | Self::Memory { .. } => 5,
            Self::Dataset(error) => error.exit_code(),
            Self::Model(triaxis_models::Error::Engine(error)) | Self::Engine(error) => {
                engine_code(error)
            }
            Self::Model(_) => 2,
            Self::Diverged { .. } => 6,
            Self::InUse { .. } => 7,
            Self::Disk { .. } => 8,
            Self::Stopped { .. } => 75,
            Self::Interrupted => 130,
        }
    }

    /// An option or recipe value that cannot be.
    pub fn config(
        place: impl Into<String>,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::Config {
            place: place.into(),
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// A data set that cannot be trained on.
    pub fn data(
        path: impl Into<PathBuf>,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::Data {
            path: path.into(),
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// A checkpoint or weights file that cannot be used.
    pub fn checkpoint(
        path: impl Into<PathBuf>,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::Checkpoint {
            path: path.into(),
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// A disk that refused `action` on a part of a run; the room left there is looked up.
    pub fn disk(action: &'static str, path: &Path, needed: Option<u64>, source: io::Error) -> Self {
        Self::unwritten(Destination::Run, action, path, needed, source)
    }

    /// The same of anything that a command writes.
    pub fn unwritten(
        destination: impl Into<Destination>,
        action: &'static str,
        path: &Path,
        needed: Option<u64>,
        source: io::Error,
    ) -> Self {
        let destination = destination.into();
        let of_room = may_lack_room(&source);
        let on_disk = of_room && destination != Destination::Other;
        Self::Disk {
            action,
            path: path.to_owned(),
            destination,
            needed: needed.filter(|_| of_room),
            free: on_disk.then(|| crate::output::free_bytes(path)).flatten(),
            source,
        }
    }
}

/// Graphs that cannot be are a matter of configuration, all else of the device.
fn engine_code(error: &triaxis_engine::Error) -> u8 {
    use triaxis_engine::Error as E;
    match error {
        E::Shape { .. } | E::Graph(_) | E::NotDifferentiable { .. } => 2,
        _ => 5,
    }
}

/// Help for a word that is not among `known`: the nearest one, or all of them.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&word.to_lowercase(), candidate),
                candidate,
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, candidate)) if score > 0.75 => format!("Did you mean `{candidate}`?"),
        _ => format!("It is one of {}", known.join(", ")),
    }
}

/// The sentence with the mark that ends it.
fn ended(sentence: &str) -> String {
    match sentence.ends_with(['.', '?', '!']) {
        true => sentence.to_owned(),
        false => format!("{sentence}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_the_documented_exit_code() {
        let io = || io::Error::from(io::ErrorKind::StorageFull);
        let mismatch = Mismatch::default();
        let all = [
            (Error::config("--lr", "p", "h"), 2),
            (Error::data("d", "p", "h"), 3),
            (Error::checkpoint("c", "p", "h"), 4),
            (
                Error::Mismatch {
                    path: "c".into(),
                    mismatch,
                },
                4,
            ),
            (
                Error::Device {
                    problem: "p".into(),
                    help: "h".into(),
                },
                5,
            ),
            (
                Error::Memory {
                    source: triaxis_engine::Error::Given,
                    help: "h".into(),
                },
                5,
            ),
            (
                Error::Diverged {
                    step: 1,
                    epoch: 0,
                    what: "loss".into(),
                    help: "h".into(),
                },
                6,
            ),
            (
                Error::InUse {
                    path: "o".into(),
                    holder: "process 1".into(),
                },
                7,
            ),
            (Error::disk("write it", Path::new("/"), None, io()), 8),
            (
                Error::Stopped {
                    checkpoint: "c".into(),
                },
                75,
            ),
            (Error::Interrupted, 130),
        ];
        for (error, code) in all {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    #[test]
    fn a_wrong_word_brings_the_nearest_one_or_all() {
        let known = ["efficientnet_b0", "regnety_500mf", "resnet50"];
        assert_eq!(suggestion("ResNet-50", known), "Did you mean `resnet50`?");
        assert_eq!(
            suggestion("vit", known),
            "It is one of efficientnet_b0, regnety_500mf, resnet50"
        );
    }

    #[test]
    fn a_full_disk_says_what_was_needed_and_what_to_do() {
        let error = Error::Disk {
            action: "write the checkpoint",
            path: "out/checkpoint-000001.tmp".into(),
            destination: Destination::Run,
            needed: Some(1000),
            free: Some(10),
            source: io::Error::from(io::ErrorKind::StorageFull),
        };
        let text = error.to_string();
        for part in [
            "out/checkpoint-000001.tmp",
            "1000 bytes needed",
            "10 free",
            "--output",
            "intact",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }

    #[test]
    fn what_helps_names_the_option_that_was_given_and_room_only_where_it_may_be_missing() {
        use io::ErrorKind::{IsADirectory, NotFound, Other, PermissionDenied, StorageFull};
        let here = Path::new(".");
        let told = |destination: Destination, kind: io::ErrorKind| {
            Error::unwritten(destination, "write it", here, Some(1000), kind.into()).to_string()
        };
        let out = Destination::Named("--out");
        for (text, help, of_room) in [
            (
                told(out, StorageFull),
                "Free some space, or name a place on another disk with --out.",
                true,
            ),
            (
                told(out, PermissionDenied),
                "Name a place that you may write to with --out.",
                false,
            ),
            (told(out, NotFound), "Name another place with --out.", false),
            (
                told(out, IsADirectory),
                "Name another place with --out.",
                false,
            ),
            (
                told(out, Other),
                "Look at that disk, or name another place with --out.",
                true,
            ),
            (
                told(Destination::Other, StorageFull),
                "Free some space where it leads.",
                true,
            ),
            (
                told(Destination::Run, NotFound),
                "earlier checkpoints are intact.",
                false,
            ),
        ] {
            assert!(text.ends_with(help), "{help:?}: {text}");
            assert_eq!(text.contains("1000 bytes needed"), of_room, "{text}");
            assert!(of_room || !text.contains("free"), "{text}");
        }
        for destination in [out, Destination::Other] {
            let text = told(destination, PermissionDenied);
            let of_runs = text.contains("--output") || text.contains("checkpoint");
            assert!(!of_runs, "{text}");
        }
    }
}
