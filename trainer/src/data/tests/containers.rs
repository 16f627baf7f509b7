use std::{io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

use super::{shown, write};
use crate::data::{DataOptions, Split, open};

fn opened(root: &Path) -> Split {
    open(&shown(root), &DataOptions::default()).unwrap()
}

fn refused(root: &Path) -> String {
    let error = open(&shown(root), &DataOptions::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    error.to_string()
}

/// Records of `labels` with planes of 1, 2 and 3, all plus the row.
fn cifar(labels: &[&[u8]]) -> Vec<u8> {
    let plane = |value: usize| vec![value as u8; 1024];
    let record = |(row, label): (usize, &&[u8])| {
        [
            label,
            &[plane(row + 1), plane(row + 2), plane(row + 3)].concat()[..],
        ]
        .concat()
    };
    labels.iter().enumerate().flat_map(record).collect()
}

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

#[test]
fn cifar_10_opens_with_its_names() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("cifar-10-batches-bin");
    for i in 1..=5 {
        write(
            &folder.join(format!("data_batch_{i}.bin")),
            &cifar(&[&[3], &[i]]),
        );
    }
    write(&folder.join("test_batch.bin"), &cifar(&[&[9]]));
    let split = opened(root.path());
    assert_eq!((split.train.len(), split.validation.len()), (10, 1));
    assert_eq!(
        (split.train.classes()[3].as_str(), split.train.label(3)),
        ("cat", 2)
    );
    let picture = split.train.picture(1).unwrap();
    assert_eq!(
        (picture.width, picture.height, &picture.rgb[..3]),
        (32, 32, &[2, 3, 4][..])
    );
    assert_eq!(split.train.name(3), "data_batch_2.bin, row 1");
    assert!(split.notes.is_empty());
}

#[test]
fn cifar_100_takes_the_fine_label_and_names_from_the_file_beside() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    write(
        &root.path().join("fine_label_names.txt"),
        names.join("\n").as_bytes(),
    );
    write(
        &root.path().join("train.bin"),
        &cifar(&[&[1, 99], &[2, 50]]),
    );
    write(&root.path().join("test.bin"), &cifar(&[&[1, 98]]));
    let split = opened(root.path());
    assert_eq!((split.train.label(0), split.train.label(1)), (99, 50));
    assert_eq!(split.validation.classes()[98], "class 98");
}

#[test]
fn cifar_of_a_wrong_length_or_label_is_an_error_with_file_and_row() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data_batch_1.bin");
    let good = cifar(&[&[1], &[2]]);
    for bytes in [&good[..good.len() - 1], &[]] {
        write(&path, bytes);
        let message = refused(root.path());
        assert!(
            message.contains("data_batch_1.bin") && message.contains("3073"),
            "{message}"
        );
    }
    write(&path, &cifar(&[&[1], &[10]]));
    let message = refused(root.path());
    assert!(
        message.contains("data_batch_1.bin, row 1: label 10 is out of range; expected 0 to 9"),
        "{message}"
    );
}

#[test]
fn cifar_without_a_test_batch_is_split_and_it_is_said() {
    let root = tempfile::tempdir().unwrap();
    let labels: Vec<[u8; 1]> = (0..40).map(|i| [i % 10]).collect();
    let labels: Vec<&[u8]> = labels.iter().map(|label| &label[..]).collect();
    write(&root.path().join("data_batch_1.bin"), &cifar(&labels));
    let split = opened(root.path());
    assert_eq!((split.train.len(), split.validation.len()), (30, 10));
    assert!(split.notes[0].contains("1 of the five") && split.notes[1].contains("held out"));
}

#[test]
fn idx_opens_grey_and_colour_with_channels_last_or_second() {
    let data: Vec<u8> = (0..24).collect();
    for (name, sizes, first) in [
        ("train-images-idx3-ubyte", &[4, 2, 3][..], [0, 0, 0]),
        ("train-images.idx3-ubyte", &[2, 3, 4], [0, 0, 0]),
        ("train-images-idx4-ubyte", &[2, 2, 2, 3], [0, 1, 2]),
        ("train-images-idx4-ubyte", &[2, 3, 2, 2], [0, 4, 8]),
        ("train-images-idx4-ubyte", &[2, 3, 4, 1], [0, 0, 0]),
    ] {
        let root = tempfile::tempdir().unwrap();
        let labels: Vec<u8> = (0..sizes[0] as u8).collect();
        write(&root.path().join(name), &idx(sizes, &data));
        write(
            &root.path().join("train-labels-idx1-ubyte"),
            &idx(&[sizes[0]], &labels),
        );
        write(
            &root.path().join("t10k-images-idx3-ubyte"),
            &idx(&[1, 2, 2], &data[..4]),
        );
        write(
            &root.path().join("t10k-labels-idx1-ubyte"),
            &idx(&[1], &[1]),
        );
        let split = opened(root.path());
        let picture = split.train.picture(0).unwrap();
        assert_eq!(picture.rgb[..3], first, "{sizes:?}");
        assert_eq!(picture.rgb.len(), picture.width * picture.height * 3);
        assert_eq!(split.train.classes().len(), sizes[0] as usize);
        assert_eq!((split.validation.len(), split.validation.label(0)), (1, 1));
    }
}

