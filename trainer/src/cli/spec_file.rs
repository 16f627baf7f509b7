//! A network as a file that `train`, `info` and `scale` take.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use triaxis_models::Spec;

use super::target::{self, NOTHING};
use crate::error::{Error, Result};

/// What becomes of a file that is there and holds something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// It is replaced.
    Replace,
}

/// Writes the network's file, whole or not at all.
pub(super) fn write(path: &Path, spec: &Spec, existing: Existing) -> Result<()> {
    check(path)?;
    let text = spec.to_toml();
    match fs::read(path) {
        Ok(old) if old == text.as_bytes() => return Ok(()),
        Ok(_) if existing == Existing::Keep => {
            let problem = format!("{} exists and holds something else", path.display());
            return refuse(problem, "Give another file, or --force to replace this one");
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(Error::unwritten(
                "--out",
                "read what is there",
                path,
                None,
                error,
            ));
        }
    }
    target::write("--out", "write the network", path, text)
}

/// Refuses a path that no network can be written to, whatever the network.
pub(super) fn check(path: &Path) -> Result<()> {
    if path
        .extension()
        .is_none_or(|e| !e.eq_ignore_ascii_case("toml"))
    {
        let problem = format!("{} does not end in .toml", path.display());
        return refuse(
            problem,
            "Name it so: that is how a network's file is told from a name",
        );
    }
    target::file("--out", path, NOTHING)
}

fn refuse(problem: String, help: &str) -> Result<()> {
    Err(Error::config("--out", problem, help))
}
