//! Files that cannot be used: said clearly, and left as they are.

use std::fs;
use std::time::Duration;

use super::*;
use crate::ledger::open::Absent;

/// Opening says all these words, with code 4, and changes no byte.
#[track_caller]
fn refused(path: &Path, options: &LedgerOptions, words: &[&str]) {
    let before = fs::read(path).ok();
    let error = Ledger::open(path, options).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit_code(), 4, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    assert!(before == fs::read(path).ok(), "the file has changed");
}

#[test]
fn a_ledger_of_a_newer_version_is_left_alone() {
    let (folder, ledger) = ledger(1);
    ledger.db.pragma_update(None, "user_version", 7).unwrap();
    drop(ledger);
    let path = folder.path().join("a.ledger");
    let words = [
        "this ledger is of version 7",
        "knows version 1",
        "nothing was changed",
    ];
    refused(&path, &LedgerOptions::default(), &words);
}

#[test]
fn what_is_no_ledger_or_damaged_is_left_alone() {
    let (folder, mut ledger) = ledger(400);
    let path = folder.path().join("a.ledger");
    let worker = Worker::this();
    while let Some(trial) = ledger
        .claim("tiny", &worker)
        .unwrap()
        .filter(|trial| trial.place < 30)
    {
        ledger.finish(trial.id, &worker, &outcome()).unwrap();
    }
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    let options = LedgerOptions::default();

    fs::write(&path, "epochs,top1\n1,50\n".repeat(100)).unwrap();
    refused(&path, &options, &["this is no ledger, or a damaged one"]);

    let mut torn = whole.clone();
    torn[4096..].fill(0xAA);
    fs::write(&path, torn).unwrap();
    refused(&path, &options, &["damaged", ".recover"]);

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused(&path, &options, &["damaged"]);

    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE cats (name TEXT)")
        .unwrap();
    drop(other);
    refused(&path, &options, &["a database with other tables"]);

    fs::write(&path, &whole).unwrap();
    let ledger = Ledger::open(&path, &options).unwrap();
    assert_eq!(ledger.trials(None).unwrap().len(), 400);
}

#[test]
fn a_ledger_that_another_holds_is_waited_for_and_then_told() {
    let (folder, mut ledger) = ledger(1);
    let path = folder.path().join("a.ledger");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let options = LedgerOptions {
        patience: Duration::from_millis(50),
        absent: Absent::Refuse,
    };
    refused(
        &path,
        &options,
        &["another process holds the ledger", "nothing was changed"],
    );
    ledger.db.busy_timeout(options.patience).unwrap();
    let error = ledger.claim("tiny", &Worker::this()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another process holds the ledger"),
        "{error}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert!(ledger.claim("tiny", &Worker::this()).unwrap().is_some());
}

#[test]
fn a_ledger_that_is_not_there_is_begun_only_where_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.ledger");
    let options = LedgerOptions {
        absent: Absent::Refuse,
        ..LedgerOptions::default()
    };
    refused(&path, &options, &["none.ledger", "there is no such ledger"]);
    assert!(!path.exists());
    let inside = folder.path().join("no").join("folder.ledger");
    refused(
        &inside,
        &LedgerOptions::default(),
        &["cannot be opened for writing"],
    );
    Ledger::open(&path, &LedgerOptions::default()).unwrap();
    Ledger::open(&path, &options).unwrap();
}

#[test]
fn a_ledger_may_be_begun_by_several_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ledger");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut ledger = Ledger::open(&path, &LedgerOptions::default()).unwrap();
                    ledger.begin(&study()).unwrap();
                });
            }
        });
        let ledger = Ledger::open(&path, &LedgerOptions::default()).unwrap();
        assert_eq!(ledger.studies().unwrap(), [study()]);
    }
}
