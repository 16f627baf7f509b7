//! A disk that fails where the environment says, for tests that run the whole program.
//!
//! `TRIAXIS_FAIL_AT=17` ends the process at the 17th call, which is done by half; `TRIAXIS_FAIL_AT=17:error` does it by
//! half and reports that the disk is broken, then and ever after. Calls count from 1.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Disk, RealDisk};

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The process is gone, as after SIGKILL: nothing is flushed, nobody cleans up.
    End,
    /// The system reports an error.
    Broken,
}

/// The disk that `TRIAXIS_FAIL_AT` asks for.
#[derive(Debug)]
pub(super) struct FailingDisk {
    at: u64,
    failure: Failure,
    calls: AtomicU64,
}

impl FailingDisk {
    /// `None` where the environment asks for nothing.
    pub(super) fn from_environment() -> Option<Self> {
        let text = std::env::var("TRIAXIS_FAIL_AT").ok()?;
        let (at, failure) = match text.strip_suffix(":error") {
            Some(at) => (at, Failure::Broken),
            None => (text.as_str(), Failure::End),
        };
        Some(Self {
            at: at.parse().ok()?,
            failure,
            calls: AtomicU64::new(0),
        })
    }

    fn call(&self, half: impl FnOnce(), whole: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call < self.at {
            return whole();
        }
        if call == self.at {
            half();
        }
        match self.failure {
            Failure::End => std::process::abort(),
            Failure::Broken => Err(io::Error::other("the disk is broken, as the test wants it")),
        }
    }
}

impl Disk for FailingDisk {
    fn create(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.create(directory))
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        // A file of which half was written fails no test by failing to be written at all.
        let half = || drop(fs::write(file, &bytes[..bytes.len() / 2]));
        self.call(half, || RealDisk.write(file, bytes))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.rename(from, to))
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.sync(directory))
    }

    fn remove(&self, directory: &Path) -> io::Result<()> {
        let half = || {
            let first = fs::read_dir(directory)
                .ok()
                .and_then(|mut files| files.next());
            if let Some(Ok(file)) = first {
                drop(fs::remove_file(file.path()));
            }
        };
        self.call(half, || RealDisk.remove(directory))
    }
}
