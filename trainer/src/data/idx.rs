//! IDX files, plain or as gzip archives, as MNIST has them (<https://yann.lecun.com/exdb/mnist/>): big-endian sizes, then bytes. Images are
//! `[n, h, w]`, `[n, h, w, c]` or `[n, c, h, w]` with one or three channels.

use std::path::{Path, PathBuf};

use super::{
    DataError,
    decode::{MAX_SIDE, read_capped},
    gzip,
    memory::Memory,
};

/// The largest IDX file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 30;
/// The most dimensions of such a file here.
const MAX_RANK: usize = 4;
const IMAGES: [&str; 4] = [
    "images-idx3-ubyte",
    "images.idx3-ubyte",
    "images-idx4-ubyte",
    "images.idx4-ubyte",
];
const LABELS: [&str; 2] = ["labels-idx1-ubyte", "labels.idx1-ubyte"];

/// Images and labels of one split: `train-…`, or `t10k-…`, `test-…`, `val-…`.
pub(super) fn find(
    root: &Path,
    prefixes: &[&str],
) -> Result<Option<(PathBuf, PathBuf)>, DataError> {
    let first = |names: &[&str]| {
        let tails = ["", ".gz"].iter();
        tails
            .flat_map(|tail| prefixes.iter().map(move |prefix| (prefix, tail)))
            .flat_map(|(prefix, tail)| {
                let named = move |name| format!("{prefix}-{name}{tail}");
                names.iter().map(named)
            })
            .map(|name| root.join(name))
            .find(|path| path.is_file())
    };
    match (first(&IMAGES), first(&LABELS)) {
        (Some(images), Some(labels)) => Ok(Some((images, labels))),
        (None, None) => Ok(None),
        (Some(path), None) => Err(DataError::Container {
            path,
            found: "images without labels".into(),
            expected: format!("a file `{}-{}` beside it", prefixes[0], LABELS[0]),
        }),
        (None, Some(path)) => Err(DataError::Container {
            path,
            found: "labels without images".into(),
            expected: format!("a file `{}-{}` beside it", prefixes[0], IMAGES[0]),
        }),
    }
}

/// The bytes of the file, unpacked where it is a gzip archive.
fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    match path.extension().is_some_and(|e| e == "gz") {
        true => gzip::unpack(path, 4 + 4 * MAX_RANK, announced),
        false => read_capped(path, MAX_BYTES),
    }
}

/// How long a file is that begins so, by the sizes in its header.
fn announced(head: &[u8]) -> Option<u64> {
    let &[0, 0, 0x08, rank, ref sizes @ ..] = head else {
        return None;
    };
    let header = usize::from(rank) * 4;
    let product = sizes
        .get(..header)?
        .as_chunks()
        .0
        .iter()
        .try_fold(1u64, |product, size| {
            product.checked_mul(u64::from(u32::from_be_bytes(*size)))
        });
    product?.checked_add(4 + header as u64)
}

/// Reads one split. `classes` are those of training, or none where this is training: then the largest label says how many.
pub(super) fn load(
    images: &Path,
    labels: &Path,
    classes: Option<&[String]>,
) -> Result<Memory, DataError> {
    let label_bytes = read(labels)?;
    let (sizes, label_data) = parse(labels, &label_bytes, 1..=1)?;
    let count = sizes[0];
    let image_bytes = read(images)?;
    let (sizes, pixels) = parse(images, &image_bytes, 3..=4)?;
    let wrong = |found: String, expected: &str| DataError::Container {
        path: images.to_owned(),
        found,
        expected: expected.into(),
    };
    if sizes[0] != count {
        let expected = format!("{count}, as many as {} has labels", labels.display());
        return Err(wrong(format!("{} images", sizes[0]), &expected));
    }
    let (height, width, channels, planar) = match *sizes {
        [_, h, w] => (h, w, 1, false),
        [_, h, w, c @ (1 | 3)] => (h, w, c, false),
        [_, c @ (1 | 3), h, w] => (h, w, c, true),
        _ => {
            return Err(wrong(
                format!("sizes {sizes:?}"),
                "one or three channels, last or second",
            ));
        }
    };
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(wrong(
            format!("images of {width}×{height} pixels"),
            "1 to 16384 pixels a side",
        ));
    }
    let classes = match classes {
        Some(classes) => classes.to_vec(),
        None => {
            let most = label_data
                .iter()
                .max()
                .map_or(0, |&label| usize::from(label) + 1);
            (0..most).map(|label| label.to_string()).collect()
        }
    };
    let folder = images.parent().unwrap_or(Path::new(""));
    let mut memory = Memory::new(folder, classes, width, height, channels);
    memory.count(&label_bytes);
    let file = memory.file(images, &image_bytes);
    let plane = width * height;
    for (row, (&label, pixels)) in label_data
        .iter()
        .zip(pixels.chunks_exact(plane * channels))
        .enumerate()
    {
        let pixel = |i: usize| match planar {
            true => pixels[i % channels * plane + i / channels],
            false => pixels[i],
        };
        let label = usize::from(label);
        memory
            .push(file, row, label, (0..plane * channels).map(pixel))
            .map_err(|error| match error {
                DataError::Label {
                    row,
                    label,
                    classes,
                    ..
                } => DataError::Label {
                    path: labels.to_owned(),
                    row,
                    label,
                    classes,
                },
                other => other,
            })?;
    }
    Ok(memory)
}

/// Sizes and data of an IDX file of bytes with so many dimensions.
fn parse<'a>(
    path: &Path,
    bytes: &'a [u8],
    dimensions: std::ops::RangeInclusive<usize>,
) -> Result<(Vec<usize>, &'a [u8]), DataError> {
    let wrong = |found: String, expected: String| DataError::Container {
        path: path.to_owned(),
        found,
        expected,
    };
    let &[0, 0, 0x08, rank, ref rest @ ..] = bytes else {
        let head: Vec<u8> = bytes.iter().copied().take(4).collect();
        return Err(wrong(
            format!("begins with {head:02x?}"),
            "an IDX file of bytes: 00 00 08 and the number of dimensions".into(),
        ));
    };
    let rank = usize::from(rank);
    if !dimensions.contains(&rank) {
        return Err(wrong(
            format!("{rank} dimensions"),
            format!("{} to {}", dimensions.start(), dimensions.end()),
        ));
    }
    let Some((header, data)) = rest.split_at_checked(rank * 4) else {
        return Err(wrong(
            "breaks off in its header".into(),
            format!("{rank} sizes"),
        ));
    };
    let sizes: Vec<usize> = header
        .chunks_exact(4)
        .map(|four| {
            four.iter()
                .fold(0, |size, &byte| size << 8 | usize::from(byte))
        })
        .collect();
    let product = sizes
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    if product != Some(data.len()) || data.is_empty() {
        return Err(wrong(
            format!("{} bytes of data for sizes {sizes:?}", data.len()),
            product.map_or_else(
                || "sizes that fit a file".into(),
                |product| format!("{product} bytes, and at least one"),
            ),
        ));
    }
    Ok((sizes, data))
}
