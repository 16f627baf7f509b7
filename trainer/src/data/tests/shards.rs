use std::{fs, path::Path, sync::Arc};

use tar::{EntryType, Header};

use super::{class_folders, encode, numbered, png, sample, shown, write};
use crate::data::{
    DataError, DataOptions, Dataset, Loader, LoaderOptions, Split, check, open, open_validation,
};

mod damage;

/// An entry as it stands in an archive: header, content, zeros up to a whole block.
fn entry(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(name, EntryType::Regular, content)
}

/// An archive of these entries, with its end.
fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

/// `counts.len()` classes `a`, `b`, … of pictures, as [`class_folders`] makes them.
fn tar_of_folders(prefix: &str, counts: &[usize]) -> Vec<Vec<u8>> {
    let mut entries = vec![entry("./", EntryType::Directory, b"")];
    let mut number = 0;
    for (class, &count) in counts.iter().enumerate() {
        let class = char::from(b'a' + class as u8);
        for i in 0..count {
            let name = format!("{prefix}{class}/{i:03}.png");
            entries.push(file(&name, &png(&numbered(number))));
            number += 1;
        }
    }
    entries
}

fn opened(path: &Path) -> Split {
    open(&shown(path), &DataOptions::default()).unwrap()
}

fn refused(path: &Path) -> String {
    let error = open(&shown(path), &DataOptions::default());
    let error = error.map(|_| ()).unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    error.to_string()
}

/// Labels and pixels of a whole data set.
fn pixels(data: &dyn Dataset) -> Vec<(String, Vec<u8>)> {
    let one = |i| {
        let class = data.classes()[data.label(i)].clone();
        (class, data.picture(i).unwrap().rgb)
    };
    (0..data.len()).map(one).collect()
}

#[test]
fn every_container_gives_the_same_pixels() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    class_folders(&at("folders/train"), &[4, 3]);
    class_folders(&at("folders/val"), &[2, 2]);
    // One archive with both splits in it, below a folder of its own.
    let inside = [
        tar_of_folders("./pictures/train/", &[4, 3]),
        tar_of_folders("./pictures/val/", &[2, 2]),
    ];
    write(&at("one.tar"), &tar(&[]));
    let unpacked = inside.concat();
    write(&at("nested.tar"), &tar(&unpacked));
    let inside = [
        tar_of_folders("train/", &[4, 3]),
        tar_of_folders("val/", &[2, 2]),
    ];
    write(&at("both.tar"), &tar(&inside.concat()));
    // An archive for each split.
    write(&at("two/train.tar"), &tar(&tar_of_folders("", &[4, 3])));
    write(&at("two/val.tar"), &tar(&tar_of_folders("val/", &[2, 2])));
    // WebDataset's shards, with the names of classes in them, and other files beside.
    let pair = |number: usize, class: &str| {
        let name = |end: &str| format!("{number:05}.{end}");
        [
            file(&name("cls"), class.as_bytes()),
            file(&name("png"), &png(&numbered(number))),
            file(&name("json"), b"{}"),
        ]
        .concat()
    };
    let pairs =
        |list: &[(usize, &str)]| tar(&list.iter().map(|&(n, c)| pair(n, c)).collect::<Vec<_>>());
    write(
        &at("web/train/0000.tar"),
        &pairs(&[(0, "a"), (1, "a\n"), (2, "a"), (3, "a")]),
    );
    write(
        &at("web/train/0001.tar"),
        &pairs(&[(4, "b"), (5, "b"), (6, "b")]),
    );
    write(
        &at("web/val/0000.tar"),
        &pairs(&[(0, "a"), (1, "a"), (2, "b"), (3, "b")]),
    );

    let expected = opened(&at("folders"));
    for path in ["both.tar", "nested.tar", "two", "web"] {
        let split = opened(&at(path));
        assert_eq!(pixels(&*split.train), pixels(&*expected.train), "{path}");
        assert_eq!(
            pixels(&*split.validation),
            pixels(&*expected.validation),
            "{path}"
        );
        assert_eq!(split.train.classes(), ["a", "b"]);
        assert!(split.notes.is_empty(), "{:?}", split.notes);
        let (whole, _) = open_validation(&shown(&at(path)), &DataOptions::default()).unwrap();
        assert_eq!(whole.len(), 4, "{path}");
    }
    assert!(refused(&at("one.tar")).contains("no training picture"));

    // The same numbers without a picture format around them.
    let raw =
        |list: std::ops::Range<usize>| list.flat_map(|n| numbered(n).rgb).collect::<Vec<u8>>();
    let idx = |sizes: &[u32], data: &[u8]| {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        let rank = (sizes.len() / 4) as u8;
        [&[0, 0, 8, rank], &sizes[..], data].concat()
    };
    for (name, count, labels) in [
        ("train", 7, &[0u8, 0, 0, 0, 1, 1, 1][..]),
        ("val", 4, &[0, 0, 1, 1]),
    ] {
        let images = idx(&[count, 5, 5, 3], &raw(0..count as usize));
        write(&at(&format!("idx/{name}-images-idx4-ubyte")), &images);
        write(
            &at(&format!("idx/{name}-labels-idx1-ubyte")),
            &idx(&[count], labels),
        );
    }
    let idx = opened(&at("idx"));
    for (idx, expected) in [
        (idx.train, expected.train),
        (idx.validation, expected.validation),
    ] {
        let rgb =
            |all: Vec<(String, Vec<u8>)>| all.into_iter().map(|(_, rgb)| rgb).collect::<Vec<_>>();
        assert_eq!(rgb(pixels(&*idx)), rgb(pixels(&*expected)));
    }
}

