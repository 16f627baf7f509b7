use std::fs;

use super::{class_folders, numbered, png, shown, write};
use crate::data::{DataError, DataOptions, Dataset, Split, open};

fn opened(root: &std::path::Path) -> Split {
    open(&shown(root), &DataOptions::default()).unwrap()
}

fn refused(root: &std::path::Path) -> String {
    let error = open(&shown(root), &DataOptions::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    error.to_string()
}

fn names(data: &dyn Dataset) -> Vec<String> {
    (0..data.len()).map(|index| data.name(index)).collect()
}

#[test]
fn class_folders_with_validation_open_in_sorted_order() {
    for validation in ["val", "validation", "test"] {
        let root = tempfile::tempdir().unwrap();
        class_folders(&root.path().join("train"), &[2, 3]);
        class_folders(&root.path().join(validation), &[1, 1]);
        let split = opened(root.path());
        assert_eq!(split.train.classes(), ["a", "b"]);
        let expected = [
            "a/000.png",
            "a/001.png",
            "b/000.png",
            "b/001.png",
            "b/002.png",
        ];
        assert_eq!(names(&*split.train), expected);
        let labels: Vec<usize> = (0..5).map(|index| split.train.label(index)).collect();
        assert_eq!(labels, [0, 0, 1, 1, 1]);
        assert_eq!(split.train.picture(3).unwrap(), numbered(3));
        assert_eq!(split.validation.len(), 2);
        assert!(split.notes.is_empty(), "{:?}", split.notes);
    }
}

#[test]
fn class_folders_alone_are_split_by_seed_and_it_is_said() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[20, 40, 1]);
    let split = opened(root.path());
    assert!(
        split.notes[0].contains("6 of 61 pictures are held out"),
        "{:?}",
        split.notes
    );
    let held = names(&*split.validation);
    let mut all = [names(&*split.train), held.clone()].concat();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), held.len()), (61, 6));
    assert_eq!(held.iter().filter(|name| name.starts_with("a/")).count(), 2);
    assert_eq!(held, names(&*opened(root.path()).validation));
    let other = DataOptions {
        seed: 1,
        ..DataOptions::default()
    };
    let other = open(&shown(root.path()), &other).unwrap();
    assert_ne!(held, names(&*other.validation));
    assert_ne!(split.train.fingerprint(), other.train.fingerprint());
}

/// The longest names that file systems of Linux have: 255 bytes, here some of two bytes each.
#[cfg(target_os = "linux")]
#[test]
fn classes_and_files_may_have_names_of_255_bytes() {
    let root = tempfile::tempdir().unwrap();
    let class = |last: char| format!("{}{last}", "é".repeat(127));
    let file = format!("{}.png", "x".repeat(251));
    for (number, last) in ['a', 'b'].into_iter().enumerate() {
        for part in ["train", "val"] {
            let path = root.path().join(part).join(class(last)).join(&file);
            write(&path, &png(&numbered(number)));
        }
    }
    let split = opened(root.path());
    assert_eq!(split.train.classes(), [class('a'), class('b')]);
    assert_eq!(split.train.classes()[0].len(), 255);
    assert_eq!(names(&*split.train)[1], format!("{}/{file}", class('b')));
    for data in [&split.train, &split.validation] {
        assert_eq!(data.picture(1).unwrap(), numbered(1));
    }
}

#[test]
fn train_without_validation_is_split() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[10, 10]);
    let split = opened(root.path());
    assert_eq!((split.train.len(), split.validation.len()), (18, 2));
    assert!(split.notes[0].contains("no validation of its own"));
}

#[test]
fn validation_without_train_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("val"), &[2, 2]);
    class_folders(&root.path().join("test"), &[2, 2]);
    assert!(refused(root.path()).contains("`train` is not"));
}

