//! The output directory: one trainer at a time, and files that are whole or absent.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Name of the lock file in an output directory.
const LOCK: &str = "triaxis.lock";

/// The right to write into an output directory, held until dropped.
///
/// The operating system releases the lock when its holder ends, however it ends, so a killed trainer leaves nothing to
/// clean up. The file stays and tells who holds it: `process 4711 on alpha`.
#[derive(Debug)]
pub struct OutputLock {
    // Held for the lock upon it.
    _file: File,
    // Where the file system gives no locks: the file whose existence is the lock.
    exclusive: Option<PathBuf>,
}

/// What the system says when asked for the lock of a file.
type Try = fn(&File) -> std::result::Result<(), TryLockError>;

impl OutputLock {
    /// Takes the directory, creating it where it is absent; [`Error::InUse`] at once where another trainer has it.
    pub fn acquire(directory: &Path) -> Result<Self> {
        Self::acquire_by(directory, File::try_lock)
    }

    fn acquire_by(directory: &Path, try_lock: Try) -> Result<Self> {
        let disk = |source| Error::disk("take the output directory", directory, None, source);
        fs::create_dir_all(directory).map_err(disk)?;
        let path = directory.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(disk)?;
        let exclusive = match try_lock(&file) {
            Ok(()) => None,
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) if gives_no_locks(&error) => {
                Some(create_exclusive(directory)?)
            }
            Err(TryLockError::Error(error)) => return Err(disk(error)),
        };
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(this_process().as_bytes()));
        written.map_err(disk)?;
        Ok(Self {
            _file: file,
            exclusive,
        })
    }

    /// What is to be told of the lock: that it is no lock of the system, but a file which a killed trainer leaves behind.
    pub fn notice(&self) -> Option<String> {
        let path = self.exclusive.as_ref()?.display();
        Some(format!(
            "warning: {path}: the file system here gives no locks, so this file stands in for one; remove it after a kill"
        ))
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        if let Some(path) = &self.exclusive {
            // Nothing better can be done here: the next start names the file and says to remove it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether the file system has no locks, or only a server that does not answer for them, as NFS without `lockd`.
fn gives_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    let unanswered = error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(unix))]
    let unanswered = false;
    unanswered || error.kind() == io::ErrorKind::Unsupported
}

fn in_use(directory: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    // Some systems lock the bytes too: then the holder stays unnamed.
    let holder = match file.take(256).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "a process that has not told its name".to_owned(),
    };
    Error::InUse {
        path: directory.to_owned(),
        holder,
    }
}

/// The lock of file systems without locks: a file that only one can create.
fn create_exclusive(directory: &Path) -> Result<PathBuf> {
    let path = directory.join(format!("{LOCK}.exclusive"));
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            // The file is the lock; that it tells its holder is a courtesy.
            let _ = file.write_all(this_process().as_bytes());
            Ok(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::InUse {
            path: directory.to_owned(),
            holder: format!(
                "{} says {}; remove it if that one has ended",
                path.display(),
                fs::read_to_string(&path).unwrap_or_default().trim()
            ),
        }),
        Err(error) => Err(Error::disk(
            "take the output directory",
            directory,
            None,
            error,
        )),
    }
}

/// The line by which a lock names its holder.
fn this_process() -> String {
    format!("process {} on {}\n", std::process::id(), host_name())
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this machine".to_owned());
    name
}

/// Bytes that may still be written on the disk that holds `path`, where the system tells.
pub fn free_bytes(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    let free = {
        let existing = path
            .ancestors()
            .find(|ancestor| ancestor.exists())
            .unwrap_or(Path::new("."));
        rustix::fs::statvfs(existing)
            .ok()
            .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    };
    #[cfg(not(unix))]
    let free = {
        let _ = path;
        None
    };
    free
}

/// Writes a whole new file and waits until the disk has it.
pub fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the disk has the names in a directory.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    // Windows has no such call; its file systems journal names.
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Replaces a file by another at once: whoever reads sees the old bytes or the new ones, also after a power cut, whoever else
/// writes the same file at the same time.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    // Workers of one study may run on several machines.
    let caller = format!("{} {} {call}", host_name(), std::process::id());
    let caller = blake3::hash(caller.as_bytes()).to_hex();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", &caller[..16]));
    replace(path, &temporary(&path.with_file_name(name)), bytes)
}

/// The same in a folder whose [`OutputLock`] this process holds: what an ended process left of it is known by its name, and
/// is swept at the next start.
pub(crate) fn write_in_output(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, &temporary(path), bytes)
}

fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = write_synced(temporary, bytes).and_then(|()| fs::rename(temporary, path));
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(temporary);
    }
    written?;
    sync_directory(parent(path))
}

/// A text as a part of a file's name: what an adapter is called, in small letters and digits with `-` between words.
pub(crate) fn plain_name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

