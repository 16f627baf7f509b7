use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type},
    file::{
        metadata::{KeyValue, ParquetMetaDataReader},
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};

use super::super::{numbered, png};
use crate::data::{DataError, DataOptions, Split, check, open, open_validation};

/// What `datasets` makes of a folder of pictures.
const IMAGES: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (UTF8); }
    optional int64 label;
}";
const NAMES: &str = r#"{"info": {"features": {
    "image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}}}"#;

/// A file to be written.
struct Made {
    schema: &'static str,
    /// What the metadata `huggingface` says.
    names: Option<&'static str>,
    pictures: Vec<Option<Vec<u8>>>,
    labels: Vec<Option<i64>>,
    compression: Compression,
    dictionary: bool,
}

impl Made {
    /// Pictures `from` and on, labelled 0, 1, 2, 0, 1.
    fn new(from: usize, count: usize) -> Self {
        let picture = |i| Some(png(&numbered(i)));
        Self {
            schema: IMAGES,
            names: Some(NAMES),
            pictures: (from..from + count).map(picture).collect(),
            labels: (0..count as i64).map(|i| Some(i % 3)).collect(),
            compression: Compression::SNAPPY,
            dictionary: true,
        }
    }

    /// Row groups of 7, pages of a few pictures.
    fn bytes(&self) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(self.schema).unwrap());
        let entry = |text: &str| KeyValue::new("huggingface".into(), text.to_owned());
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_dictionary_enabled(self.dictionary)
            .set_dictionary_page_size_limit(300)
            .set_data_page_size_limit(400)
            .set_write_batch_size(1)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_key_value_metadata(self.names.map(|names| vec![entry(names)]))
            .build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for (pictures, labels) in self.pictures.chunks(7).zip(self.labels.chunks(7)) {
            let mut group = writer.next_row_group().unwrap();
            while let Some(mut column) = group.next_column().unwrap() {
                self.fill(&mut column, pictures, labels);
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn fill(
        &self,
        column: &mut SerializedColumnWriter<'_>,
        pictures: &[Option<Vec<u8>>],
        labels: &[Option<i64>],
    ) {
        use ::parquet::column::writer::ColumnWriter as Writer;
        let bytes = |picture: &Vec<u8>| ByteArray::from(picture.clone());
        let optional = self.schema == IMAGES;
        match column.untyped() {
            Writer::ByteArrayColumnWriter(w) if w.get_descriptor().name() == "path" => {
                let levels = vec![1; pictures.len()];
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&[], Some(&levels), None)
                    .unwrap();
            }
            Writer::ByteArrayColumnWriter(w) => {
                let levels: Vec<i16> = pictures
                    .iter()
                    .map(|p| 1 + i16::from(p.is_some()))
                    .collect();
                let values: Vec<ByteArray> = pictures.iter().flatten().map(bytes).collect();
                w.write_batch(&values, optional.then_some(&levels[..]), None)
                    .unwrap();
            }
            Writer::Int64ColumnWriter(_) => {
                let levels: Vec<i16> = labels.iter().map(|l| i16::from(l.is_some())).collect();
                let values: Vec<i64> = labels.iter().flatten().copied().collect();
                let writer = column.typed::<Int64Type>();
                writer
                    .write_batch(&values, optional.then_some(&levels[..]), None)
                    .unwrap();
            }
            _ => {
                let values: Vec<i32> = labels.iter().flatten().map(|&l| l as i32).collect();
                column
                    .typed::<Int32Type>()
                    .write_batch(&values, None, None)
                    .unwrap();
            }
        }
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self) -> Result<Split, DataError> {
        opened(self.0.path())
    }

    /// The words of the error that the data is refused with.
    #[track_caller]
    fn refused(&self) -> String {
        let error = self.open().map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        error.to_string()
    }
}

fn opened(path: &Path) -> Result<Split, DataError> {
    open(&path.display().to_string(), &DataOptions::default())
}

#[test]
fn files_of_the_hub_train_and_validate_with_the_names_in_their_metadata() {
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        for dictionary in [true, false] {
            let place = Place::new();
            let made = |from, count| Made {
                compression,
                dictionary,
                ..Made::new(from, count)
            };
            place.write("data/train-00000-of-00002.parquet", &made(0, 17).bytes());
            place.write("data/train-00001-of-00002.parquet", &made(17, 9).bytes());
            place.write("data/test-00000-of-00001.parquet", &made(26, 5).bytes());
            let split = place.open().unwrap();
            for (data, first, count) in [(&split.train, 0, 26), (&split.validation, 26, 5)] {
                assert_eq!(data.len(), count);
                assert_eq!(data.classes(), ["cat", "dog", "owl"]);
                for index in (0..count).rev() {
                    assert_eq!(data.picture(index).unwrap(), numbered(first + index));
                    let in_file = if index < 17 { index } else { index - 17 };
                    assert_eq!(data.label(index), in_file % 3);
                }
            }
            assert_eq!(split.train.name(18), "train-00001-of-00002.parquet, row 1");
            let alone = open_validation(
                &place.0.path().display().to_string(),
                &DataOptions::default(),
            );
            let (alone, _) = alone.unwrap();
            assert_eq!(alone.fingerprint(), split.validation.fingerprint());
        }
    }
}

