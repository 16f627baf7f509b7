//! The few calls through which checkpoints reach the disk, so that tests can end the process between any two.

#[cfg(feature = "fail-points")]
mod failing;

use std::fmt::Debug;
use std::fs;
use std::io;
use std::path::Path;

use crate::output::{sync_directory, write_synced};

/// A disk.
pub(super) trait Disk: Debug + Send + Sync {
    /// Makes a directory that is not there yet.
    fn create(&self, directory: &Path) -> io::Result<()>;
    /// Writes a whole file and waits for the disk.
    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file or directory another name, at once.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Waits until the disk has the names in a directory.
    fn sync(&self, directory: &Path) -> io::Result<()>;
    /// Removes a directory with all that is in it.
    fn remove(&self, directory: &Path) -> io::Result<()>;
}

/// The disk of a program: the real one, unless it was built for tests and is told to fail.
pub(super) fn open() -> Box<dyn Disk> {
    #[cfg(feature = "fail-points")]
    if let Some(disk) = failing::FailingDisk::from_environment() {
        return Box::new(disk);
    }
    Box::new(RealDisk)
}

/// The real one.
#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir(directory)
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        write_synced(file, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        sync_directory(directory)
    }

    fn remove(&self, directory: &Path) -> io::Result<()> {
        fs::remove_dir_all(directory)
    }
}
