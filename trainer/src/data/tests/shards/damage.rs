//! Archives that mean harm, are cut, change, or hold bad pictures.

use super::*;

#[test]
fn archives_that_mean_harm_are_refused_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("in/data.tar");
    let good = tar_of_folders("", &[2, 2]);
    let with = |bad: Vec<u8>| tar(&[good.concat(), bad]);
    let link = |kind| {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..5].copy_from_slice(b"a/x.p");
        header.set_link_name("/etc/passwd").unwrap();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let sparse = entry("a/x.png", EntryType::GNUSparse, b"");
    let nonsense = {
        let mut bytes = file("a/x.png", b"x");
        bytes[0] ^= 1;
        bytes
    };
    let pax = |record: &str| {
        // The record's length counts its own digits.
        let length = record.len() + 4;
        entry(
            "pax",
            EntryType::XHeader,
            format!("{length} {record}\n").as_bytes(),
        )
    };
    let mut claims = Header::new_ustar();
    claims.as_old_mut().name[..7].copy_from_slice(b"a/x.png");
    claims.set_size(1 << 60);
    claims.set_cksum();
    let cases = [
        ("leads out", with(file("../x.png", b"x"))),
        ("leads out", with(file("a/../../x.png", b"x"))),
        ("leads out", with(file("/tmp/x.png", b"x"))),
        (
            "leads out",
            with([pax("path=../../../../../x"), file("a/x.png", b"x")].concat()),
        ),
        ("two files are named", with(file("a/001.png", b"x"))),
        (
            "two files are named",
            with([pax("path=b/001.png"), file("a/x.png", b"x")].concat()),
        ),
        ("is a link", with(link(EntryType::Symlink))),
        ("is a link", with(link(EntryType::Link))),
        ("is a link", with(link(EntryType::Char))),
        ("is a link", with(link(EntryType::Fifo))),
        ("data.tar", with(sparse)),
        ("checksum", with(nonsense)),
        ("breaks off in", with(claims.as_bytes().to_vec())),
        (
            "data.tar",
            with([pax("size=18446744073709551615"), file("a/x.png", b"x")].concat()),
        ),
        (
            "more than 1048576 bytes",
            with(
                [
                    entry("l", EntryType::GNULongName, &vec![b'n'; 2 << 20]),
                    file("a/x.png", b"x"),
                ]
                .concat(),
            ),
        ),
        ("gzip archive", b"\x1F\x8B\x08\x00".to_vec()),
        (
            "zstd archive: pictures are read from where they lie, so unpack it to the plain tar with unzstd",
            [&b"\x28\xB5\x2F\xFD"[..], &[0; 2000]].concat(),
        ),
    ];
    for (part, bytes) in cases {
        write(&path, &bytes);
        let text = refused(&path);
        assert!(
            text.contains(part) && text.contains("data.tar"),
            "{part:?} is not in {text:?}"
        );
    }
    // Every name above would have led here, or to the system's folders.
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read_dir(place.path().join("in")).unwrap().count(), 1);
}

#[test]
fn bytes_that_are_no_archive_do_not_reach_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("noise.tar");
    for sum in [b"\x1b[31m\x07\r\x0b", b"\xff\x1b]0;\x9b\xe2\x80"] {
        let mut bytes = file("a/\x1b[2Jx.png", b"x");
        bytes[148..156].copy_from_slice(sum);
        write(&path, &tar(&[bytes]));
        let text = refused(&path);
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(
            text.contains(r"\u{1b}") && text.contains("numeric field"),
            "{text}"
        );
    }
}

