//! The pictures that a command is given: found, decoded on threads, and counted where they cannot be used.

use std::io::{self, Read, Write};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::links::Links;
use crate::data::{Dataset, Files, MAX_FILE_BYTES, Picture, Preprocess, Views, fit_views};
use crate::error::{Error, Result};

/// Pictures that each thread decodes ahead.
const AHEAD: usize = 4;

/// The pictures of a command, and which is the first that could not be used.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    files: Arc<Files>,
    first_bad: OnceLock<usize>,
}

impl Deref for Pictures {
    type Target = Files;

    fn deref(&self) -> &Files {
        &self.files
    }
}

impl Pictures {
    /// For a loader.
    pub(super) fn data(&self) -> Arc<dyn Dataset> {
        Arc::clone(&self.files) as Arc<dyn Dataset>
    }

    /// The picture at `index` cannot be used. Of several the first that is told counts.
    pub(super) fn leave_out(&self, index: usize) {
        let _ = self.first_bad.set(index);
    }
}

/// The pictures at `places`: files, folders, patterns such as `photos/*.jpg`, or `-` for one on standard input.
/// What is left out of folders is told on standard error.
pub(super) fn files(places: &[PathBuf], links: Links) -> Result<Pictures> {
    let mut files = match links.follow_links {
        true => Files::following_links(),
        false => Files::default(),
    };
    for path in places {
        let pattern = path
            .to_str()
            .filter(|text| text.contains(['*', '?', '[']) && !path.exists());
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .take(MAX_FILE_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|e| {
                    let help = "Give it the bytes of one picture, as in `predict - < photo.jpg`";
                    Error::data("standard input", format!("it cannot be read: {e}"), help)
                })?;
            files.add_bytes("-", bytes);
        } else if let Some(pattern) = pattern {
            let wrong = |e: glob::PatternError| {
                Error::config(
                    pattern,
                    format!("is no pattern: {e}"),
                    "Give files or folders",
                )
            };
            // What cannot be listed on the way holds none of the pictures.
            for found in glob::glob(pattern).map_err(wrong)?.flatten() {
                files.add(&found)?;
            }
        } else {
            files.add(path)?;
        }
    }
    files.notes().iter().for_each(|note| tell(note));
    match (files.is_empty(), places.first()) {
        (true, Some(first)) => Err(Error::data(
            first,
            "no picture is there",
            "Give files, folders with pictures in them, or patterns that match some",
        )),
        _ => Ok(Pictures {
            files: Arc::new(files),
            ..Pictures::default()
        }),
    }
}

/// A picture as a person and as the network sees it.
pub(super) struct Prepared {
    picture: Picture,
    preprocess: Preprocess,
    /// `[r, r, 3]`, normalised.
    pub(super) numbers: Vec<f32>,
}

impl Prepared {
    fn of(files: &Files, index: usize, preprocess: &Preprocess) -> Result<Self> {
        let picture = files.picture(index)?;
        let Preprocess { mean, std, .. } = *preprocess;
        let number =
            |(i, &byte): (usize, &u8)| (f32::from(byte) / 255.0 - mean[i % 3]) / std[i % 3];
        let seen = square(&picture, preprocess).rgb;
        Ok(Self {
            numbers: seen.iter().enumerate().map(number).collect(),
            picture,
            preprocess: *preprocess,
        })
    }

    /// What the network sees, `side` pixels wide.
    pub(super) fn square(&self, side: usize) -> Picture {
        let preprocess = Preprocess {
            size: side,
            ..self.preprocess
        };
        square(&self.picture, &preprocess)
    }
}

fn square(picture: &Picture, preprocess: &Preprocess) -> Picture {
    let mut squares = fit_views(picture, &preprocess.fit(Views::Centre));
    squares.swap_remove(0)
}

/// Gives each picture that can be used to `consume`, with its index, in order, while threads prepare those behind it;
/// how many could not be used. Those are told on standard error.
pub(super) fn each_prepared(
    pictures: &Pictures,
    preprocess: &Preprocess,
    mut consume: impl FnMut(usize, Prepared) -> Result<()>,
) -> Result<usize> {
    let files: &Files = pictures;
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let workers = workers.min(files.len()).max(1);
    let mut left_out = 0;
    thread::scope(|scope| {
        // Each has every `workers`-th picture and a short queue of its own: the order is fixed, and none runs away.
        let queue = |first: usize| -> Receiver<Result<Prepared>> {
            let (sender, receiver) = sync_channel(AHEAD);
            let work = move || {
                for index in (first..files.len()).step_by(workers) {
                    if sender.send(Prepared::of(files, index, preprocess)).is_err() {
                        break;
                    }
                }
            };
            // A thread that the system does not grant leaves its queue closed.
            drop(thread::Builder::new().spawn_scoped(scope, work));
            receiver
        };
        let queues: Vec<_> = (0..workers).map(queue).collect();
        for index in 0..files.len() {
            let prepared = queues[index % workers].recv();
            match prepared.unwrap_or_else(|_| Prepared::of(files, index, preprocess)) {
                Ok(prepared) => consume(index, prepared)?,
                Err(error) => {
                    tell(&error.to_string());
                    pictures.leave_out(index);
                    left_out += 1;
                }
            }
        }
        Ok(left_out)
    })
}

/// A line for the person; the exit code tells where nobody reads.
pub(super) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The error at the end of a command that had to leave out some of the pictures at `places`.
pub(super) fn all_usable(places: &[PathBuf], pictures: &Pictures, left_out: usize) -> Result<()> {
    let bad = pictures.first_bad.get();
    let bad = bad.map(|&i| PathBuf::from(pictures.name(i)));
    match (left_out, bad.or_else(|| places.first().cloned())) {
        (0, _) | (_, None) => Ok(()),
        (count, Some(first)) => Err(Error::data(
            first,
            format!("{count} of {} pictures cannot be used", pictures.len()),
            "Each is told on standard error: repair, replace or leave them out",
        )),
    }
}
