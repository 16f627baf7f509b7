//! Rows for scripts: appended to a CSV file as they come, or one JSON document at the end.

use std::path::Path;

use triaxis::bench::RowFile;

use crate::error::Result;
use crate::row::Row;

/// Where rows go.
pub(crate) struct Output {
    csv: Option<RowFile<Row>>,
    json: Option<Vec<Row>>,
}

impl Output {
    /// To this file, and to standard output if `json`.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, or that holds something else.
    pub(crate) fn new(csv: Option<&Path>, json: bool) -> Result<Self> {
        Ok(Self {
            csv: csv.map(RowFile::open).transpose()?,
            json: json.then(Vec::new),
        })
    }

    /// Takes rows; those of a CSV file are there at once.
    ///
    /// # Errors
    ///
    /// A disk that takes no more.
    pub(crate) fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        if let Some(file) = &mut self.csv {
            file.append(&rows)?;
        }
        if let Some(all) = &mut self.json {
            all.extend(rows);
        }
        Ok(())
    }

    /// Prints the JSON document, if one was asked for.
    pub(crate) fn finish(self) {
        if let Some(rows) = self.json {
            let text = serde_json::to_string_pretty(&rows);
            println!(
                "{}",
                text.expect("rows have names as keys and numbers as values")
            );
        }
    }
}
