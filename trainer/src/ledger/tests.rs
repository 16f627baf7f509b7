//! Claims by living and dying workers; files that are no ledgers.

mod files;
#[cfg(unix)]
mod workers;

use super::*;

fn study() -> Study {
    Study {
        name: "tiny".into(),
        kind: "tiny".into(),
        recipe: "epochs = 1\nlr = 0.5".into(),
        data: "9 pictures".into(),
        options: "trials = 3".into(),
    }
}

fn planned(name: &str) -> Planned {
    Planned {
        name: name.into(),
        network: "name = 'x'".into(),
        recipe: "abc".into(),
        seed: u64::MAX,
        flops: 5,
        params: 6,
        acts: 7,
        numbers: vec![1.0, 0.1, 1.0 / 3.0],
    }
}

fn outcome() -> Outcome {
    Outcome {
        adapter: "llvmpipe".into(),
        curve: vec![crate::report::EpochRow::default()],
        top1_error: 31.25,
        top5_error: 1.5,
        seconds: 2.5,
        memory: 1 << 40,
    }
}

fn ledger(trials: usize) -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger =
        Ledger::open(&folder.path().join("a.ledger"), &LedgerOptions::default()).unwrap();
    ledger.begin(&study()).unwrap();
    let trials: Vec<Planned> = (0..trials).map(|i| planned(&format!("n{i}"))).collect();
    ledger.plan("tiny", 0, &trials).unwrap();
    (folder, ledger)
}

#[test]
fn a_trial_goes_from_waiting_to_done_and_keeps_all_its_numbers() {
    let (_folder, mut ledger) = ledger(2);
    let worker = Worker::this();
    let trial = ledger.claim("tiny", &worker).unwrap().unwrap();
    assert_eq!(
        (trial.place, trial.state, trial.attempts),
        (0, State::Claimed, 1)
    );
    assert_eq!(trial.worker, Some(worker.name()));
    assert_eq!(trial.planned, planned("n0"));
    assert!(ledger.beat(trial.id, &worker).unwrap());
    ledger.finish(trial.id, &worker, &outcome()).unwrap();
    assert!(!ledger.beat(trial.id, &worker).unwrap());
    let done = ledger.again().unwrap().trial(trial.id).unwrap();
    assert_eq!((done.state, done.outcome), (State::Done, Some(outcome())));

    let next = ledger.claim("tiny", &worker).unwrap().unwrap();
    assert_eq!(next.place, 1);
    // What this process holds is not free, however often it asks.
    assert_eq!(ledger.claim("tiny", &worker).unwrap(), None);
    ledger.release(next.id, &worker).unwrap();
    let next = ledger.claim("tiny", &worker).unwrap().unwrap();
    assert_eq!((next.place, next.attempts), (1, 2));
    ledger.fail(next.id, &worker, "diverged").unwrap();
    assert_eq!(ledger.claim("tiny", &worker).unwrap(), None);
    let trials = ledger.trials(Some("tiny")).unwrap();
    assert_eq!(trials[1].message.as_deref(), Some("diverged"));
    assert_eq!(trials, ledger.trials(None).unwrap());
    assert_eq!(ledger.trials(Some("other")).unwrap(), []);
}

#[test]
fn only_the_worker_that_holds_a_trial_writes_its_outcome_and_once() {
    let (_folder, mut ledger) = ledger(1);
    let worker = Worker::this();
    let id = ledger.claim("tiny", &worker).unwrap().unwrap().id;
    // As if the ledger had heard nothing of this process for an hour, and another had taken over.
    ledger
        .db
        .execute("UPDATE trials SET heartbeat = heartbeat - 3600", [])
        .unwrap();
    assert!(ledger.claim("tiny", &worker).unwrap().is_some());
    ledger
        .db
        .execute("UPDATE trials SET worker = 'beta:1'", [])
        .unwrap();
    for refused in [
        ledger.finish(id, &worker, &outcome()),
        ledger.fail(id, &worker, "no"),
        ledger.release(id, &worker),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(
            text.contains("trial 1 is no longer this process's, but beta:1's"),
            "{text}"
        );
    }
    assert_eq!(ledger.trial(id).unwrap().state, State::Claimed);
    ledger
        .db
        .execute("UPDATE trials SET heartbeat = unixepoch() - 61", [])
        .unwrap();
    let id = ledger.claim("tiny", &worker).unwrap().unwrap().id;
    ledger.finish(id, &worker, &outcome()).unwrap();
    assert!(
        ledger.finish(id, &worker, &outcome()).is_err(),
        "done is done"
    );
}

#[test]
fn planning_again_changes_nothing_and_planning_otherwise_is_refused() {
    let (_folder, mut ledger) = ledger(2);
    let before = ledger.trials(None).unwrap();
    ledger.begin(&study()).unwrap();
    ledger.plan("tiny", 1, &[planned("n1")]).unwrap();
    assert_eq!(ledger.trials(None).unwrap(), before);
    let error = ledger.plan("tiny", 1, &[planned("n1"), planned("n2")]);
    error.unwrap();
    assert_eq!(ledger.trials(None).unwrap().len(), 3);
    let error = ledger
        .plan("tiny", 2, &[planned("x"), planned("y")])
        .unwrap_err();
    assert!(
        error.to_string().contains(
            "trial 2 of study `tiny` is n2 with seed 18446744073709551615, and would be x"
        ),
        "{error}"
    );
    assert_eq!(ledger.trials(None).unwrap().len(), 3, "nothing was written");
}

#[test]
fn a_study_with_other_data_recipe_or_options_is_another_study() {
    let (_folder, mut ledger) = ledger(1);
    let refused = |ledger: &mut Ledger, study: Study| {
        let error = ledger.begin(&study).unwrap_err();
        (error.exit_code(), error.to_string())
    };
    let data = Study {
        data: "8 pictures".into(),
        ..study()
    };
    let (code, text) = refused(&mut ledger, data);
    assert_eq!(code, 3);
    assert!(
        text.contains(
            "the data has changed since study `tiny` began: it was 9 pictures, now 8 pictures"
        ),
        "{text}"
    );
    let recipe = Study {
        recipe: "epochs = 2\nlr = 0.5".into(),
        ..study()
    };
    let (code, text) = refused(&mut ledger, recipe);
    assert_eq!(code, 2);
    assert!(
        text.contains("another recipe: `epochs = 1`, now `epochs = 2`"),
        "{text}"
    );
    let options = Study {
        options: "trials = 4".into(),
        ..study()
    };
    let (_, text) = refused(&mut ledger, options);
    assert!(text.contains("another options: `trials = 3`"), "{text}");
    assert_eq!(ledger.studies().unwrap(), [study()]);
}
