//! Rows for scripts: appended to a CSV file as they come, or one JSON document at the end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::row::Row;

/// Where rows go.
pub(crate) struct Output {
    csv: Option<(PathBuf, csv::Writer<File>)>,
    json: Option<Vec<Row>>,
}

impl Output {
    /// To this file, and to standard output if `json`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file that cannot be written, or that holds something else.
    pub(crate) fn new(csv: Option<&Path>, json: bool) -> Result<Self> {
        let csv = csv.map(|path| Ok::<_, Error>((path.to_owned(), open(path)?)));
        Ok(Self {
            csv: csv.transpose()?,
            json: json.then(Vec::new),
        })
    }

    /// Takes rows; those of a CSV file are there at once.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub(crate) fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        if let Some((path, writer)) = &mut self.csv {
            let failed = |problem: String| Error::File {
                path: path.clone(),
                problem,
            };
            for row in &rows {
                writer.serialize(row).map_err(|e| failed(e.to_string()))?;
            }
            writer.flush().map_err(|e| failed(e.to_string()))?;
        }
        if let Some(all) = &mut self.json {
            all.extend(rows);
        }
        Ok(())
    }

    /// Prints the JSON document, if one was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(rows) = self.json {
            let text = serde_json::to_string_pretty(&rows).map_err(|e| Error::File {
                path: "standard output".into(),
                problem: e.to_string(),
            })?;
            println!("{text}");
        }
        Ok(())
    }
}

/// The header, as the first row would write it.
pub(crate) fn header() -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .serialize(Row::default())
        .expect("a row is flat, and memory takes it");
    let bytes = writer.into_inner().expect("memory takes it");
    let text = String::from_utf8_lossy(&bytes);
    text.lines().next().unwrap_or_default().to_owned()
}

fn open(path: &Path) -> Result<csv::Writer<File>> {
    let failed = |problem: String| Error::File {
        path: path.to_owned(),
        problem,
    };
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(|e| failed(e.to_string()))?;
    let mut first = String::new();
    BufReader::new(&file)
        .read_line(&mut first)
        .map_err(|e| failed(e.to_string()))?;
    let new = first.is_empty();
    if !new && first.trim_end() != header() {
        return Err(failed("it begins with another header".into()));
    }
    Ok(csv::WriterBuilder::new().has_headers(new).from_writer(file))
}
