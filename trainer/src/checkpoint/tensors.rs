//! Named tensors in safetensors files. What is read is untrusted.

mod double;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::{Error, Result};
pub(super) use double::{encode_f64, read_f64_from};

/// Largest header: names and shapes of the largest networks take a tenth of it.
const LARGEST_HEADER: usize = 8 << 20;
/// Most tensors of a file; the largest networks have some thousands.
const MOST_TENSORS: usize = 1 << 16;
/// Most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;
/// Largest file, in bytes: 16 GiB; the largest networks have some hundred MiB.
const LARGEST_FILE: u64 = 16 << 30;
/// Longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 1024;

/// Numbers with a name and a shape, as they stand in files: row-major, convolutions as `[out, in/groups, kh, kw]`. They are
/// f32 but for sums, of which an f32 would not hold every bit.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor<T = f32> {
    /// The name that PyTorch code uses: `blocks.0.0.bn1.running_mean`.
    pub name: String,
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// The elements, the last dimension fastest.
    pub data: Vec<T>,
}

impl NamedTensor {
    /// Turns a weight `[out, 3, kh, kw]` from red, green, blue to blue, green, red or back; whether it is one of colours.
    pub(crate) fn reverse_colours(&mut self) -> bool {
        let [_, 3, height, width] = self.shape[..] else {
            return false;
        };
        let taps = (height * width).max(1);
        for output in self.data.chunks_exact_mut(3 * taps) {
            let (first, rest) = output.split_at_mut(taps);
            first.swap_with_slice(&mut rest[taps..]);
        }
        true
    }
}

/// The contents of a safetensors file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFile {
    /// Every tensor, ordered by name.
    pub tensors: Vec<NamedTensor>,
    /// The words that came with them.
    pub metadata: BTreeMap<String, String>,
    /// How many tensors were converted to f32, by the format they were stored in.
    pub converted: BTreeMap<String, usize>,
}

/// Reads a safetensors file; 16-bit, 64-bit and whole numbers become f32.
pub fn read(path: &Path) -> Result<TensorFile> {
    let unreadable = |error: std::io::Error| {
        Error::checkpoint(
            path,
            format!("cannot read the weights: {error}"),
            "Give the path of a .safetensors file",
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    read_from(file, length).map_err(|fault| match fault {
        Fault::Unreadable(error) => unreadable(error),
        Fault::Damaged(problem) => damaged(path, problem),
    })
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::checkpoint(
        path,
        problem,
        "The file is damaged or no safetensors file: fetch or save it again",
    )
}

/// Why a file gives no tensors.
pub(super) enum Fault {
    Unreadable(io::Error),
    Damaged(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Damaged(problem)
    }
}

/// Reads a file of `length` bytes: no byte is read before those in front of it say that it belongs to a tensor.
pub(super) fn read_from(source: impl Read, length: u64) -> Result<TensorFile, Fault> {
    let (header, bytes) = checked(source, length)?;
    Ok(contents(header, &bytes)?)
}

/// The bytes of a file of `length` bytes, and its header, which says where each tensor lies in them.
fn checked(mut source: impl Read, length: u64) -> Result<(Header, Vec<u8>), Fault> {
    let mut bytes = vec![0; length.min(8) as usize];
    source.read_exact(&mut bytes)?;
    let header_length = header_length(&bytes, length)?;
    bytes.resize(8 + header_length, 0);
    source.read_exact(&mut bytes[8..])?;
    let data_length = length - bytes.len() as u64;
    let header = Header::parse(&bytes[8..], data_length)?;
    source.take(data_length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        let read = bytes.len();
        return Err(format!("breaks off: {read} of {length} bytes could be read").into());
    }
    Ok((header, bytes))
}

/// Reads the bytes of a safetensors file. The error says what is wrong, without the file's name.
pub fn parse(bytes: &[u8]) -> Result<TensorFile, String> {
    read_from(bytes, bytes.len() as u64).map_err(|fault| match fault {
        Fault::Damaged(problem) => problem,
        Fault::Unreadable(error) => error.to_string(),
    })
}

fn deserialized(bytes: &[u8]) -> Result<SafeTensors<'_>, String> {
    SafeTensors::deserialize(bytes).map_err(|error| format!("the header cannot be used: {error}"))
}

/// The tensors of a file whose header has been checked.
fn contents(header: Header, bytes: &[u8]) -> Result<TensorFile, String> {
    let file = deserialized(bytes)?;
    let mut contents = TensorFile {
        metadata: header.metadata,
        ..TensorFile::default()
    };
    for (name, view) in file.iter() {
        let data = to_f32(name, &view)?;
        if view.dtype() != Dtype::F32 {
            *contents
                .converted
                .entry(view.dtype().to_string())
                .or_default() += 1;
        }
        contents.tensors.push(NamedTensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            data,
        });
    }
    contents.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(contents)
}

/// The bytes of a safetensors file: the same for the same tensors, in whatever order they come.
pub fn encode(tensors: &[NamedTensor]) -> Result<Vec<u8>, String> {
    // Files are little-endian, as is every machine that wgpu runs on.
    encode_as(Dtype::F32, tensors, |data| {
        bytemuck::cast_slice(data).into()
    })
}

/// As [`encode`], with numbers rounded to 16 bits: infinite beyond 65504.
pub fn encode_f16(tensors: &[NamedTensor]) -> Result<Vec<u8>, String> {
    let bytes = |x: &f32| half::f16::from_f32(*x).to_le_bytes();
    encode_as(Dtype::F16, tensors, |data| {
        data.iter().flat_map(bytes).collect::<Vec<u8>>().into()
    })
}

