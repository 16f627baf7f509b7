//! Features as a Parquet file (<https://parquet.apache.org/docs/file-format/>): a row a picture, a column a layer.
//!
//! The column `image` has the pictures' names, each other one lists of f32 under its layer's name. How a list is
//! `[c, h, w]` stands as JSON in the file's metadata, under [`SHAPES`].

use std::sync::Arc;

use ::parquet::{
    basic::{LogicalType, Repetition, Type as PhysicalType},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::Type,
};

use crate::checkpoint::NamedTensor;

/// The key of the metadata that says the sides of each layer's features.
const SHAPES: &str = "shapes";

/// The bytes of a file of these features, `[n, ...]` each, of `n` pictures of these names.
pub(crate) fn encode(
    pictures: &[String],
    features: &[NamedTensor],
) -> Result<Vec<u8>, ParquetError> {
    let sides = |t: &NamedTensor| (t.name.clone(), serde_json::json!(t.shape[1..]));
    let shapes: serde_json::Map<_, _> = features.iter().map(sides).collect();
    let shapes = serde_json::Value::Object(shapes).to_string();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(vec![KeyValue::new(SHAPES.into(), shapes)]))
        .build();
    let schema = Arc::new(schema(features)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let mut layers = features.iter();
    while let Some(mut column) = group.next_column()? {
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let name = |name: &String| ByteArray::from(name.clone().into_bytes());
                let names: Vec<ByteArray> = pictures.iter().map(name).collect();
                column.write_batch(&names, None, None)?;
            }
            ColumnWriter::FloatColumnWriter(column) => {
                if let Some(layer) = layers.next() {
                    let numbers = layer.shape[1..].iter().product::<usize>().max(1);
                    // Of each number that it is there, and whether it begins a row or goes on.
                    let (there, mut goes_on) = (vec![1; numbers], vec![1; numbers]);
                    goes_on[0] = 0;
                    for row in layer.data.chunks_exact(numbers) {
                        column.write_batch(row, Some(&there), Some(&goes_on))?;
                    }
                }
            }
            _ => {}
        }
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// The columns, lists as Parquet's logical types prescribe them.
fn schema(features: &[NamedTensor]) -> Result<Type, ParquetError> {
    let names = Type::primitive_type_builder("image", PhysicalType::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .build()?;
    let mut columns = vec![Arc::new(names)];
    for tensor in features {
        let number = Type::primitive_type_builder("element", PhysicalType::FLOAT)
            .with_repetition(Repetition::REQUIRED)
            .build()?;
        let numbers = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![Arc::new(number)])
            .build()?;
        let column = Type::group_type_builder(&tensor.name)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::List))
            .with_fields(vec![Arc::new(numbers)])
            .build()?;
        columns.push(Arc::new(column));
    }
    Type::group_type_builder("features")
        .with_fields(columns)
        .build()
}

#[cfg(test)]
mod tests {
    use ::parquet::column::reader::ColumnReader;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    #[test]
    fn a_row_has_its_pictures_name_and_all_numbers_of_each_layer() {
        let features = [
            NamedTensor {
                name: "blocks.0".into(),
                shape: vec![3, 2, 1, 2],
                data: (0..12).map(|i| 0.5 + i as f32).collect(),
            },
            NamedTensor {
                name: "head".into(),
                shape: vec![3, 2],
                data: vec![1.0, -2.0, f32::INFINITY, 4.0, 5.0, 6.0],
            },
        ];
        let pictures = ["a.png", "b/ü.png", "c.png"].map(String::from);
        let bytes = encode(&pictures, &features).unwrap();
        let file = SerializedFileReader::new(::bytes::Bytes::from(bytes)).unwrap();
        let metadata = file.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), 3);
        let shapes = &metadata.key_value_metadata().unwrap()[0];
        assert_eq!(shapes.key, SHAPES);
        let expected = r#"{"blocks.0":[2,1,2],"head":[2]}"#;
        assert_eq!(shapes.value.as_deref(), Some(expected));
        let group = file.get_row_group(0).unwrap();
        let ColumnReader::ByteArrayColumnReader(mut names) = group.get_column_reader(0).unwrap()
        else {
            panic!("the names are no texts");
        };
        let mut found = Vec::new();
        names.read_records(10, None, None, &mut found).unwrap();
        let found: Vec<&[u8]> = found.iter().map(ByteArray::data).collect();
        assert_eq!(found, pictures.each_ref().map(|name| name.as_bytes()));
        for (column, tensor) in (1..).zip(&features) {
            let ColumnReader::FloatColumnReader(mut numbers) =
                group.get_column_reader(column).unwrap()
            else {
                panic!("{} is no list of numbers", tensor.name);
            };
            let (mut there, mut goes_on, mut values) = (Vec::new(), Vec::new(), Vec::new());
            let read = numbers
                .read_records(10, Some(&mut there), Some(&mut goes_on), &mut values)
                .unwrap();
            assert_eq!((read.0, values), (3, tensor.data.clone()));
            let each = tensor.data.len() / 3;
            let begins: Vec<usize> = (0..goes_on.len()).filter(|&i| goes_on[i] == 0).collect();
            assert_eq!(begins, [0, each, 2 * each]);
        }
    }
}
