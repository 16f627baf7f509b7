//! One JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Record, Sink};

/// A file that grows by a line for each record.
pub(super) struct Lines {
    path: PathBuf,
    file: Option<File>,
}

/// A record with its time, for display.
#[derive(Serialize)]
struct Timed<'a> {
    /// Seconds since 1970.
    time: f64,
    #[serde(flatten)]
    record: &'a Record,
}

impl Lines {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            file: None,
        }
    }
}

impl Sink for Lines {
    fn write(&mut self, record: &Record, seconds: f64) -> io::Result<()> {
        // To the millisecond.
        let time = (seconds * 1000.0).round() / 1000.0;
        let mut line = serde_json::to_vec(&Timed { time, record })?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        file.write_all(&line)
    }
}

/// Opens the file behind its last whole line: an ended process may have left half of one.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path)?;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while end > 0 {
        let begin = end.saturating_sub(block.len() as u64);
        let part = &mut block[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|&byte| byte == b'\n') {
            end = begin + at as u64 + 1;
            break;
        }
        end = begin;
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(file)
}