#[test]
fn hidden_folders_are_not_classes() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[10, 10]);
    let picture = png(&numbered(0));
    for hidden in [".ipynb_checkpoints", "__MACOSX", ".git"] {
        write(&root.path().join(hidden).join("x.png"), &picture);
        write(&root.path().join("a").join(hidden).join("x.png"), &picture);
    }
    for hidden in [
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "a/Thumbs.db",
        "a/._000.png",
    ] {
        write(&root.path().join(hidden), b"x");
    }
    let split = opened(root.path());
    assert_eq!(split.train.classes(), ["a", "b"]);
    assert_eq!(split.train.len() + split.validation.len(), 20);
    // Three of each kind beside the classes, and in one of them.
    assert!(
        split.notes[0].starts_with("6 hidden folders are left out")
            && split.notes[0].contains(".git"),
        "{:?}",
        split.notes
    );
    assert_eq!(split.notes.len(), 2, "{:?}", split.notes);
}

#[test]
fn files_without_a_pictures_extension_are_left_out_and_it_is_said() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[10, 10]);
    write(&root.path().join("a/labels.csv"), b"x");
    write(
        &root.path().join("a/deep/er/PHOTO.PNG"),
        &png(&numbered(99)),
    );
    write(&root.path().join("a/no-extension"), &png(&numbered(98)));
    let split = opened(root.path());
    assert_eq!(split.train.len() + split.validation.len(), 22);
    assert!(split.notes[0].contains("labels.csv"), "{:?}", split.notes);
}

#[test]
fn an_empty_class_folder_is_a_class_and_a_warning() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[10, 0, 10]);
    fs::create_dir(root.path().join("b")).unwrap();
    let split = opened(root.path());
    assert_eq!(split.train.classes(), ["a", "b", "c"]);
    assert_eq!(split.train.label(split.train.len() - 1), 2);
    assert!(
        split.notes[0].contains("/b holds no picture"),
        "{:?}",
        split.notes
    );
}

#[test]
fn one_class_or_none_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[10]);
    assert!(refused(root.path()).contains("one class, `a`"));
    fs::create_dir(root.path().join("b")).unwrap();
    assert!(refused(root.path()).contains("one class, `a`"));
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("b")).unwrap();
    assert!(refused(root.path()).contains("no class"));
}

#[test]
fn a_class_only_in_validation_is_an_error_with_both_lists() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[2, 2]);
    class_folders(&root.path().join("val"), &[1, 1, 1]);
    let message = refused(root.path());
    assert!(
        message.contains("lacks: `c`") && message.contains("`a`, `b`"),
        "{message}"
    );
}

#[test]
fn a_class_missing_in_validation_warns_and_labels_stay_aligned() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[2, 2, 2]);
    class_folders(&root.path().join("val"), &[1, 0, 1]);
    let split = opened(root.path());
    assert_eq!(split.validation.classes(), ["a", "b", "c"]);
    assert_eq!(split.validation.label(1), 2);
    assert!(
        split.notes[0].contains("no picture of `b`"),
        "{:?}",
        split.notes
    );
}

#[test]
fn numeric_folders_are_in_numeric_order() {
    let root = tempfile::tempdir().unwrap();
    for name in ["10", "9", "1", "02"] {
        write(&root.path().join(name).join("x.png"), &png(&numbered(1)));
        write(&root.path().join(name).join("y.png"), &png(&numbered(2)));
    }
    let split = opened(root.path());
    assert_eq!(split.train.classes(), ["1", "02", "9", "10"]);
    assert!(
        split.notes[0].contains("`1`, `02`, `9`, `10`"),
        "{:?}",
        split.notes
    );
    for name in ["10", "9", "1", "02"] {
        let path = |name: &str| root.path().join(name);
        fs::rename(path(name), path(&format!("class {name}"))).unwrap();
    }
    let named = ["class 1", "class 02", "class 9", "class 10"];
    assert_eq!(opened(root.path()).train.classes(), named);
}

