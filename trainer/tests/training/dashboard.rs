//! On a terminal: `--tui` shows the run, obeys `q`, and gives it back as it was, also after a panic; a bar leaves nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::support::{Place, checkpoints};

/// Longer than any run here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal of 100×30 characters with a process on it.
struct Session {
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
    child: Child,
}

impl Session {
    fn start(mut command: Command) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let line = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let size = Winsize {
            ws_row: 30,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&line, size).unwrap();
        let end = || line.try_clone().unwrap();
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keys = File::from(terminal);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, into) = (keys.try_clone().unwrap(), Arc::clone(&shown));
        thread::spawn(move || {
            let mut block = [0; 4096];
            // The other end is closed when the process is gone: that is an error here.
            while let Ok(count) = from.read(&mut block) {
                into.lock().unwrap().extend(&block[..count]);
            }
        });
        Self { keys, shown, child }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    fn until(&mut self, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.text()) {
            assert!(began.elapsed() < PATIENCE, "{}", self.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn mode(&self) -> Termios {
        tcgetattr(&self.keys).unwrap()
    }

    /// Waits for the end of the process and of what it says; its exit code.
    fn end(&mut self, last_words: &str) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        self.until(|text| text.contains(last_words));
        code
    }
}

const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?1049l";

fn assert_given_back(session: &Session, before: &Termios) {
    let after = session.mode();
    assert_eq!(
        after.local_modes, before.local_modes,
        "echo and lines are as they were"
    );
    assert_eq!(after.input_modes, before.input_modes);
    let text = session.text();
    let at = |part: &str| {
        text.rfind(part)
            .unwrap_or_else(|| panic!("{part:?}: {text}"))
    };
    assert!(at(TAKEN) < at(GIVEN_BACK));
    assert!(
        at(GIVEN_BACK) < at("error: "),
        "the screen is back before the error is told"
    );
}

#[test]
fn q_stops_with_a_checkpoint_and_the_terminal_is_as_it_was() {
    let place = Place::new();
    let folder = place.run_folder("tiny");
    let mut session = Session::start(place.tiny("--epochs 1000 --tui"));
    let before = session.mode();
    session.until(|text| text.contains("stops with a checkpoint"));
    session.until(|_| checkpoints(&folder).len() > 1);
    // Loss and accuracy are shown at first, and what comes behind them after an arrow to the right.
    assert!(!session.text().contains("learning rate"));
    session.keys.write_all(b"\x1b[C").unwrap();
    session.until(|text| text.contains("learning rate"));
    session.keys.write_all(b"q").unwrap();
    assert_eq!(session.end("The same command goes on"), Some(75));
    assert_given_back(&session, &before);
    let text = session.text();
    for part in ["accuracy,", "device", "epoch"] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let place = Place::new();
    let mut command = place.tiny("--epochs 1000 --tui");
    command.env("TRIAXIS_PANIC_AT", "30");
    let mut session = Session::start(command);
    let before = session.mode();
    assert_eq!(session.end("the test wants a panic"), Some(101));
    assert_given_back(&session, &before);
}

#[test]
fn no_bar_stays_where_results_are_told() {
    let place = Place::new();
    let asked = |options: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
        command
            .current_dir(place.path())
            .args(options.split_whitespace());
        command
    };
    let validate = "validate --weights output/tiny --data-dir synthetic:64";
    for (mut command, result) in [
        (place.tiny("--epochs 2"), "best: "),
        (asked(validate), "10 images, "),
    ] {
        // A bar needs a terminal that can move its cursor.
        command.env("TERM", "xterm");
        let mut session = Session::start(command);
        assert_eq!(session.end(result), Some(0), "{}", session.text());
        let text = session.text();
        assert!(text.contains(['━', '─']), "there is a bar: {text}");
        let before = &text[..text.rfind(result).unwrap()];
        let shown = before.rsplit("\u{1b}[2K").next().unwrap();
        assert!(!shown.contains(['━', '─']), "{shown:?} stays: {text:?}");
    }
}
