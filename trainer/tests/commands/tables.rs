//! `triaxis tables` and `triaxis figures`: the papers' numbers beside ours.

use std::fs;

use crate::support::{error, json, run};

#[test]
fn tables_and_figures_refuse_what_they_would_not_show() {
    let cases: [(&[&str], &str); 4] = [
        (
            &["tables", "1", "--ledger", "x.ledger"],
            "--ledger: table 1",
        ),
        (&["tables", "PHI", "--rows", "x.csv"], "--rows: table PHI"),
        (
            &["tables", "gains", "--rows", "x.csv"],
            "--rows: table gains",
        ),
        (
            &["figures", "4", "--heat-maps", "grid.png"],
            "--heat-maps: the page shows it",
        ),
    ];
    for (arguments, part) in cases {
        let text = error(&run(arguments), 2);
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // A clock is that of rows.
    for command in ["tables", "figures"] {
        let alone = run(&[command, "8", "--clock", "wall"]);
        assert_eq!(alone.status.code(), Some(2), "{alone:?}");
        let text = String::from_utf8_lossy(&alone.stderr).into_owned();
        assert!(text.contains("--rows"), "{text}");
    }
}

#[test]
fn tables_stand_beside_the_papers_in_every_format() {
    let table = json(&run(&["tables", "8", "--json"]));
    let row = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["model"] == "RegNetZ-500MF->4GF");
    let row = row.unwrap();
    assert_eq!(
        [&row["flops"], &row["params"], &row["acts"]],
        [4_008_475_270_u64, 41_091_910, 19_363_462]
    );
    assert_eq!([&row["paper_acts"], &row["difference_acts"]], [19.4, 0.0]);
    for (format, part) in [
        ("text", "RegNetZ-500MF->4GF"),
        ("md", "| RegNetZ-500MF->4GF | 8.25 |"),
        ("csv", "RegNetZ-500MF->4GF,8.25,248,4008475270,"),
        ("tex", "RegNetZ-500MF$\\to$4GF & 8.25 &"),
    ] {
        let output = run(&["tables", "8", "--format", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.contains(part),
            "{part} is not in\n{text}"
        );
    }
    let text = error(&run(&["tables", "9"]), 2);
    assert!(
        text.contains("there is no table `9`") && text.contains("r1, phi, gains"),
        "{text}"
    );
}

#[test]
fn figures_are_written_whole_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let output = run(&["figures", "1", "--out", out.to_str().unwrap(), "--json"]);
    let files = json(&output);
    assert_eq!(files.as_array().unwrap().len(), 1, "{files}");
    let read = |key: &str| fs::read_to_string(files[0][key].as_str().unwrap()).unwrap();
    assert!(read("svg").starts_with("<svg") && read("svg").ends_with("</svg>\n"));
    assert!(read("csv").contains("EfficientNet-B0,dWr,1,224,385825092,5288548,6748036"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);

    let text = error(&run(&["figures", "3"]), 2);
    assert!(
        text.contains("there is no figure `3`") && text.contains("1, 2, 4"),
        "{text}"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = error(
        &run(&["figures", "1", "--out", file.join("x").to_str().unwrap()]),
        8,
    );
    assert!(text.contains("file/x"), "{text}");
}
