//! What a disk did not take, and what helps.

use std::io;

/// What a disk did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A part of a run, in the folder of `--output`.
    Run,
    /// What this option, or this variable of the environment, names.
    Named(&'static str),
    /// What no option names, such as standard output.
    Other,
}

impl From<&'static str> for Destination {
    fn from(option: &'static str) -> Self {
        Self::Named(option)
    }
}

pub(super) fn room(needed: Option<u64>, free: Option<u64>) -> String {
    match (needed, free) {
        (Some(needed), Some(free)) => format!(" ({needed} bytes needed, {free} free)"),
        (Some(needed), None) => format!(" ({needed} bytes needed)"),
        (None, Some(free)) => format!(" ({free} bytes free)"),
        (None, None) => String::new(),
    }
}

/// Whether room is missing, or the system says nothing of the reason.
pub(super) fn may_lack_room(source: &io::Error) -> bool {
    use io::ErrorKind::{Other, QuotaExceeded, StorageFull};
    matches!(source.kind(), Other | QuotaExceeded | StorageFull)
}

pub(super) fn remedy(source: &io::Error, destination: Destination) -> String {
    match destination {
        Destination::Run => remedy_of_run(source).to_owned(),
        Destination::Named(option) => remedy_by(source, option),
        Destination::Other => remedy_of_other(source).to_owned(),
    }
}

fn remedy_of_run(source: &io::Error) -> &'static str {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match source.kind() {
        StorageFull | QuotaExceeded => {
            "Free some space or give an --output on another disk; earlier checkpoints are intact"
        }
        FileTooLarge => {
            "Raise the limit on the size of a file, or give an --output on another disk"
        }
        PermissionDenied | ReadOnlyFilesystem => "Give an --output that you may write to",
        _ => "Look at that disk, or give another --output; earlier checkpoints are intact",
    }
}

fn remedy_by(source: &io::Error, option: &str) -> String {
    use io::ErrorKind::{
        AlreadyExists, FileTooLarge, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let help = match source.kind() {
        StorageFull | QuotaExceeded => "Free some space, or name a place on another disk",
        FileTooLarge => "Raise the limit on the size of a file, or name a place on another disk",
        PermissionDenied | ReadOnlyFilesystem => "Name a place that you may write to",
        AlreadyExists | IsADirectory | NotADirectory | NotFound => "Name another place",
        _ => "Look at that disk, or name another place",
    };
    format!("{help} with {option}")
}

fn remedy_of_other(source: &io::Error) -> &'static str {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded => "Free some space where it leads",
        FileTooLarge => "Raise the limit on the size of a file",
        _ => "Look at where it leads",
    }
}
