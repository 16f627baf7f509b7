//! A disk of which some calls fail, for the tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::checkpoint::disk::RealDisk;

/// Which calls fail; the first of them, or each, is done by half.
#[derive(Debug)]
pub(super) enum Fault {
    /// The process ends at this call: none comes after it.
    Ends {
        /// Which, from 0.
        at: usize,
    },
    /// So many calls fail, and those after them do not.
    Stumbles {
        /// The first, from 0.
        first: usize,
        /// How many.
        times: usize,
    },
}

/// The disk.
#[derive(Debug)]
pub(super) struct FaultyDisk {
    fault: Fault,
    calls: AtomicUsize,
}

impl FaultyDisk {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            calls: AtomicUsize::new(0),
        }
    }

    fn call(&self, half: impl FnOnce(), whole: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::Ends { at } if call >= at => {
                if call == at {
                    half();
                }
                Err(io::ErrorKind::StorageFull.into())
            }
            Fault::Stumbles { first, times } if (first..first + times).contains(&call) => {
                half();
                // EIO, as a disk that is about to die reports it.
                Err(io::Error::from_raw_os_error(5))
            }
            _ => whole(),
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.create(directory))
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        self.call(
            || fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
            || RealDisk.write(file, bytes),
        )
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.rename(from, to))
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        self.call(|| (), || RealDisk.sync(directory))
    }

    fn remove(&self, directory: &Path) -> io::Result<()> {
        let first = entries(directory).first().map(|name| directory.join(name));
        self.call(
            || first.iter().for_each(|file| fs::remove_file(file).unwrap()),
            || RealDisk.remove(directory),
        )
    }
}