/// The name under which `path` is written before it takes its place.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// The folder that a file lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_trainer_is_refused_by_name_and_a_later_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run");
        let lock = OutputLock::acquire(&output).unwrap();
        let error = OutputLock::acquire(&output).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        if cfg!(unix) {
            let pid = format!("process {}", std::process::id());
            assert!(
                error.to_string().contains(&pid) && error.to_string().contains(&host_name()),
                "{error}"
            );
        }
        drop(lock);
        OutputLock::acquire(&output).unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_killed_trainer_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        fs::write(
            &path,
            "process 999999 on a-machine-with-a-rather-long-name\n",
        )
        .unwrap();
        let _lock = OutputLock::acquire(folder.path()).unwrap();
        if cfg!(unix) {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(
                text,
                format!("process {} on {}\n", std::process::id(), host_name())
            );
        }
    }

    #[test]
    fn without_file_locks_a_file_that_only_one_can_create_stands_in_and_is_told() {
        let refusals: [Try; 2] = [
            |_| Err(TryLockError::Error(io::ErrorKind::Unsupported.into())),
            // ENOLCK on Linux, as NFS answers whose server has no lockd.
            #[cfg(target_os = "linux")]
            |_| Err(TryLockError::Error(io::Error::from_raw_os_error(37))),
            #[cfg(not(target_os = "linux"))]
            |_| Err(TryLockError::Error(io::ErrorKind::Unsupported.into())),
        ];
        for refuse in refusals {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(format!("{LOCK}.exclusive"));
            let lock = OutputLock::acquire_by(folder.path(), refuse).unwrap();
            let notice = lock.notice().unwrap();
            let (file, holder) = (path.display().to_string(), this_process());
            for part in ["warning: ", &file, "gives no locks"] {
                assert!(notice.contains(part), "{part:?}: {notice}");
            }
            let error = OutputLock::acquire_by(folder.path(), refuse).unwrap_err();
            assert_eq!(error.exit_code(), 7, "{error}");
            for part in [file.as_str(), holder.trim(), "remove it"] {
                assert!(error.to_string().contains(part), "{part:?}: {error}");
            }
            // Given back as a lock is; the refused one took nothing away.
            assert!(path.exists());
            drop(lock);
            assert!(!path.exists());
            OutputLock::acquire_by(folder.path(), refuse).unwrap();
        }
    }

    #[test]
    fn a_lock_that_fails_otherwise_exits_with_8_and_a_lock_of_the_system_is_nothing_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        let broken: Try = |_| Err(TryLockError::Error(io::ErrorKind::PermissionDenied.into()));
        let error = OutputLock::acquire_by(folder.path(), broken).unwrap_err();
        assert_eq!(error.exit_code(), 8, "{error}");
        let lock = OutputLock::acquire(folder.path()).unwrap();
        assert_eq!(lock.notice(), None);
    }

    #[test]
    fn a_directory_that_cannot_be_made_exits_with_8() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = OutputLock::acquire(&file.join("run")).unwrap_err();
        assert_eq!(error.exit_code(), 8, "{error}");
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("args.toml");
        write_atomically(&path, b"a long first text").unwrap();
        write_atomically(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_adapters_name_makes_a_plain_one() {
        let name = "llvmpipe (LLVM 15.0.6, 256 bits)";
        assert_eq!(plain_name(name), "llvmpipe-llvm-15-0-6-256-bits");
        assert_eq!(plain_name("../Ünits"), "nits");
    }

    #[test]
    fn many_writers_of_one_file_leave_one_of_their_texts_and_nobodys_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.svg");
        let others = folder.path().join("trials.svg.tmp");
        fs::write(&others, "of the user").unwrap();
        let texts: Vec<String> = (0..8).map(|i| i.to_string().repeat(1 << 16)).collect();
        std::thread::scope(|scope| {
            for text in &texts {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_atomically(path, text.as_bytes()).unwrap();
                    }
                });
            }
        });
        let found = fs::read_to_string(&path).unwrap();
        assert!(texts.contains(&found), "{} bytes", found.len());
        assert_eq!(fs::read(&others).unwrap(), b"of the user");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_not_a_short_file() {
        let error = File::options()
            .write(true)
            .open("/dev/full")
            .and_then(|mut file| file.write_all(b"x"))
            .unwrap_err();
        let error = Error::disk("write it", Path::new("/dev/full"), Some(1), error);
        assert_eq!(error.exit_code(), 8);
        assert!(
            error.to_string().contains("1 bytes needed") && error.to_string().contains("free"),
            "{error}"
        );
    }

    /// A disk may take bytes and fail to keep them, which only the wait for it tells. Of `/dev/null` the system takes every
    /// byte, too, and then says that there is nothing to wait for.
    #[cfg(target_os = "linux")]
    #[test]
    fn bytes_that_the_disk_takes_and_does_not_keep_are_an_error() {
        let path = Path::new("/dev/null");
        fs::write(path, b"x").unwrap();
        let error = write_synced(path, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn files_take_the_mode_that_the_umask_leaves() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, b"x").unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