#[test]
fn idx_faults_are_errors_that_name_the_file() {
    let images = idx(&[2, 2, 2], &[0; 8]);
    let labels = idx(&[2], &[0, 1]);
    for (images, labels, found) in [
        (&b"hello"[..], &labels[..], "begins with"),
        (&images[..images.len() - 1], &labels, "7 bytes of data"),
        (&images[..9], &labels, "breaks off in its header"),
        (&idx(&[3, 2, 2], &[0; 12]), &labels, "3 images"),
        (
            &idx(&[u32::MAX; 4], &[0; 4]),
            &labels,
            "sizes that fit a file",
        ),
        (&idx(&[2, 5, 2, 2], &[0; 40]), &labels, "channels"),
        (&idx(&[0, 2, 2], &[]), &idx(&[0], &[]), "at least one"),
        (&idx(&[2, 0, 2], &[]), &labels, "at least one"),
        (&images, &idx(&[2, 1], &[0, 1]), "2 dimensions"),
    ] {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("train-images-idx3-ubyte"), images);
        write(&root.path().join("train-labels-idx1-ubyte"), labels);
        let message = refused(root.path());
        assert!(
            message.contains(found) && message.contains("train-"),
            "{found}: {message}"
        );
    }
}

#[test]
fn idx_labels_that_training_lacks_and_missing_labels_are_errors() {
    let root = tempfile::tempdir().unwrap();
    write(
        &root.path().join("train-images-idx3-ubyte"),
        &idx(&[2, 2, 2], &[0; 8]),
    );
    assert!(refused(root.path()).contains("images without labels"));
    write(
        &root.path().join("train-labels-idx1-ubyte"),
        &idx(&[2], &[0, 1]),
    );
    write(
        &root.path().join("t10k-images-idx3-ubyte"),
        &idx(&[2, 2, 2], &[0; 8]),
    );
    write(
        &root.path().join("t10k-labels-idx1-ubyte"),
        &idx(&[2], &[0, 7]),
    );
    let message = refused(root.path());
    assert!(
        message.contains("t10k-labels-idx1-ubyte, row 1: label 7"),
        "{message}"
    );
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn idx_opens_from_gzip_as_from_the_plain_file() {
    let images: Vec<u8> = (0..24).collect();
    let images = idx(&[4, 2, 3], &images);
    let labels = idx(&[4], &[0, 1, 1, 0]);
    let [plain, packed] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for name in ["train", "t10k"] {
        let of = |root: &Path, end: &str| root.join(format!("{name}-{end}"));
        write(&of(plain.path(), "images-idx3-ubyte"), &images);
        write(&of(plain.path(), "labels-idx1-ubyte"), &labels);
        write(&of(packed.path(), "images-idx3-ubyte.gz"), &gz(&images));
        // Both ways of packing in one folder.
        write(&of(packed.path(), "labels-idx1-ubyte"), &labels);
    }
    let (plain, split) = (opened(plain.path()), opened(packed.path()));
    for i in 0..4 {
        assert_eq!(split.train.label(i), plain.train.label(i));
        assert_eq!(
            split.train.picture(i).unwrap(),
            plain.train.picture(i).unwrap()
        );
    }
    assert_eq!(split.train.fingerprint(), plain.train.fingerprint());
    assert!(split.train.name(3).contains("ubyte.gz, row 3"));
}

#[test]
fn gzip_that_is_damaged_or_says_too_much_is_an_error() {
    let labels = idx(&[2], &[0, 1]);
    let good = gz(&idx(&[2, 2, 2], &[0; 8]));
    let long = gz(&idx(&[2, 2, 2], &[0; 3000]));
    let short = gz(&idx(&[2, 2, 2], &[0; 7]));
    let huge = gz(&idx(&[u32::MAX; 3], &[0; 8]));
    let large = gz(&idx(&[1 << 20, 1 << 6, 1 << 7], &[0; 8]));
    let mut flipped = good.clone();
    let end = flipped.len() - 6;
    flipped[end] ^= 1;
    for (images, found) in [
        (&good[..good.len() - 5], "cannot be unpacked"),
        (&flipped, "cannot be unpacked"),
        (b"\x1F\x8B", "cannot be unpacked"),
        (&labels, "cannot be unpacked"),
        (&long, "9 bytes of data"),
        (&short, "7 bytes of data"),
        (&huge, "sizes"),
        (&large, "8589934608 bytes unpacked"),
        (&gz(b"hello, world, this is text"), "begins with"),
    ] {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("train-images-idx3-ubyte.gz"), images);
        write(&root.path().join("train-labels-idx1-ubyte"), &labels);
        let message = refused(root.path());
        assert!(
            message.contains(found) && message.contains("train-images-idx3-ubyte.gz"),
            "{found}: {message}"
        );
    }
}

#[test]
fn synthetic_takes_a_count_and_refuses_others() {
    let options = DataOptions::default();
    let split = open("synthetic", &options).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (5000, 1000));
    let split = open("synthetic:333", &options).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (333, 60));
    for wrong in [
        "synthetic:",
        "synthetic:many",
        "synthetic:3",
        "synthetic:-5",
        "synthetic:99999999999999999999",
    ] {
        let error = open(wrong, &options).map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains(wrong));
    }
    // A folder may be called nearly so.
    assert!(
        open("synthetic-photos", &options)
            .is_err_and(|error| error.to_string().contains("does not exist"))
    );
}