fn encode_as<'a, T>(
    dtype: Dtype,
    tensors: &'a [NamedTensor<T>],
    bytes: impl Fn(&'a [T]) -> Cow<'a, [u8]>,
) -> Result<Vec<u8>, String> {
    let mut names = HashSet::new();
    if let Some(twice) = tensors.iter().find(|t| !names.insert(t.name.as_str())) {
        return Err(format!("two tensors are named {}", twice.name));
    }
    expect_readable(tensors.len())?;
    let stored: Vec<Cow<'_, [u8]>> = tensors.iter().map(|t| bytes(&t.data)).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for (tensor, bytes) in tensors.iter().zip(&stored) {
        let view = TensorView::new(dtype, tensor.shape.clone(), bytes).map_err(|_| {
            format!(
                "{} holds {} numbers, its shape is {:?}",
                tensor.name,
                tensor.data.len(),
                tensor.shape
            )
        })?;
        views.push((tensor.name.as_str(), view));
    }
    // The word that PyTorch's readers look for. One entry only: a map of several has no fixed order.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())?;
    header_length(&bytes, bytes.len() as u64)?;
    Ok(bytes)
}

/// Refuses more tensors than a file may hold that is to be read again.
pub(crate) fn expect_readable(tensors: usize) -> Result<(), String> {
    match tensors > MOST_TENSORS {
        true => Err(format!(
            "{tensors} tensors, more than the {MOST_TENSORS} that a file may hold"
        )),
        false => Ok(()),
    }
}

/// The first tensor with a number that is not finite.
pub fn first_non_finite(tensors: &[NamedTensor]) -> Option<&str> {
    tensors
        .iter()
        .find(|tensor| tensor.data.iter().any(|x| !x.is_finite()))
        .map(|tensor| tensor.name.as_str())
}

fn header_length(start: &[u8], file_length: u64) -> Result<usize, String> {
    let Some(first) = start.first_chunk::<8>() else {
        return Err(format!(
            "has {file_length} bytes, a safetensors file has at least 8"
        ));
    };
    if file_length > LARGEST_FILE {
        return Err(format!(
            "has {file_length} bytes, more than the {LARGEST_FILE} allowed"
        ));
    }
    let length = u64::from_le_bytes(*first);
    if length > LARGEST_HEADER as u64 {
        return Err(format!(
            "announces a header of {length} bytes, more than the {LARGEST_HEADER} allowed"
        ));
    }
    if length > file_length - 8 {
        return Err(format!(
            "announces a header of {length} bytes but has {file_length} in all"
        ));
    }
    Ok(length as usize)
}

/// Every tensor fits its bytes, and the tensors fill the data without hole or overlap.
fn check_layout(entries: &[(String, Entry)], data_length: u64) -> Result<(), String> {
    let mut ranges = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if name.len() > LONGEST_NAME {
            return Err(format!(
                "has a name of {} bytes, more than the {LONGEST_NAME} allowed",
                name.len()
            ));
        }
        if entry.shape.len() > MOST_DIMENSIONS {
            return Err(format!(
                "{name} has {} dimensions, more than the {MOST_DIMENSIONS} allowed",
                entry.shape.len()
            ));
        }
        let bits = entry
            .shape
            .iter()
            .try_fold(entry.dtype.bitsize() as u64, |bits, &size| {
                bits.checked_mul(size)
            });
        let (begin, end) = entry.data_offsets;
        if end < begin || end > data_length {
            return Err(format!(
                "{name} lies at bytes {begin} to {end} of {data_length}"
            ));
        }
        if bits != (end - begin).checked_mul(8) {
            return Err(format!(
                "{name} has {} bytes, its shape is {:?} of {}",
                end - begin,
                entry.shape,
                entry.dtype
            ));
        }
        ranges.push((begin, end, name));
    }
    ranges.sort();
    let mut covered = 0;
    for (begin, end, name) in ranges {
        if begin != covered {
            let what = if begin < covered {
                "overlaps the tensor before it"
            } else {
                "leaves a hole before it"
            };
            return Err(format!(
                "{name} {what} (at byte {begin}, expected {covered})"
            ));
        }
        covered = end;
    }
    if covered != data_length {
        return Err(format!(
            "has {} bytes that belong to no tensor",
            data_length - covered
        ));
    }
    Ok(())
}

/// The numbers of a tensor, each of so many bytes.
fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| number(*chunk))
        .collect()
}

fn to_f32(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => each(bytes, f32::from_le_bytes),
        Dtype::F16 => each(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => each(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
        Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
        Dtype::U8 => each(bytes, |[b]: [u8; 1]| f32::from(b)),
        other => {
            return Err(format!(
                "{name} is stored as {other}; F32, F16, BF16, F64, I64, I32 and U8 can be read"
            ));
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: Dtype,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// The header, with duplicate names and too many tensors refused while it is read.
struct Header {
    metadata: BTreeMap<String, String>,
    entries: Vec<(String, Entry)>,
}

impl Header {
    /// The header in `text`, of a file with so many bytes of data.
    fn parse(text: &[u8], data_length: u64) -> Result<Self, String> {
        let header: Self = serde_json::from_slice(text)
            .map_err(|error| format!("the header cannot be read: {error}"))?;
        check_layout(&header.entries, data_length)?;
        Ok(header)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;

        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                use serde::de::Error;
                let mut header = Header {
                    metadata: BTreeMap::new(),
                    entries: Vec::new(),
                };
                let mut seen = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!(
                            "two entries are named {name:.100}"
                        )));
                    }
                    if seen.len() > MOST_TENSORS {
                        return Err(A::Error::custom(format!(
                            "more than {MOST_TENSORS} tensors"
                        )));
                    }
                    if name == "__metadata__" {
                        header.metadata = map.next_value()?;
                    } else {
                        header.entries.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(HeaderVisitor)
    }
}

#[cfg(test)]
mod tests;