#[test]
fn batches_from_shards_are_those_from_folders_from_any_batch_on() {
    let place = tempfile::tempdir().unwrap();
    class_folders(&place.path().join("folders/train"), &[9, 8]);
    class_folders(&place.path().join("folders/val"), &[1, 1]);
    let mut entries = tar_of_folders("", &[9, 8]);
    let rest = entries.split_off(7);
    write(&place.path().join("shards/train-0.tar"), &tar(&entries));
    write(&place.path().join("shards/train-1.tar"), &tar(&rest));
    write(
        &place.path().join("shards/val.tar"),
        &tar(&tar_of_folders("", &[1, 1])),
    );
    let batches = |name: &str, workers, first| {
        let options = LoaderOptions {
            batch: 4,
            side: 6,
            seed: 3,
            workers,
            cache_bytes: 0,
            ..LoaderOptions::default()
        };
        let data = opened(&place.path().join(name)).train;
        let loader = Loader::new(data, options).unwrap();
        loader
            .epoch(1, first)
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    let expected = batches("folders", 1, 0);
    assert_eq!(expected.len(), 4);
    for workers in [1, 3] {
        assert_eq!(batches("shards", workers, 0), expected);
        assert_eq!(batches("shards", workers, 2), expected[2..]);
    }
}

#[test]
fn numbers_as_labels_are_classes_and_may_not_exceed_those_of_training() {
    let place = tempfile::tempdir().unwrap();
    let pair = |name: &str, class: &str| {
        let picture = png(&sample(4, 4));
        [
            file(&format!("{name}.png"), &picture),
            file(&format!("{name}.cls"), class.as_bytes()),
        ]
        .concat()
    };
    write(
        &place.path().join("train.tar"),
        &tar(&[pair("x/0", "2"), pair("x/1", "10"), pair("x/2", "0")]),
    );
    let val = |entries: &[Vec<u8>]| write(&place.path().join("test.tar"), &tar(entries));
    val(&[pair("0", "10")]);
    let split = opened(place.path());
    let classes: Vec<String> = (0..11).map(|i| i.to_string()).collect();
    assert_eq!(split.train.classes(), classes);
    assert_eq!([0, 1, 2].map(|i| split.train.label(i)), [2, 10, 0]);
    assert_eq!(split.train.name(1), "train.tar/x/1.png");
    assert!(
        split.notes[0].contains("no picture of `0`, `1`"),
        "{:?}",
        split.notes
    );

    for (entries, parts) in [
        (
            vec![pair("0", "3"), pair("1", "11")],
            &["test.tar/1.png, row 1", "label 11", "0 to 10"][..],
        ),
        (vec![pair("0", "99999")], &["test.tar", "0.cls says 99999"]),
        (vec![pair("0", "cat")], &["3 of 4", "labels of one kind"]),
        (vec![pair("0", " \n")], &["0.cls is empty"]),
        (vec![pair("0", "\u{1}")], &["0.cls"]),
        (
            vec![pair("0", &"7".repeat(2000))],
            &["0.cls has 2000 bytes"],
        ),
        (
            vec![pair("0", "1"), file("1.png", b"x")],
            &["1.png has no 1.cls"],
        ),
        (
            vec![pair("0", "1"), file("0.jpg", b"x")],
            &["0.png and 0.jpg are pictures of one sample"],
        ),
        (vec![file("0.cls", b"\xFF")], &["0.cls is no text"]),
        (
            vec![file("0.png", b"x")],
            &["0.png lies in no class folder"],
        ),
    ] {
        val(&entries);
        let text = refused(place.path());
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }
}

#[test]
fn classes_of_folders_in_archives_are_those_of_training_by_name() {
    let place = tempfile::tempdir().unwrap();
    let picture = png(&sample(4, 4));
    let folders = |names: &[&str]| {
        let entries = names
            .iter()
            .map(|name| file(&format!("{name}/0.png"), &picture));
        tar(&entries.collect::<Vec<_>>())
    };
    write(
        &place.path().join("train.tar"),
        &folders(&["c10", "c9", "c1"]),
    );
    let val = place.path().join("validation.tar");
    write(&val, &folders(&["c10", "c1"]));
    let split = opened(place.path());
    assert_eq!(split.train.classes(), ["c1", "c9", "c10"]);
    assert_eq!([0, 1].map(|i| split.validation.label(i)), [2, 0]);
    assert!(
        split.notes[0].contains("no picture of `c9`"),
        "{:?}",
        split.notes
    );
    write(&val, &folders(&["c10", "c11"]));
    let text = refused(place.path());
    assert!(
        text.contains("lacks: `c11`") && text.contains("`c1`, `c9`, `c10`"),
        "{text}"
    );
    write(&place.path().join("train.tar"), &folders(&["c10"]));
    fs::remove_file(&val).unwrap();
    assert!(refused(place.path()).contains("one class, `c10`"));
}