#[test]
fn plain_columns_without_names_are_numbered_classes_and_one_file_is_split() {
    let place = Place::new();
    let made = Made {
        schema: "message schema { required binary img; required int32 fine_label; required int64 coarse_label; }",
        names: None,
        ..Made::new(0, 30)
    };
    let path = place.write("some.parquet", &made.bytes());
    let split = opened(&path).unwrap();
    assert_eq!(split.train.classes(), ["0", "1", "2"]);
    assert_eq!((split.train.len(), split.validation.len()), (27, 3));
    let text = check(&path.display().to_string(), &DataOptions::default())
        .unwrap()
        .to_string();
    assert!(text.contains("every picture decodes"), "{text}");
}

#[test]
fn threads_read_different_rows_at_once() {
    let place = Place::new();
    place.write("train-0.parquet", &Made::new(0, 40).bytes());
    let split = place.open().unwrap();
    let all: Vec<_> = (0..split.train.len())
        .map(|i| split.train.picture(i).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for first in 0..4 {
            let (all, train) = (&all, &split.train);
            scope.spawn(move || {
                for _ in 0..5 {
                    for index in (first..all.len()).step_by(2) {
                        assert_eq!(train.picture(index).unwrap(), all[index]);
                    }
                }
            });
        }
    });
}

#[test]
fn labels_that_name_no_class_are_told_with_file_and_row() {
    for (label, words) in [
        (Some(3), "label 3 is out of range; expected 0 to 2"),
        (
            Some(-1),
            "row 11 of column `label`: label -1 is out of range",
        ),
        (None, "row 11 of column `label`: it has no label"),
    ] {
        let place = Place::new();
        let mut made = Made::new(0, 20);
        made.labels[11] = label;
        place.write("train-0.parquet", &made.bytes());
        let text = place.refused();
        assert!(
            text.contains(words) && text.contains("row 11") && text.contains("train-0.parquet"),
            "{text}"
        );
    }
}

#[test]
fn a_row_without_a_picture_is_one_damaged_picture() {
    let place = Place::new();
    let mut made = Made::new(0, 20);
    made.pictures[9] = None;
    made.pictures[10] = Some(b"text".to_vec());
    place.write("train-0.parquet", &made.bytes());
    place.write("test-0.parquet", &Made::new(0, 3).bytes());
    let train = place.open().unwrap().train;
    for row in [9, 10] {
        let error = train.picture(row).unwrap_err();
        assert!(error.is_one_picture(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("train-0.parquet, row {row}")),
            "{text}"
        );
    }
    assert_eq!(train.picture(11).unwrap(), numbered(11));
}

#[test]
fn files_of_another_kind_say_what_is_expected() {
    let bytes = Made::new(0, 20).bytes();
    for (content, words) in [
        (&b""[..], "cannot be opened"),
        (b"PAR1", "cannot be opened"),
        (&bytes[..bytes.len() / 2], "cannot be opened"),
        (&[0; 4096], "cannot be opened"),
    ] {
        let place = Place::new();
        place.write("train-0.parquet", content);
        let text = place.refused();
        assert!(
            text.contains(words) && text.contains("train-0.parquet"),
            "{text}"
        );
    }
    for (schema, words) in [
        (
            "message schema { required binary text; required int32 label; }",
            "no column of pictures among `text: BYTE_ARRAY`, `label: INT32`",
        ),
        (
            "message schema { required binary image; required int32 caption; }",
            "no column of labels",
        ),
    ] {
        let place = Place::new();
        let made = Made {
            schema,
            ..Made::new(0, 5)
        };
        place.write("train-0.parquet", &made.bytes());
        let text = place.refused();
        assert!(
            text.contains(words) && text.contains("expected `image`"),
            "{text}"
        );
    }
    let place = Place::new();
    for (name, names) in [
        ("train-0.parquet", NAMES),
        (
            "train-1.parquet",
            r#"{"info": {"features": {"label": {"names": ["x"]}}}}"#,
        ),
    ] {
        let made = Made {
            names: Some(names),
            ..Made::new(0, 5)
        };
        place.write(name, &made.bytes());
    }
    assert!(place.refused().contains("other classes"));
    for names in ["{", r#"{"info": {"features": {"label": {"names": [7]}}}}"#] {
        let made = Made {
            names: Some(names),
            ..Made::new(0, 5)
        };
        place.write("train-0.parquet", &made.bytes());
        assert!(place.refused().contains("`huggingface`"));
    }
    let place = Place::new();
    place.write("validation-0.parquet", &Made::new(0, 5).bytes());
    assert!(place.refused().contains("none to train on"));
}

