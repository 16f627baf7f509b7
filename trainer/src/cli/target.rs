//! What commands write: a path that would cost what is read, or a run its checkpoint, or where nothing can be written, is
//! refused before the work.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::output::{parent, write_atomically};

/// The inputs of a command that reads nothing which it could replace.
pub(super) const NOTHING: [&Path; 0] = [];

/// Files of every checkpoint. One name alone others have, too: `manifest.json`, where names are told apart by no case.
const OF_CHECKPOINTS: [&str; 2] = ["MANIFEST.json", "model.safetensors"];

/// Refuses a file at `path`, the value of `option`, that cannot be written, is one of what the command reads, or lies in a
/// checkpoint. Nothing is left behind.
///
/// # Errors
///
/// [`Error::Config`] that names the option and what is there; [`Error::Disk`] for a folder that takes no file.
pub(super) fn file(
    option: &'static str,
    path: &Path,
    inputs: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Result<()> {
    spared(option, path, inputs)?;
    let folder = parent(path);
    if !folder.is_dir() {
        let problem = match folder.exists() {
            true => format!("{} is no folder", folder.display()),
            false => format!("there is no folder {}", folder.display()),
        };
        let help = "Make it first, or give another file";
        return Err(Error::config(option, problem, help));
    }
    takes_files(option, folder)
}

/// The same of a file for which the command makes the folder, too.
///
/// # Errors
///
/// Those of [`file`].
pub(super) fn made_file(
    option: &'static str,
    path: &Path,
    inputs: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Result<()> {
    spared(option, path, inputs)?;
    may_be_made(option, parent(path))
}

/// Refuses two files that a command would write to one place, each with its option.
pub(super) fn apart(one: (&'static str, &Path), other: (&'static str, &Path)) -> Result<()> {
    match place(one.1).is_some_and(|found| place(other.1) == Some(found)) {
        false => Ok(()),
        true => Err(Error::config(
            one.0,
            format!("{} is what {} writes", one.1.display(), other.0),
            "Give another file",
        )),
    }
}

/// Writes a whole file, or none, where this option says; `action` tells what is written, as in "write the page".
pub(super) fn write(
    option: &'static str,
    action: &'static str,
    path: &Path,
    bytes: impl AsRef<[u8]>,
) -> Result<()> {
    let bytes = bytes.as_ref();
    let needed = Some(bytes.len() as u64);
    write_atomically(path, bytes)
        .map_err(|error| Error::unwritten(option, action, path, needed, error))
}

/// Refuses what would take the place of an input, or of what is no file.
fn spared(
    option: &'static str,
    path: &Path,
    inputs: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Result<()> {
    // A device or a pipe would be replaced by the file.
    if path.exists() && !path.is_file() {
        let what = match path.is_dir() {
            true => "a folder",
            false => "no plain file",
        };
        return Err(Error::config(
            option,
            format!("{} is {what}", path.display()),
            "Give the name of a file",
        ));
    }
    let Some(place) = place(path) else {
        return Ok(());
    };
    outside_checkpoints(option, path, &place)?;
    let is_it = |input: &Path| fs::canonicalize(input).is_ok_and(|input| input == place);
    match inputs.into_iter().any(|input| is_it(input.as_ref())) {
        false => Ok(()),
        true => Err(Error::config(
            option,
            format!("{} is what this command reads", path.display()),
            "Give another file",
        )),
    }
}

/// Refuses a folder at `path`, the value of `option`, that cannot be made, lies in a checkpoint, is one of `read`, whose
/// files are read, or lies in one of `whole`, of which all below is read: the next command would read what this one writes.
///
/// # Errors
///
/// [`Error::Config`] that names the option and what is there; [`Error::Disk`] for a folder that cannot be made or takes no
/// file.
pub(super) fn folder(
    option: &'static str,
    path: &Path,
    read: impl IntoIterator<Item = impl AsRef<Path>>,
    whole: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Result<()> {
    may_be_made(option, path)?;
    let Some(place) = place(path) else {
        return Ok(());
    };
    outside_checkpoints(option, path, &place)?;
    let is_it = |read: &Path| fs::canonicalize(read).is_ok_and(|read| read == place);
    let is_below = |whole: &Path| fs::canonicalize(whole).is_ok_and(|w| place.starts_with(w));
    match read.into_iter().any(|read| is_it(read.as_ref()))
        || whole.into_iter().any(|whole| is_below(whole.as_ref()))
    {
        false => Ok(()),
        true => Err(Error::config(
            option,
            format!("{} is among what this command reads", path.display()),
            "Give a folder outside of it",
        )),
    }
}

/// Refuses a folder that is not there and cannot be made, or that takes no file.
fn may_be_made(option: &'static str, folder: &Path) -> Result<()> {
    let above = folder.ancestors().find(|above| above.exists());
    match above {
        Some(above) if !above.is_dir() => {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            let action = "make the folder";
            Err(Error::unwritten(option, action, folder, None, source))
        }
        Some(above) => takes_files(option, above),
        None => takes_files(option, Path::new(".")),
    }
}

/// Refuses a folder in which no file can be made. Where the system has them, the one that is tried has no name: it is gone
/// however this process ends.
fn takes_files(option: &'static str, folder: &Path) -> Result<()> {
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(source) => {
            let action = "make a file in it";
            Err(Error::unwritten(option, action, folder, None, source))
        }
    }
}

fn outside_checkpoints(option: &'static str, path: &Path, place: &Path) -> Result<()> {
    let is_checkpoint = |folder: &&Path| {
        let names = OF_CHECKPOINTS.iter();
        names
            .map(|name| folder.join(name))
            .all(|file| file.is_file())
    };
    match place.ancestors().find(is_checkpoint) {
        None => Ok(()),
        Some(checkpoint) => Err(Error::config(
            option,
            format!(
                "{} lies in the checkpoint {}, which it would damage",
                path.display(),
                checkpoint.display()
            ),
            "Give a path outside of it",
        )),
    }
}

/// Where a path leads, whether or not anything is there yet; none where that cannot be told.
fn place(path: &Path) -> Option<PathBuf> {
    match fs::canonicalize(path) {
        Ok(place) => Some(place),
        Err(_) => Some(place(parent(path))?.join(path.file_name()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(result: Result<()>, words: &[&str]) {
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        for word in ["--out"].iter().chain(words) {
            assert!(error.to_string().contains(word), "{word:?}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_read_is_not_written_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("rows.csv"), "").unwrap();
        fs::create_dir(at("below")).unwrap();
        let inputs = [at("gone.csv"), at("rows.csv")];
        for name in ["rows.csv", "below/../rows.csv"] {
            refused(
                file("--out", &at(name), &inputs),
                &[name, "this command reads"],
            );
        }
        // What is not there is nobody's, and another folder's is another file.
        for name in ["gone.csv", "below/rows.csv"] {
            file("--out", &at(name), &inputs).unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("rows.csv"), at("link.csv")).unwrap();
            refused(file("--out", &at("link.csv"), &inputs), &["link.csv"]);
        }
    }

    #[test]
    fn two_outputs_are_two_files_whether_or_not_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let apart = |one: &str, other: &str| apart(("--out", &at(one)), ("--csv", &at(other)));
        fs::create_dir(at("below")).unwrap();
        refused(apart("new", "below/../new"), &["new is what --csv writes"]);
        apart("new", "below/new").unwrap();
        fs::write(at("there"), "").unwrap();
        refused(apart("there", "there"), &["another file"]);
    }

    #[test]
    fn nothing_is_written_into_a_checkpoint() {
        let run = tempfile::tempdir().unwrap();
        let checkpoint = run.path().join("checkpoint-000021");
        fs::create_dir(&checkpoint).unwrap();
        let model = checkpoint.join("model.safetensors");
        // Another program's manifest is no reason to refuse.
        fs::write(checkpoint.join("MANIFEST.json"), "{}").unwrap();
        file("--out", &model, NOTHING).unwrap();
        fs::write(&model, "").unwrap();
        for name in ["model.safetensors", "new.onnx", "new/below.onnx"] {
            let path = checkpoint.join(name);
            for checked in [
                file("--out", &path, NOTHING),
                made_file("--out", &path, NOTHING),
            ] {
                refused(checked, &[name, "lies in the checkpoint"]);
            }
        }
        for path in [checkpoint.clone(), checkpoint.join("maps")] {
            let checked = folder("--output", &path, NOTHING, NOTHING);
            refused(checked, &["lies in the checkpoint"]);
        }
        file("--out", &run.path().join("model.onnx"), NOTHING).unwrap();
    }

    #[test]
    fn pictures_are_not_written_where_pictures_are_read() {
        let data = tempfile::tempdir().unwrap();
        let at = |name: &str| data.path().join(name);
        fs::create_dir_all(at("val/cat")).unwrap();
        for (path, read, whole) in [
            ("val/cat", vec![at("val/cat")], vec![]),
            ("val", vec![], vec![at("val")]),
            ("val/maps", vec![], vec![at("val")]),
        ] {
            refused(folder("--output", &at(path), &read, &whole), &[path]);
        }
        // Beside a picture that is given alone there may be a folder of its maps.
        folder("--output", &at("val/cat/maps"), [at("val/cat")], NOTHING).unwrap();
        folder("--output", &at("maps"), [at("val/cat")], [at("val")]).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_refused_and_nothing_is_left() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("file"), "").unwrap();
        for (name, words) in [
            ("folder", ["folder is a folder", "name of a file"]),
            ("none/a.csv", ["there is no folder", "none"]),
            ("file/a.csv", ["file is no folder", "another file"]),
        ] {
            refused(file("--out", &at(name), NOTHING), &words);
        }
        for checked in [
            made_file("--out", &at("file/a.csv"), NOTHING),
            folder("--output", &at("file/below"), NOTHING, NOTHING),
            folder("--output", &at("file"), NOTHING, NOTHING),
        ] {
            let error = checked.unwrap_err();
            assert_eq!(error.exit_code(), 8, "{error}");
            assert!(error.to_string().contains("file"), "{error}");
        }
        file("--out", &at("file"), NOTHING).unwrap();
        file("--out", &at("folder/new.csv"), NOTHING).unwrap();
        made_file("--out", &at("new/below/a.toml"), NOTHING).unwrap();
        folder("--output", &at("new/below"), NOTHING, NOTHING).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
        assert_eq!(fs::read_dir(at("folder")).unwrap().count(), 0);
    }

    /// Nobody can make a file there, root included.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_file_and_a_device_are_refused() {
        for path in ["/proc/x.toml", "/proc/new/x.toml"] {
            let error = made_file("--out", Path::new(path), NOTHING).unwrap_err();
            assert_eq!(error.exit_code(), 8, "{error}");
            assert!(error.to_string().contains("/proc: cannot make"), "{error}");
        }
        refused(
            file("--out", Path::new("/dev/null"), NOTHING),
            &["/dev/null is no plain file"],
        );
    }
}
