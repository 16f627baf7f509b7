//! The checkpoints of one output directory.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Snapshot;
use super::disk::{self, Disk};
use super::manifest::{self, Flaw, MANIFEST};
use super::names::{announced, directory_name, entries, pointed, replaced, size, step_of};
use crate::error::{Error, Result};
use crate::output::temporary;

/// The files beside the checkpoints that are replaced by way of a temporary one.
const OWN_FILES: [&str; 7] = [
    "last",
    "best",
    "args.toml",
    "network.toml",
    "summary.csv",
    "summary.json",
    "report.html",
];

/// One of the two one-line files that name a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// The newest.
    Last,
    /// The one with the best evaluation.
    Best,
}

impl Pointer {
    /// Name of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

/// What a new checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The newest only.
    Newest,
    /// The newest, and better than all before it.
    Best,
}

/// The checkpoints of one output directory, for the one trainer that holds its
/// [`OutputLock`](crate::output::OutputLock).
#[derive(Debug)]
pub struct CheckpointStore {
    directory: PathBuf,
    /// How many of the newest stay besides the best one; never less than 2.
    keep: usize,
    notes: Vec<String>,
    disk: Box<dyn Disk>,
}

impl CheckpointStore {
    /// Opens `directory`, creating it where it is absent, and clears away what an ended process left unfinished.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_on(directory, disk::open())
    }

    fn open_on(directory: &Path, disk: Box<dyn Disk>) -> Result<Self> {
        let failed = |source| Error::disk("open the checkpoints", directory, None, source);
        fs::create_dir_all(directory).map_err(failed)?;
        let mut store = Self {
            directory: directory.to_owned(),
            keep: 2,
            notes: Vec::new(),
            disk,
        };
        store.sweep().map_err(failed)?;
        Ok(store)
    }

    /// Keeps this many of the newest checkpoints besides the best one; at least 2.
    pub fn keep(self, count: usize) -> Self {
        Self {
            keep: count.max(2),
            ..self
        }
    }

    /// Commits a checkpoint, moves the pointers and removes what is no longer needed. Returns its directory.
    ///
    /// Where the disk refuses, everything that was committed before is still there, and `last` still names it. An old
    /// checkpoint that cannot be removed is no failure: [`CheckpointStore::take_notes`] tells it.
    pub fn save(&mut self, snapshot: &Snapshot, standing: Standing) -> Result<PathBuf> {
        let state = &snapshot.state;
        if let Some(what) = snapshot.first_non_finite() {
            let help = "It was not saved; the checkpoint before it is intact. Lower --lr, or raise --warmup-epochs".to_owned();
            return Err(Error::Diverged {
                step: state.step,
                epoch: state.epoch,
                what,
                help,
            });
        }
        let name = directory_name(state.step);
        let place = self.directory.join(&name);
        let files = manifest::encode(snapshot).map_err(|problem| {
            Error::checkpoint(&place, problem, "This is a bug: please report it")
        })?;
        let needed = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let pointers: &[Pointer] = match standing {
            Standing::Newest => &[Pointer::Last],
            Standing::Best => &[Pointer::Last, Pointer::Best],
        };
        // A disk that is full for a moment gets a second chance.
        self.commit(&place, &files, pointers)
            .or_else(|_| self.commit(&place, &files, pointers))
            .map_err(|source| Error::disk("write the checkpoint", &place, Some(needed), source))?;
        for pointer in pointers {
            let path = self.directory.join(pointer.name());
            self.disk
                .rename(&temporary(&path), &path)
                .and_then(|()| self.disk.sync(&self.directory))
                .map_err(|source| Error::disk("move the pointer", &path, None, source))?;
        }
        self.prune(state.step);
        Ok(place)
    }

    fn commit(
        &self,
        place: &Path,
        files: &[(&str, Vec<u8>)],
        pointers: &[Pointer],
    ) -> io::Result<()> {
        if is_same(place, files) {
            return self.announce(place, pointers);
        }
        let temporary = temporary(place);
        if temporary.exists() {
            self.disk.remove(&temporary)?;
        }
        let written = self.write_and_rename(place, files, pointers);
        if written.is_err() {
            // The first failure is the one to tell; what cannot be mended here is at the next start.
            let old = replaced(place);
            if old.exists() && !place.exists() {
                let _ = self.disk.rename(&old, place);
            }
            if temporary.exists() {
                let _ = self.disk.remove(&temporary);
                self.withdraw(pointers);
            }
        }
        written
    }

    fn write_and_rename(
        &self,
        place: &Path,
        files: &[(&str, Vec<u8>)],
        pointers: &[Pointer],
    ) -> io::Result<()> {
        let temporary = temporary(place);
        self.disk.create(&temporary)?;
        for (name, bytes) in files {
            self.disk.write(&temporary.join(name), bytes)?;
        }
        self.disk.sync(&temporary)?;
        let old = replaced(place);
        if place.exists() {
            self.disk.rename(place, &old)?;
        }
        self.announce(place, pointers)?;
        self.disk.rename(&temporary, place)?;
        self.disk.sync(&self.directory)?;
        if old.exists() {
            self.disk.remove(&old)?;
        }
        Ok(())
    }

    /// Writes down, while no checkpoint of that name exists, which pointers will name it. A process that ends behind
    /// the commit then leaves pointers that the next start moves.
    fn announce(&self, place: &Path, pointers: &[Pointer]) -> io::Result<()> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        for pointer in pointers {
            let path = self.directory.join(pointer.name());
            self.disk
                .write(&temporary(&path), format!("{name}\n").as_bytes())?;
        }
        self.disk.sync(&self.directory)
    }

    /// Takes announcements back whose commit has failed.
    fn withdraw(&self, pointers: &[Pointer]) {
        for pointer in pointers {
            let path = temporary(&self.directory.join(pointer.name()));
            if fs::symlink_metadata(&path).is_ok_and(|file| file.is_file()) {
                // A failure leaves a name without a checkpoint, which is swept at the next start.
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Removes checkpoints older than the newest few, but neither the best nor any beyond `step`: those are of a run
    /// that somebody went back from.
    fn prune(&mut self, step: u64) {
        let mut kept: BTreeSet<u64> = self
            .steps()
            .into_iter()
            .filter(|&other| other <= step)
            .rev()
            .take(self.keep)
            .collect();
        kept.extend(
            [Pointer::Last, Pointer::Best]
                .iter()
                .filter_map(|&pointer| pointed(&self.directory, pointer)),
        );
        for old in self
            .steps()
            .into_iter()
            .filter(|other| *other < step && !kept.contains(other))
        {
            let path = self.directory.join(directory_name(old));
            // Renamed first: a directory half removed must not bear a checkpoint's name.
            let doomed = temporary(&path);
            if let Err(error) = self
                .disk
                .rename(&path, &doomed)
                .and_then(|()| self.disk.remove(&doomed))
            {
                self.notes.push(format!(
                    "warning: {}: cannot remove this old checkpoint: {error}",
                    path.display()
                ));
            }
        }
    }

    /// What had to be said since the last time.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The checkpoint to go on from, and what had to be said on the way to it: files swept, damage passed over.
    ///
    /// That is the one which `last` names, or else the newest that is whole. A damaged one is set aside as `*.corrupt`.
    /// `None` where there is no checkpoint, and [`CheckpointStore::take_notes`] has what was swept; an error where there are
    /// some and none can be used.
    pub fn latest(&mut self) -> Result<Option<(Snapshot, Vec<String>)>> {
        let mut notes = self.take_notes();
        let last = pointed(&self.directory, Pointer::Last);
        let mut steps: Vec<u64> = self.steps().into_iter().rev().collect();
        steps.sort_by_key(|step| Some(*step) != last);
        let mut first_flaw = None;
        for step in steps {
            let path = self.directory.join(directory_name(step));
            match manifest::load(&path) {
                Ok(snapshot) => return Ok(Some((snapshot, notes))),
                Err(Flaw::Damaged(what)) => {
                    let aside = self.set_aside(&path);
                    notes.push(format!("{} is damaged ({what}){aside}", path.display()));
                    first_flaw.get_or_insert(what);
                }
                Err(flaw) => return Err(refusal(&path, flaw)),
            }
        }
        match first_flaw {
            None => {
                self.notes = notes;
                Ok(None)
            }
            Some(what) => Err(Error::checkpoint(
                &self.directory,
                format!("no checkpoint here is whole (the first: {what})"),
                "They were set aside as *.corrupt: the same command begins anew now; or restore a copy first",
            )),
        }
    }

    fn set_aside(&self, path: &Path) -> String {
        let name = |suffix: String| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(suffix);
            path.with_file_name(name)
        };
        let free = std::iter::once(name(".corrupt".into()))
            .chain((2..).map(|count| name(format!(".corrupt-{count}"))))
            .find(|candidate| !candidate.exists())
            .expect("one of endless names is free");
        match self.disk.rename(path, &free) {
            Ok(()) => format!(
                ": set aside as {}, going on with an earlier one",
                free.display()
            ),
            Err(error) => {
                format!(" and cannot be set aside ({error}): going on with an earlier one")
            }
        }
    }

    /// Steps of all checkpoints that bear a final name, oldest first.
    fn steps(&self) -> Vec<u64> {
        let mut steps: Vec<u64> = entries(&self.directory)
            .iter()
            .filter_map(|name| step_of(name))
            .collect();
        steps.sort_unstable();
        steps
    }

    /// Clears away what an ended process left: half-written directories and files, and a checkpoint it was replacing.
    fn sweep(&mut self) -> io::Result<()> {
        // Before anything else: a name counts as committed while what it replaces has not been put back.
        for pointer in [Pointer::Last, Pointer::Best] {
            let path = self.directory.join(pointer.name());
            let announced = announced(&temporary(&path));
            if announced.is_some_and(|step| self.directory.join(directory_name(step)).exists()) {
                self.disk.rename(&temporary(&path), &path)?;
                self.disk.sync(&self.directory)?;
            }
        }
        for name in entries(&self.directory) {
            let path = self.directory.join(&name);
            if let Some(step) = name.strip_suffix(".old").and_then(step_of) {
                let place = self.directory.join(directory_name(step));
                if place.exists() {
                    self.disk.remove(&path)?;
                } else {
                    self.disk.rename(&path, &place)?;
                }
                continue;
            }
            let Some(stem) = name.strip_suffix(".tmp") else {
                continue;
            };
            let bytes = size(&path);
            if step_of(stem).is_some() && path.is_dir() {
                self.disk.remove(&path)?;
            } else if OWN_FILES.contains(&stem) && path.is_file() {
                fs::remove_file(&path)?;
            } else {
                continue;
            }
            self.notes.push(format!(
                "{}: left unfinished by an ended process, removed ({bytes} bytes)",
                path.display()
            ));
        }
        Ok(())
    }
}

/// Reads the checkpoint in `directory` (`output/checkpoint-000123`) after checking all of it.
pub fn load(directory: &Path) -> Result<Snapshot> {
    manifest::load(directory).map_err(|flaw| refusal(directory, flaw))
}

/// The checkpoint directory that a pointer of the output directory names.
pub fn follow(output: &Path, pointer: Pointer) -> Result<PathBuf> {
    match pointed(output, pointer) {
        Some(step) => Ok(output.join(directory_name(step))),
        None => Err(Error::checkpoint(
            output.join(pointer.name()),
            "names no checkpoint",
            "Give an output directory of `triaxis train`, or one of its checkpoint directories",
        )),
    }
}

fn refusal(path: &Path, flaw: Flaw) -> Error {
    match flaw {
        Flaw::Damaged(what) => Error::checkpoint(
            path,
            format!("damaged: {what}"),
            "Use another checkpoint or restore a copy",
        ),
        Flaw::Newer(what) => Error::checkpoint(
            path,
            what,
            "Use the version of triaxis that wrote it, or a later one",
        ),
        Flaw::Unreadable(what) => {
            Error::checkpoint(path, what, "Make it readable, or use another checkpoint")
        }
    }
}

/// Whether `place` holds exactly these files already: a run that saves the same step twice has nothing to do.
fn is_same(place: &Path, files: &[(&str, Vec<u8>)]) -> bool {
    let manifest = files
        .iter()
        .find(|(name, _)| *name == MANIFEST)
        .map(|(_, bytes)| bytes);
    let same_manifest = fs::read(place.join(MANIFEST)).is_ok_and(|bytes| Some(&bytes) == manifest);
    same_manifest
        && files
            .iter()
            .all(|(name, bytes)| fs::read(place.join(name)).is_ok_and(|found| found == *bytes))
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod tests;
