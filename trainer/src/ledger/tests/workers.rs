//! Processes that share a ledger and are killed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// What makes this test a worker: the folder of the ledger.
const WORKER: &str = "TRIAXIS_TEST_LEDGER_WORKER";
const TEST: &str = "ledger::tests::workers::two_workers_do_each_trial_once_whatever_is_killed";
const CLAIMS: usize = 200;
const KILLS: usize = 20;

/// Claims and finishes until nothing is left, and writes down both.
fn work(folder: &Path) {
    let mut ledger = Ledger::open(&folder.join("a.ledger"), &LedgerOptions::default()).unwrap();
    let mut diary = OpenOptions::new()
        .append(true)
        .open(folder.join("diary"))
        .unwrap();
    let worker = Worker::this();
    let process = std::process::id();
    // The folder is gone where the test that started this ended early.
    while folder.exists() && !folder.join("stop").exists() {
        let Some(trial) = ledger.claim("tiny", &worker).unwrap() else {
            // The rows of a worker that was killed a moment ago come free when it is gone.
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        // One write each, which the system appends as a whole.
        diary
            .write_all(format!("claim {} {process}\n", trial.id).as_bytes())
            .unwrap();
        std::thread::sleep(Duration::from_millis(trial.place as u64 % 7));
        ledger.finish(trial.id, &worker, &outcome()).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(WORKER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Claims of each process so far.
fn claims(folder: &Path) -> BTreeMap<u32, Vec<i64>> {
    let mut claims: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for line in fs::read_to_string(folder.join("diary")).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [id, process] = [words[1], words[2]].map(|word| word.parse::<u32>().unwrap());
        claims.entry(process).or_default().push(i64::from(id));
    }
    claims
}

/// Plans so many trials more, and gives how many there are then.
fn plan(ledger: &mut Ledger, so_far: usize, more: usize) -> usize {
    let trials: Vec<Planned> = (so_far..so_far + more)
        .map(|i| planned(&format!("n{i}")))
        .collect();
    ledger.plan("tiny", so_far, &trials).unwrap();
    so_far + more
}

fn count(ledger: &Ledger, state: State) -> usize {
    let trials = ledger.trials(None).unwrap().into_iter();
    trials.filter(|trial| trial.state == state).count()
}

/// Waits until `done` is so.
#[track_caller]
fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(
            began.elapsed() < Duration::from_secs(900),
            "the workers hang"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn two_workers_do_each_trial_once_whatever_is_killed() {
    if let Some(folder) = std::env::var_os(WORKER) {
        return work(Path::new(&folder));
    }
    let (folder, mut ledger) = ledger(20);
    let folder = folder.path();
    fs::write(folder.join("diary"), "").unwrap();
    // Counts how often each row becomes done, whoever does it.
    ledger
        .db
        .execute_batch(
            "CREATE TABLE finished (id INTEGER);
             CREATE TRIGGER once AFTER UPDATE OF state ON trials WHEN NEW.state = 'done'
             BEGIN INSERT INTO finished VALUES (NEW.id); END",
        )
        .unwrap();
    let mut planned_so_far = 20;
    let mut workers = [start(folder), start(folder)];
    let mut killed = Vec::new();
    let mut met = 0;
    while killed.len() < KILLS {
        let victim = &mut workers[killed.len() % 2];
        let process = victim.id();
        until(|| {
            // There is always something to do, however long a process takes to start.
            if count(&ledger, State::Waiting) == 0 {
                planned_so_far = plan(&mut ledger, planned_so_far, 10);
            }
            claims(folder).contains_key(&process)
        });
        std::thread::sleep(Duration::from_micros(killed.len() as u64 * 7919 % 9000));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let held = ledger.trials(None).unwrap().into_iter();
        let name = format!("{}:{process}", crate::output::host_name());
        met += held
            .filter(|trial| trial.worker.as_ref() == Some(&name))
            .count();
        killed.push(process);
        *victim = start(folder);
    }
    planned_so_far = plan(
        &mut ledger,
        planned_so_far,
        CLAIMS.saturating_sub(planned_so_far),
    );
    until(|| count(&ledger, State::Done) == planned_so_far);
    fs::write(folder.join("stop"), "").unwrap();
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success());
    }

    assert!(planned_so_far >= CLAIMS);
    let (rows, different): (usize, usize) = ledger
        .db
        .query_row(
            "SELECT count(*), count(DISTINCT id) FROM finished",
            [],
            |row| {
                Ok((
                    row.get::<_, i64>(0)? as usize,
                    row.get::<_, i64>(1)? as usize,
                ))
            },
        )
        .unwrap();
    assert_eq!(
        (rows, different),
        (planned_so_far, planned_so_far),
        "each once"
    );
    // A trial that was begun by several was begun by such as were killed, and by one more.
    let mut begun: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (process, ids) in claims(folder) {
        for id in ids {
            begun.entry(id).or_default().push(process);
        }
    }
    for (id, processes) in &begun {
        let alive = processes
            .iter()
            .filter(|process| !killed.contains(process))
            .count();
        assert!(
            alive <= 1,
            "trial {id} was claimed by {processes:?}, of whom {killed:?} were killed"
        );
        let again = processes.len() as u64 - 1;
        assert!(ledger.trial(*id).unwrap().attempts > again);
    }
    assert!(met > 0, "no kill met a worker at work");
}
