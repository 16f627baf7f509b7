//! Processes that end at the worst of moments: no checkpoint is damaged, no committed step is lost, and the run ends in
//! the same bits.

use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

use triaxis::checkpoint;

use crate::support::{Place, Running, assert_same_end, checkpoints, files, run};

/// SIGKILLs of the loop.
const KILLS: usize = if cfg!(feature = "long") { 1000 } else { 30 };

/// Step of the newest checkpoint, after a look at all of them: each is whole.
fn newest(folder: &Path) -> u64 {
    let steps = checkpoints(folder);
    for step in &steps {
        let path = folder.join(format!("checkpoint-{step:06}"));
        let found = checkpoint::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.state.step, *step);
    }
    steps.last().copied().unwrap_or(0)
}

/// Whether something in the folder is on its way to be committed, or to be removed.
fn commits(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let unfinished = |name: &str| name.ends_with(".tmp") || name.ends_with(".old");
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| unfinished(&name))
}

#[test]
fn a_process_that_ends_at_any_step_of_a_commit_loses_nothing_committed() {
    let place = Place::new();
    let train = |name: &str| {
        let options = "--recipe everything.toml --epochs 12 --checkpoint-every 1 --experiment";
        place.tiny(&format!("{options} {name}"))
    };
    let folder = place.run_folder("ended");
    let mut before = 0;
    let mut at = 1;
    // Each start gets one call further: the first through the first commit ever made, the later ones through commits
    // that replace pointers and remove old checkpoints, until one has no call left to fail at.
    let ran = loop {
        let ran = run({
            let mut command = train("ended");
            command.env("TRIAXIS_FAIL_AT", at.to_string());
            command
        });
        let now = newest(&folder);
        assert!(
            now >= before,
            "call {at}: from step {before} back to {now}: {ran}"
        );
        assert!(!ran.stderr.contains("damaged"), "call {at}: {ran}");
        if ran.code == Some(0) {
            break ran;
        }
        assert_eq!(ran.code, None, "call {at} ends the process: {ran}");
        (before, at) = (now, at + 1);
    };
    assert!(
        at > 30,
        "a first and a later commit take more than thirty calls, not {at}: {ran}"
    );
    run(train("whole")).done();
    assert_same_end(&place.run_folder("whole"), &folder);
}

#[test]
fn a_disk_that_breaks_at_any_step_of_a_commit_ends_with_8_and_loses_nothing_committed() {
    let place = Place::new();
    let train = |name: &str| {
        place.tiny(&format!(
            "--recipe everything.toml --epochs 1 --experiment {name}"
        ))
    };
    let mut at = 1;
    loop {
        let name = format!("broken-{at}");
        let mut command = train(&name);
        let ran = run({
            command.env("TRIAXIS_FAIL_AT", format!("{at}:error"));
            command
        });
        newest(&place.run_folder(&name));
        if ran.code == Some(0) {
            break;
        }
        ran.refused(8, &["cannot ", "the disk is broken", "Look at that disk"]);
        run(train(&name)).done();
        at += 1;
    }
    assert!(at > 10, "a commit takes more than ten calls, not {at}");
    let whole = place.run_folder("broken-1");
    (2..at).for_each(|at| assert_same_end(&whole, &place.run_folder(&format!("broken-{at}"))));
}

#[test]
fn kills_at_any_moment_lose_nothing_committed_and_change_no_bit() {
    let place = Place::new();
    let (mut kills, mut aimed, mut round) = (0, 0, 0);
    while kills < KILLS {
        round += 1;
        let train = |name: &str| {
            let run = format!(
                "--recipe everything.toml --epochs 3 --seed {round} --experiment {name}-{round}"
            );
            place.tiny(&format!(
                "{run} --data-dir synthetic:800 --checkpoint-every 5"
            ))
        };
        let folder = place.run_folder(&format!("killed-{round}"));
        let mut before = 0;
        while kills < KILLS {
            let mut running = Running::start(train("killed"));
            // Every other kill meets a commit; the rest come at moments that have nothing to do with one.
            let met = if kills % 2 == 0 {
                running.until(|| commits(&folder).then_some(()))
            } else {
                running.until(|| (checkpoints(&folder).last() > Some(&before)).then_some(()))
            };
            if met.is_none() {
                break;
            }
            if kills % 2 == 1 {
                let microseconds = (kills as u64 * 7919) % 40_000;
                std::thread::sleep(Duration::from_micros(microseconds));
            }
            running.kill();
            aimed += usize::from(commits(&folder));
            kills += 1;
            let now = newest(&folder);
            assert!(
                now >= before,
                "kill {kills}: from step {before} back to {now}"
            );
            before = now;
        }
        let last = run(train("killed")).done();
        assert!(!last.stderr.contains("damaged"), "{last}");
        run(train("whole")).done();
        assert_same_end(&place.run_folder(&format!("whole-{round}")), &folder);
    }
    assert!(
        aimed * 5 >= kills,
        "only {aimed} of {kills} kills met a commit"
    );
}

#[cfg(unix)]
#[test]
fn a_request_to_stop_within_a_commit_completes_it() {
    let place = Place::new();
    let train =
        "--recipe everything.toml --epochs 2 --data-dir synthetic:1600 --checkpoint-every 1";
    let folder = place.run_folder("tiny");
    for signal in ["TERM", "HUP"] {
        let mut running = Running::start(heard(place.tiny(train)));
        running.until(|| commits(&folder).then_some(()));
        running.signal(signal);
        running.finish().refused(75, &["is complete"]);
        assert!(!commits(&folder), "nothing is left unfinished");
        assert!(newest(&folder) > 0);
    }
}

/// The same where hangups are heard, also under `nohup`, which has all that these tests start ignore them.
#[cfg(unix)]
fn heard(train: Command) -> Command {
    if cfg!(not(target_os = "linux")) {
        return train;
    }
    let mut heard = Command::new("env");
    heard.arg("--default-signal=HUP");
    heard.arg(train.get_program()).args(train.get_args());
    heard.envs(
        train
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    heard.current_dir(train.get_current_dir().expect("a place has a folder"));
    heard
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_to_be_ignored_is_ignored() {
    let place = Place::new();
    let train = place.tiny("--epochs 40");
    let mut nohup = Command::new("nohup");
    nohup
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(place.path());
    let folder = place.run_folder("tiny");
    let mut running = Running::start(nohup);
    running.until(|| checkpoints(&folder).last().copied());
    running.signal("HUP");
    running.finish().done();
    assert!(!files(&folder).is_empty());
}
