use std::fs;

use super::{class_folders, encode, numbered, png, sample, shown, write};
use crate::data::{CheckReport, DataOptions, check};

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
