//! A CSV file that rows are appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};

/// Rows in a CSV file, under one header: those of earlier commands stay.
#[derive(Debug)]
pub struct RowFile<R> {
    option: &'static str,
    path: PathBuf,
    writer: csv::Writer<File>,
    row: PhantomData<R>,
}

impl<R: Serialize + Default> RowFile<R> {
    /// Opens the file of `--csv`, or begins it with a header.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, or that begins with another header.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_by("--csv", path)
    }

    /// The same of the file that another option names.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_by(option: &'static str, path: &Path) -> Result<Self> {
        let failed = |error| unwritten(option, path, error);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(failed)?;
        let (header, mut first) = (Self::header(), Vec::new());
        // No more than our own header and the end of its line: another file may have no lines, and no end.
        let longest = header.len() as u64 + 2;
        let read = BufReader::new((&file).take(longest)).read_until(b'\n', &mut first);
        read.map_err(failed)?;
        let new = first.is_empty();
        if !new && first.trim_ascii_end() != header.as_bytes() {
            return Err(Error::config(
                option,
                format!("{} begins with another header", path.display()),
                "Give a new file, or one of the same command",
            ));
        }
        let mut builder = csv::WriterBuilder::new();
        Ok(Self {
            option,
            path: path.to_owned(),
            writer: builder.has_headers(new).from_writer(file),
            row: PhantomData,
        })
    }

    /// Appends rows; they are in the file when this returns.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn append(&mut self, rows: &[R]) -> Result<()> {
        let written = rows.iter().try_for_each(|row| self.writer.serialize(row));
        let written = written.map_err(io::Error::from);
        written
            .and_then(|()| self.writer.flush())
            .map_err(|error| unwritten(self.option, &self.path, error))
    }

    /// The header, as the first row would write it.
    pub fn header() -> String {
        let lines = lines(&[R::default()], true);
        lines.lines().next().unwrap_or_default().to_owned()
    }

    /// Rows as they stand in the file.
    pub fn lines(rows: &[R]) -> String {
        lines(rows, false)
    }
}

fn unwritten(option: &'static str, path: &Path, error: io::Error) -> Error {
    Error::unwritten(option, "write rows", path, None, error)
}

fn lines<R: Serialize>(rows: &[R], header: bool) -> String {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(header)
        .from_writer(Vec::new());
    for row in rows {
        writer
            .serialize(row)
            .expect("a row is flat, and memory takes it");
    }
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("names and numbers are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Serialize)]
    struct Named {
        name: &'static str,
        ms: Option<f64>,
    }

    #[test]
    fn rows_are_appended_under_one_header_and_never_to_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        for name in ["a", "b, with a comma"] {
            let ms = Some(2.5);
            let mut file = RowFile::open(&path).unwrap();
            file.append(&[Named { name, ms }]).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "name,ms\na,2.5\n\"b, with a comma\",2.5\n");

        std::fs::write(&path, "name,milliseconds\n").unwrap();
        let refused = |path: &Path| RowFile::<Named>::open(path).unwrap_err();
        let error = refused(&path);
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("begins with another header"));
        // One that goes on where ours ends, and one that is no text.
        for text in [&b"name,ms,more\n"[..], b"\xff\xfe\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(refused(&path).exit_code(), 2);
        }
        let error = refused(&folder.path().join("none/rows.csv"));
        assert_eq!(error.exit_code(), 8);
        assert!(error.to_string().contains("cannot write rows"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_file_without_an_end_only_the_start_is_read() {
        let error = RowFile::<Named>::open(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains("begins with another header"));
    }
}