#[test]
fn sizes_and_names_in_extended_headers_count() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data.tar");
    let picture = png(&sample(9, 9));
    // The header says that the file is empty, the extended one knows better.
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..4].copy_from_slice(b"late");
    header.set_size(0);
    header.set_cksum();
    let long = "x".repeat(150);
    let record = |text: &str| {
        let mut length = text.len() + 3;
        length += usize::from(length > 97);
        format!("{} {text}\n", length + 1 - usize::from(length < 10))
    };
    let records = [
        record(&format!("size={}", picture.len())),
        record(&format!("path=b/{long}.png")),
    ];
    for text in &records {
        let (length, _) = text.split_once(' ').unwrap();
        assert_eq!(length.parse(), Ok(text.len()));
    }
    let mut entries = tar_of_folders("", &[2, 2]);
    entries.push(entry(
        "pax",
        EntryType::XHeader,
        records.concat().as_bytes(),
    ));
    entries.push([header.as_bytes(), &picture[..]].concat());
    let end = entries.last_mut().unwrap();
    end.resize(end.len().next_multiple_of(512), 0);
    entries.push(file("b/z.png", &png(&numbered(77))));
    write(&path, &tar(&entries));
    let (data, _) = open_validation(&shown(&path), &DataOptions::default()).unwrap();
    assert_eq!(data.name(4), format!("data.tar/b/{long}.png"));
    assert_eq!(data.picture(4).unwrap(), sample(9, 9));
    assert_eq!(data.picture(5).unwrap(), numbered(77));
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data.tar");
    let whole = tar(&tar_of_folders("", &[3, 3]));
    for cut in (0..whole.len() - 512).step_by(256) {
        write(&path, &whole[..cut]);
        let text = refused(&path);
        assert!(text.contains("data.tar"), "{cut}: {text}");
    }
    // One block of zeros is an end.
    write(&path, &whole[..whole.len() - 512]);
    opened(&path);
}

#[test]
fn bad_pictures_in_archives_are_told_by_check_and_left_out_by_the_loader() {
    let place = tempfile::tempdir().unwrap();
    let whole = png(&sample(20, 20));
    let mut entries = tar_of_folders("train/", &[200, 100]);
    entries.extend(tar_of_folders("val/", &[2, 2]));
    entries.push(file("train/a/cut.png", &whole[..whole.len() / 2]));
    entries.push(file("train/a/empty.png", b""));
    entries.push(file("train/a/.hidden.png", b"x"));
    entries.push(file("__MACOSX/a/._0.png", b"x"));
    entries.push(file("train/read.me", b"x"));
    // The same picture as one of training, in another format.
    entries.push(file(
        "val/b/same.bmp",
        &encode(&numbered(1), image::ImageFormat::Bmp),
    ));
    let path = place.path().join("data.tar");
    write(&path, &tar(&entries));
    let report = check(&shown(&path), &DataOptions::default()).unwrap();
    let damaged: Vec<&str> = report
        .train
        .damaged
        .iter()
        .map(|d| d.picture.as_str())
        .collect();
    assert_eq!(
        damaged,
        ["data.tar/train/a/cut.png", "data.tar/train/a/empty.png"]
    );
    assert!(!report.is_unusable());
    assert_eq!(
        (
            report.train.formats["PNG"],
            report.validation.formats["BMP"]
        ),
        (300, 1)
    );
    assert!(
        report
            .duplicates
            .iter()
            .any(|d| d.validation == "data.tar/val/b/same.bmp")
    );
    assert!(
        report.notes.iter().any(|n| n.contains("2 hidden files")),
        "{:?}",
        report.notes
    );
    assert!(
        report.notes.iter().any(|n| n.contains("read.me")),
        "{:?}",
        report.notes
    );

    let options = LoaderOptions {
        batch: 10,
        side: 8,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(opened(&path).train, options).unwrap();
    assert_eq!(loader.epoch(0, 0).map(Result::unwrap).count(), 30);
    let told = loader.damaged();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1.contains("data.tar/train/a/cut.png"), "{told:?}");
}

#[test]
fn an_archive_that_changed_after_it_was_opened_is_an_error_for_each_picture() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data.tar");
    let whole = tar(&tar_of_folders("", &[2, 2]));
    write(&path, &whole);
    let data: Arc<dyn Dataset> = open_validation(&shown(&path), &DataOptions::default())
        .unwrap()
        .0;
    let before = data.fingerprint();
    write(&path, &whole[..whole.len() / 3]);
    assert!(data.picture(3).unwrap_err().is_one_picture());
    fs::remove_file(&path).unwrap();
    let error = data.picture(0).unwrap_err();
    assert!(
        matches!(error, DataError::Read { .. }) && error.is_one_picture(),
        "{error}"
    );
    // Another order of the same files is another data set, for a seed chooses by place.
    let mut entries = tar_of_folders("", &[2, 2]);
    entries.swap(1, 2);
    write(&path, &tar(&entries));
    let after = open_validation(&shown(&path), &DataOptions::default())
        .unwrap()
        .0
        .fingerprint();
    assert_eq!(
        (before.pictures, before.bytes),
        (after.pictures, after.bytes)
    );
    assert_ne!(before.hash, after.hash);
}
