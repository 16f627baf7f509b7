use std::{fs, sync::Arc};

use super::{class_folders, encode, numbered, png, sample, shown, write};
use crate::data::{CheckReport, DataOptions, Dataset, Subset, Synthetic, check};

#[test]
fn check_counts_measures_and_finds_what_is_damaged_or_double() {
    let root = tempfile::tempdir().unwrap();
    let (train, val) = (root.path().join("train"), root.path().join("val"));
    class_folders(&train, &[6, 3]);
    write(&val.join("a/0.png"), &png(&numbered(1000)));
    // The same pixels as train/a/001.png, in another format.
    write(
        &val.join("b/0.png"),
        &encode(&numbered(1), image::ImageFormat::Bmp),
    );
    write(&train.join("a/large.png"), &png(&sample(40, 30)));
    let whole = png(&sample(20, 20));
    write(&train.join("b/cut.png"), &whole[..whole.len() / 2]);
    write(&train.join("b/page.jpg"), b"<html></html>");

    let report = check(&shown(root.path()), &DataOptions::default()).unwrap();
    let counts: Vec<usize> = report
        .train
        .classes
        .iter()
        .map(|class| class.pictures)
        .collect();
    assert_eq!((counts, report.train.imbalance), (vec![7, 5], 1.4));
    assert_eq!(report.train.formats["PNG"], 10);
    assert_eq!(report.validation.formats["BMP"], 1);
    let sizes = report.train.sizes.as_ref().unwrap();
    assert_eq!(
        (sizes.smallest, sizes.median, sizes.largest, sizes.different),
        ([5, 5], [5, 5], [40, 30], 2)
    );
    let damaged: Vec<&str> = report
        .train
        .damaged
        .iter()
        .map(|damaged| damaged.picture.as_str())
        .collect();
    assert_eq!(damaged, ["b/cut.png", "b/page.jpg"]);
    assert!(report.is_unusable());
    assert_eq!(report.duplicates.len(), 1);
    assert_eq!(
        (
            report.duplicates[0].train.as_str(),
            report.duplicates[0].validation.as_str()
        ),
        ("a/001.png", "b/0.png")
    );

    let text = report.to_string();
    for part in [
        "training: 12 pictures",
        "10 PNG",
        "1.4 times",
        "cut.png",
        "text, not a picture",
        "b/0.png = a/001.png",
        "training would stop",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CheckReport>(&json).unwrap(), report);
}

#[test]
fn check_of_good_data_says_so() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[5, 5]);
    let report = check(&shown(root.path()), &DataOptions::default()).unwrap();
    assert!(!report.is_unusable() && report.duplicates.is_empty());
    assert!(
        report.to_string().contains("every picture decodes"),
        "{report}"
    );
    assert!(
        check("synthetic:20", &DataOptions::default())
            .unwrap()
            .train
            .formats
            .is_empty()
    );
    fs::remove_dir_all(root.path().join("b")).unwrap();
    assert!(check(&shown(root.path()), &DataOptions::default()).is_err());
}

#[test]
fn pictures_that_are_there_twice_are_found_and_labels_that_contradict_each_other() {
    let root = tempfile::tempdir().unwrap();
    let (train, val) = (root.path().join("train"), root.path().join("val"));
    class_folders(&train, &[4, 4]);
    // Twice in one class, once more in the other; in validation once right, once wrong.
    write(&train.join("a/again.png"), &png(&numbered(0)));
    write(&train.join("b/stray.png"), &png(&numbered(0)));
    write(&val.join("a/1.png"), &png(&numbered(1)));
    write(&val.join("b/2.png"), &png(&numbered(2)));
    let report = check(&shown(root.path()), &DataOptions::default()).unwrap();
    let found: Vec<_> = report
        .train
        .repeated
        .iter()
        .map(|twin| {
            let classes = twin.contradiction.as_ref().map(|classes| classes.join(" "));
            [
                twin.picture.clone(),
                twin.first.clone(),
                classes.unwrap_or_default(),
            ]
        })
        .collect();
    assert_eq!(
        found,
        [
            ["a/again.png", "a/000.png", ""],
            ["b/stray.png", "a/000.png", "a b"]
        ]
    );
    assert!(report.validation.repeated.is_empty());
    let between: Vec<_> = report
        .duplicates
        .iter()
        .map(|twin| (twin.validation.as_str(), twin.contradiction.is_some()))
        .collect();
    assert_eq!(between, [("a/1.png", false), ("b/2.png", true)]);
    assert!(!report.is_unusable());

    let text = report.to_string();
    for part in [
        "2 are equal to another picture:",
        "    the labels of 1 contradict each other",
        "    b/stray.png = a/000.png, one is `b`, the other `a`\n    a/again.png = a/000.png\n",
        "2 validation pictures are also in training",
        "  b/2.png = a/002.png, one is `b`, the other `a`",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CheckReport>(&json).unwrap(), report);
}

#[test]
fn each_split_tells_its_own_bytes_where_validation_is_held_out() {
    let root = tempfile::tempdir().unwrap();
    class_folders(root.path(), &[5, 5]);
    write(&root.path().join("a/large.png"), &png(&sample(40, 30)));
    let report = check(&shown(root.path()), &DataOptions::default()).unwrap();
    let mut all = 0;
    for class in ["a", "b"] {
        for entry in fs::read_dir(root.path().join(class)).unwrap() {
            all += entry.unwrap().metadata().unwrap().len();
        }
    }
    let [train, validation] = [&report.train, &report.validation].map(|s| s.fingerprint.bytes);
    assert_eq!(train + validation, all);
    assert!(0 < validation && validation < all, "{validation} {train}");
    let told = format!("validation: 2 pictures in 2 classes, {validation} bytes");
    assert!(report.to_string().contains(&told), "{report}");
}

#[test]
fn pictures_without_a_file_of_their_own_share_the_bytes_of_all() {
    let whole: Arc<dyn Dataset> = Arc::new(Synthetic::new(1, "train", 20, 6));
    let part = Subset::new(Arc::clone(&whole), vec![3, 7]).unwrap();
    assert_eq!([part.bytes(0), part.bytes(1)], [6 * 6 * 3; 2]);
    let all: u64 = (0..20).map(|index| whole.bytes(index)).sum();
    assert_eq!(all, whole.fingerprint().bytes);
    // Checkpoints keep this number, and compare it.
    assert_eq!(part.fingerprint().bytes, whole.fingerprint().bytes);
}
