//! One Parquet file (<https://parquet.apache.org/docs/file-format/>): its schema, its labels, and any one of its pictures.
//!
//! Files of the Hugging Face Hub have a column of pictures, a group of `bytes` and `path`, and one of labels; their key-value
//! metadata `huggingface` says in JSON what the labels are called. A picture is read from its page alone: pages before it in its row
//! group are passed over by their headers. Pages are plain or packed by Snappy, which [`Pages`] bounds by the bytes that
//! are there; other codecs are refused, and of those, gzip and zstd would unpack without a bound.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{
    basic::{Compression, Type},
    column::reader::ColumnReaderImpl,
    data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, ParquetMetaDataReader},
        serialized_reader::SerializedPageReader,
    },
    schema::types::ColumnDescriptor,
};

use super::pages::Pages;
use crate::data::{DataError, MAX_FILE_BYTES, error::list};

/// What columns of pictures are called.
const PICTURES: [&str; 2] = ["image", "img"];
/// What columns of labels are called; the first that is there is used.
const LABELS: [&str; 3] = ["label", "labels", "fine_label"];
/// Labels that are read at once.
const AT_ONCE: usize = 1 << 16;
/// Rows that a file may have whatever its size; beyond that, as many as it has bytes.
const FEW: u64 = 1 << 20;

/// A file whose pictures can be read one by one.
pub(super) struct Table {
    pub(super) path: PathBuf,
    /// Bytes of the file.
    pub(super) bytes: u64,
    metadata: ParquetMetaData,
    /// The column of pictures.
    column: usize,
    /// The first row of each row group.
    firsts: Vec<usize>,
}

/// What opening a file gives.
pub(super) struct Opened {
    pub(super) table: Table,
    /// The label of each row.
    pub(super) labels: Vec<u32>,
    /// The classes' names, where the file has them.
    pub(super) names: Option<Vec<String>>,
}

/// A file that is not what it should be.
pub(super) fn wrong(path: &Path, found: String, expected: &str) -> DataError {
    DataError::Container {
        path: path.to_owned(),
        found,
        expected: expected.into(),
    }
}

/// The reader is other people's: should it panic on hostile bytes, the file is damaged and nothing else is.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the reader gave up on it".into()),
    }
}