#[test]
fn odd_names_work() {
    let root = tempfile::tempdir().unwrap();
    let long = "x".repeat(250);
    for (class, file) in [("two words", "ü 😀.png"), (long.as_str(), "a b.png")] {
        for i in 0..4 {
            let path = root.path().join(class).join(i.to_string()).join(file);
            write(&path, &png(&numbered(i)));
        }
    }
    let split = opened(root.path());
    assert_eq!(split.train.classes()[0], "two words");
    assert!(split.train.picture(0).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_work_and_are_shown_lossily() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let root = tempfile::tempdir().unwrap();
    for class in [&b"caff\xE9"[..], b"caff\xE8", b"z"] {
        for i in 0..3 {
            let name = [&[b'0' + i], &b"\xFF.png"[..]].concat();
            let path = root.path().join(OsStr::from_bytes(class));
            write(
                &path.join(OsStr::from_bytes(&name)),
                &png(&numbered(usize::from(i))),
            );
        }
    }
    let split = opened(root.path());
    assert_eq!(split.train.classes(), ["caff\u{FFFD}", "caff\u{FFFD}", "z"]);
    for index in 0..split.train.len() {
        split.train.picture(index).unwrap();
    }
    assert!(split.train.name(0).ends_with("\u{FFFD}.png"));
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_or_out_of_the_data_are_refused() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[4, 4]);
    symlink(root.path().join("a"), root.path().join("a/again")).unwrap();
    assert!(refused(root.path()).contains("back to a folder above"));
    fs::remove_file(root.path().join("a/again")).unwrap();

    let outside = tempfile::tempdir().unwrap();
    class_folders(outside.path(), &[3]);
    symlink(outside.path().join("a"), root.path().join("c")).unwrap();
    assert!(refused(root.path()).contains("out of the data set"));
    let follow = DataOptions {
        follow_links: true,
        ..DataOptions::default()
    };
    let split = open(&shown(root.path()), &follow).unwrap();
    assert_eq!(split.train.len() + split.validation.len(), 11);
}

#[cfg(unix)]
#[test]
fn a_dangling_link_counts_as_a_picture_that_cannot_be_read() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[2, 2]);
    class_folders(&root.path().join("val"), &[2, 2]);
    std::os::unix::fs::symlink("nowhere.png", root.path().join("train/a/link.png")).unwrap();
    let train = opened(root.path()).train;
    assert_eq!((train.len(), train.name(2).as_str()), (5, "a/link.png"));
    assert!(train.picture(2).unwrap_err().is_one_picture());
}

#[test]
fn a_file_that_vanishes_after_the_scan_counts_as_one_picture() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[2, 2]);
    class_folders(&root.path().join("val"), &[2, 2]);
    let train = opened(root.path()).train;
    fs::remove_file(root.path().join("train/a/001.png")).unwrap();
    let error = train.picture(1).unwrap_err();
    assert!(
        error.is_one_picture() && error.to_string().contains("001.png"),
        "{error}"
    );
}

#[test]
fn classes_of_one_picture_cannot_be_split() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[1, 1, 1]);
    assert!(refused(root.path()).contains("no class has two pictures"));
}

#[test]
fn missing_empty_and_plain_file_paths_are_errors_that_say_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    assert!(refused(&root.path().join("nowhere")).contains("does not exist"));
    assert!(refused(root.path()).contains("expected class folders"));
    write(&root.path().join("data.zip"), b"x");
    assert!(refused(&root.path().join("data.zip")).contains("unpack"));
}

#[test]
fn the_fingerprint_changes_with_names_and_sizes() {
    let root = tempfile::tempdir().unwrap();
    class_folders(&root.path().join("train"), &[2, 2]);
    class_folders(&root.path().join("val"), &[2, 2]);
    let before = opened(root.path()).train.fingerprint();
    assert_eq!(before, opened(root.path()).train.fingerprint());
    fs::rename(
        root.path().join("train/a/000.png"),
        root.path().join("train/a/x.png"),
    )
    .unwrap();
    let renamed = opened(root.path()).train.fingerprint();
    assert_eq!(
        (before.pictures, before.bytes),
        (renamed.pictures, renamed.bytes)
    );
    assert_ne!(before.hash, renamed.hash);
    write(&root.path().join("train/a/x.png"), b"other");
    assert_ne!(renamed.bytes, opened(root.path()).train.fingerprint().bytes);
}

#[test]
fn a_split_that_leaves_nothing_is_a_usage_error() {
    for validation_fraction in [0.0, 1.0, -0.5, f64::NAN] {
        let options = DataOptions {
            validation_fraction,
            ..DataOptions::default()
        };
        let error = open(".", &options).map(|_| ()).unwrap_err();
        assert!(matches!(error, DataError::Option { .. }));
        assert_eq!(error.exit_code(), 2);
    }
}
