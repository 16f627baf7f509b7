//! What SQLite says, in words that help.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, Result};

/// Names the ledger in an error of its database.
pub(super) trait Context<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> Context<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| explained(path, &error))
    }
}

/// The error with what to do about it.
fn explained(path: &Path, error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::checkpoint(
            path,
            "another process holds the ledger and did not let go of it",
            "Look for a process that is stopped while it writes, or try again later; nothing was changed",
        ),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            damaged(path, &error.to_string())
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            Error::checkpoint(
                path,
                format!("the ledger cannot be opened for writing: {error}"),
                "Give a file in a folder that exists and that you may write to",
            )
        }
        Some(ErrorCode::DiskFull) => Error::checkpoint(
            path,
            "the disk is full",
            "Free some space; what was in the ledger is still there",
        ),
        _ => Error::checkpoint(
            path,
            format!("the ledger cannot be used: {error}"),
            "Keep the file, and begin another with --ledger",
        ),
    }
}

/// The error for a file whose content makes no sense.
pub(super) fn damaged(path: &Path, what: &str) -> Error {
    Error::checkpoint(
        path,
        format!("this is no ledger, or a damaged one: {what}"),
        "Nothing was changed in it. Begin another with --ledger; `sqlite3 FILE .recover` saves what rows can be read",
    )
}