impl Table {
    /// Reads the metadata and the labels of the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Opened, DataError> {
        let failed = |source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let metadata = guarded(|| ParquetMetaDataReader::new().parse_and_finish(&file));
        let metadata = metadata.map_err(|problem| {
            wrong(
                path,
                format!("cannot be opened: {problem}"),
                "a whole Parquet file",
            )
        })?;
        let (column, label_column) = columns(path, &metadata)?;
        let mut firsts = Vec::new();
        let mut rows = 0u64;
        for group in metadata.row_groups() {
            firsts.push(rows as usize);
            // A negative count is a huge one.
            rows = rows.saturating_add(group.num_rows() as u64);
            for column in [column, label_column] {
                let codec = group.column(column).compression();
                if !matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY) {
                    let found = format!("its pages are packed by {codec}");
                    return Err(wrong(path, found, "plain pages, or Snappy's"));
                }
            }
        }
        if rows > bytes.max(FEW) {
            let found = format!("it claims {rows} rows in {bytes} bytes");
            return Err(wrong(path, found, "a picture in each row"));
        }
        let table = Self {
            path: path.to_owned(),
            bytes,
            column,
            firsts,
            metadata,
        };
        let (labels, names) = (table.labels(label_column)?, table.names(label_column)?);
        Ok(Opened {
            table,
            labels,
            names,
        })
    }

    fn describe(&self, column: usize) -> &Arc<ColumnDescriptor> {
        &self.metadata.file_metadata().schema_descr().columns()[column]
    }

    /// A reader of one column of one row group, over a file of its own: clones of one would share their position.
    fn reader<T: DataType>(
        &self,
        group: usize,
        column: usize,
    ) -> Result<ColumnReaderImpl<T>, ParquetError> {
        let file = Arc::new(Pages(File::open(&self.path)?));
        let group = self.metadata.row_group(group);
        let rows = group.num_rows() as usize;
        let pages = SerializedPageReader::new(file, group.column(column), rows, None)?;
        let descriptor = Arc::clone(self.describe(column));
        Ok(ColumnReaderImpl::new(descriptor, Box::new(pages)))
    }

    /// The label of each row.
    fn labels(&self, column: usize) -> Result<Vec<u32>, DataError> {
        let mut labels = Vec::new();
        for group in 0..self.metadata.num_row_groups() {
            match self.describe(column).physical_type() {
                Type::INT32 => self.labels_of::<Int32Type>(group, column, &mut labels)?,
                _ => self.labels_of::<Int64Type>(group, column, &mut labels)?,
            }
        }
        Ok(labels)
    }

    /// Adds the labels of a row group.
    fn labels_of<T: DataType>(
        &self,
        group: usize,
        column: usize,
        labels: &mut Vec<u32>,
    ) -> Result<(), DataError>
    where
        T::T: Copy + Into<i64>,
    {
        let name = self.describe(column).name().to_owned();
        let expected = self.metadata.row_group(group).num_rows() as usize;
        let first = labels.len();
        let broken = |row: usize, problem: &str| {
            let found = format!("row {row} of column `{name}`: {problem}");
            wrong(&self.path, found, "a label from 0 in each row")
        };
        let mut reader =
            guarded(|| self.reader::<T>(group, column)).map_err(|e| broken(first, &e))?;
        while labels.len() - first < expected {
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let wanted = AT_ONCE.min(expected - (labels.len() - first));
            let read = || reader.read_records(wanted, Some(&mut levels), None, &mut values);
            let (records, present, _) = guarded(read).map_err(|e| broken(labels.len(), &e))?;
            if records == 0 {
                return Err(broken(labels.len(), "the file breaks off here"));
            }
            if present < records {
                let most = self.describe(column).max_def_level();
                let without = levels
                    .iter()
                    .position(|&level| level < most)
                    .unwrap_or(present);
                return Err(broken(labels.len() + without, "it has no label"));
            }
            for value in values {
                let value: i64 = value.into();
                let label = u32::try_from(value)
                    .map_err(|_| broken(labels.len(), &format!("label {value} is out of range")))?;
                labels.push(label);
            }
        }
        Ok(())
    }

    /// What the file calls its labels, by the JSON that `datasets` puts into it.
    fn names(&self, column: usize) -> Result<Option<Vec<String>>, DataError> {
        let entries = self.metadata.file_metadata().key_value_metadata();
        let entry = entries.and_then(|all| all.iter().find(|entry| entry.key == "huggingface"));
        let Some(text) = entry.and_then(|entry| entry.value.as_deref()) else {
            return Ok(None);
        };
        let label = self.describe(column).name();
        let refuse = |problem: String| {
            let found = format!("its metadata `huggingface` {problem}");
            wrong(&self.path, found, "the JSON that `datasets` writes")
        };
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|error| refuse(format!("is no JSON: {error}")))?;
        let Some(names) = json["info"]["features"][label].get("names") else {
            return Ok(None);
        };
        let texts = names.as_array().map(|names| {
            let text = |name: &serde_json::Value| name.as_str().map(str::to_owned);
            names.iter().map(text).collect::<Option<Vec<_>>>()
        });
        match texts.flatten() {
            Some(names) => Ok(Some(names)),
            None => Err(refuse(format!("names no classes for `{label}`"))),
        }
    }

    /// The bytes of the picture in a row.
    pub(super) fn read(&self, row: usize) -> Result<Vec<u8>, DataError> {
        // What cannot be opened any more is told apart from what is damaged.
        File::open(&self.path).map_err(|source| DataError::Read {
            path: self.place(row),
            source,
        })?;
        let damaged = |reason: String| DataError::Damaged {
            path: self.place(row),
            format: "Parquet",
            reason,
        };
        let bytes = guarded(|| self.bytes(row)).map_err(damaged)?;
        let Some(bytes) = bytes else {
            return Err(damaged("the row has no picture in it".into()));
        };
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(DataError::TooLarge {
                path: self.place(row),
                found: format!("{} bytes", bytes.len()),
                cap: format!("{MAX_FILE_BYTES} bytes"),
            });
        }
        Ok(bytes.data().to_vec())
    }

    fn bytes(&self, row: usize) -> Result<Option<ByteArray>, ParquetError> {
        let group = self.firsts.partition_point(|&first| first <= row) - 1;
        let mut reader = self.reader::<ByteArrayType>(group, self.column)?;
        let before = row - self.firsts[group];
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let skipped = reader.skip_records(before)?;
        let read = reader.read_records(1, Some(&mut levels), None, &mut values)?;
        if skipped < before || read.0 != 1 {
            return Err(ParquetError::EOF(
                "the row group breaks off before this row".into(),
            ));
        }
        Ok(values.pop())
    }

    /// The file and the row, for messages.
    pub(super) fn place(&self, row: usize) -> PathBuf {
        format!("{}, row {row}", self.path.display()).into()
    }
}

/// The columns of pictures and of labels.
fn columns(path: &Path, metadata: &ParquetMetaData) -> Result<(usize, usize), DataError> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let find = |names: &[&str], below: &str, types: &[Type]| {
        let is = |column: &ColumnDescriptor, name: &str| {
            let parts = column.path().parts();
            let place = match parts {
                [only] => only == name,
                [group, field] => !below.is_empty() && group == name && field == below,
                _ => false,
            };
            place && column.max_rep_level() == 0 && types.contains(&column.physical_type())
        };
        names
            .iter()
            .find_map(|name| columns.iter().position(|column| is(column, name)))
    };
    let pictures = find(&PICTURES, "bytes", &[Type::BYTE_ARRAY]);
    let labels = find(&LABELS, "", &[Type::INT32, Type::INT64]);
    if let (Some(pictures), Some(labels)) = (pictures, labels) {
        return Ok((pictures, labels));
    }
    let shown = |column: &Arc<ColumnDescriptor>| {
        format!("{}: {}", column.path().string(), column.physical_type())
    };
    let all: Vec<String> = columns.iter().map(shown).collect();
    let missing = match pictures {
        None => "no column of pictures",
        Some(_) => "no column of labels",
    };
    Err(wrong(
        path,
        format!("it has {missing} among {}", list(&all)),
        "`image` or `img` with bytes of picture files, and `label`, `labels` or `fine_label` with whole numbers",
    ))
}