#[test]
fn pages_that_would_unpack_without_a_bound_are_refused() {
    let whole = Made::new(0, 20).bytes();
    // In the footer a column's codec follows its name: a number's mark, then twice the codec, 1 for Snappy's.
    for (name, codec, words) in [
        ("bytes", 2, "packed by GZIP"),
        ("label", 2, "packed by GZIP"),
        ("bytes", 6, "packed by ZSTD"),
        ("label", 6, "packed by ZSTD"),
    ] {
        let snappy = [name.as_bytes(), &[0x15, 2]].concat();
        let at = whole.windows(snappy.len()).position(|w| w == snappy);
        let mut bytes = whole.clone();
        bytes[at.unwrap() + snappy.len() - 1] = 2 * codec;
        let place = Place::new();
        place.write("train-0.parquet", &bytes);
        let text = place.refused();
        assert!(
            text.contains(words) && text.contains("plain pages, or Snappy's"),
            "{text}"
        );
    }
}

/// As thrift's compact protocol writes a number.
fn number(value: u64) -> Vec<u8> {
    let mut zigzag = 2 * value;
    let mut bytes = Vec::new();
    while zigzag >= 0x80 {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
    bytes
}

/// A file of one picture in a page that claims to unpack to so many bytes.
fn claiming(unpacked: u64) -> Vec<u8> {
    let made = Made {
        // The page of the last column is the last of the file.
        schema: "message schema { required int64 label; required binary image; }",
        dictionary: false,
        ..Made::new(0, 1)
    };
    let mut bytes = made.bytes();
    let file = ::bytes::Bytes::from(bytes.clone());
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .unwrap();
    let column = metadata.row_group(0).column(1);
    let at = column.data_page_offset() as usize;
    let picture = png(&numbered(0)).len() as u64;
    let (before, said) = ([0x15, 0, 0x15], number(4 + picture));
    assert!(bytes[at..].starts_with(&[&before[..], &said].concat()));
    let claimed = number(unpacked);
    let longer = claimed.len() - said.len();
    bytes.splice(at + 3..at + 3 + said.len(), claimed);
    // The footer's bytes of the column, unpacked and packed.
    let [all, packed] = [column.uncompressed_size(), column.compressed_size()].map(|n| n as u64);
    let sizes = |packed| [&[0x16][..], &number(all), &[0x16], &number(packed)].concat();
    let (told, tell) = (sizes(packed), sizes(packed + longer as u64));
    assert_eq!(told.len(), tell.len());
    let at = bytes.windows(told.len()).rposition(|w| w == told).unwrap();
    bytes[at..at + told.len()].copy_from_slice(&tell);
    bytes
}

#[test]
fn a_page_that_claims_gigabytes_is_refused_before_there_is_room_for_them() {
    let place = Place::new();
    place.write("train-0.parquet", &Made::new(0, 5).bytes());
    let of = |unpacked| {
        place.write("test-0.parquet", &claiming(unpacked));
        place.open().unwrap().validation.picture(0)
    };
    for unpacked in [i32::MAX as u64, 1 << 20] {
        let error = of(unpacked).unwrap_err();
        assert!(error.is_one_picture(), "{error}");
        let text = error.to_string();
        let words = format!("claims to unpack to {unpacked}");
        assert!(
            text.contains(&words) && text.contains("test-0.parquet, row 0"),
            "{text}"
        );
    }
    let honest = 4 + png(&numbered(0)).len() as u64;
    assert_eq!(of(honest).unwrap(), numbered(0));
}

#[test]
fn flipped_and_missing_bytes_are_errors_and_never_panics() {
    let whole = Made::new(0, 20).bytes();
    let (mut refused, mut damaged, mut whole_ones) = (0, 0, 0);
    for at in (0..whole.len()).step_by(13) {
        for value in [0, 0x7F, 0xFF, whole[at] ^ 1] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let place = Place::new();
            let path = place.write("train-0.parquet", &bytes);
            match opened(&path) {
                Err(error) => {
                    assert_eq!(error.exit_code(), 3, "{error}");
                    refused += 1;
                }
                Ok(split) => {
                    for data in [split.train, split.validation] {
                        for index in 0..data.len() {
                            match data.picture(index) {
                                Ok(_) => whole_ones += 1,
                                Err(error) => {
                                    assert!(error.is_one_picture(), "byte {at}: {error}");
                                    damaged += 1;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(
        refused > 0 && damaged > 0 && whole_ones > 0,
        "{refused} refused, {damaged} damaged, {whole_ones} whole"
    );
}
