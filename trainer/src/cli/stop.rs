//! Requests to stop: the first ends the run at the next step with a checkpoint, a second interrupt ends it at once. Requests
//! for a checkpoint alone, which end nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
#[cfg(unix)]
use {
    crate::error::Error,
    signal_hook::{consts, iterator::Signals, low_level},
    std::io::{self, IsTerminal, Write},
};

/// Whether somebody asked the process to stop, or its time is up.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    began: Instant,
    limit: Duration,
}

impl Stop {
    /// Listens to interrupts, SIGTERM and, where they exist, SIGUSR1, the warning of a batch system's time limit, and
    /// SIGHUP, unless whoever started the process wants that ignored, as `nohup` does. After `limit` it stops by itself.
    pub(super) fn listen(limit: Option<Duration>) -> std::io::Result<Self> {
        let stop = Self {
            asked: Arc::default(),
            began: Instant::now(),
            limit: limit.unwrap_or(Duration::MAX),
        };
        hear(&stop.asked)?;
        Ok(stop)
    }

    /// Asks as a signal does.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether the run is to end.
    pub(super) fn requested(&self) -> bool {
        self.asked.load(Ordering::SeqCst) || self.began.elapsed() >= self.limit
    }
}

/// Whether somebody asked for a checkpoint now, and for the run to go on.
#[derive(Clone, Debug, Default)]
pub(super) struct SaveRequest(Arc<AtomicBool>);

impl SaveRequest {
    /// Listens to SIGUSR2, where it exists.
    pub(super) fn listen() -> std::io::Result<Self> {
        let request = Self::default();
        #[cfg(unix)]
        flag::register(consts::SIGUSR2, Arc::clone(&request.0))?;
        Ok(request)
    }

    /// Whether a checkpoint is wanted.
    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The same, and forgets it: whoever takes a request answers it. One that comes later is another.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// Sets the flag at the first signal. A second interrupt says so and ends the process.
#[cfg(unix)]
fn hear(asked: &Arc<AtomicBool>) -> io::Result<()> {
    // Of a terminal that takes no more words, the second interrupt waits; a third one ends it all the same.
    let ending = Arc::new(AtomicBool::new(false));
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&ending))?;
    let mut signals = vec![SIGINT, SIGTERM, consts::SIGUSR1];
    if !hangups_are_ignored() {
        signals.push(consts::SIGHUP);
    }
    let mut signals = Signals::new(signals)?;
    let asked = Arc::clone(asked);
    let listen = move || {
        for signal in signals.forever() {
            if !asked.swap(true, Ordering::SeqCst) || signal != SIGINT {
                continue;
            }
            ending.store(true, Ordering::SeqCst);
            // A progress bar leaves the cursor behind it.
            let begin = if io::stderr().is_terminal() { "\n" } else { "" };
            let _ = writeln!(io::stderr(), "{begin}error: {}", Error::Interrupted);
            low_level::exit(130);
        }
    };
    let name = "signals".to_owned();
    std::thread::Builder::new().name(name).spawn(listen)?;
    Ok(())
}

/// Sets the flag at the first signal. A second interrupt ends the process.
#[cfg(not(unix))]
fn hear(asked: &Arc<AtomicBool>) -> std::io::Result<()> {
    // Order matters: the second interrupt must find the flag that the first one set.
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(asked))?;
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}

/// Whether the process was started with SIGHUP, signal 1, ignored. Linux tells it; elsewhere `nohup` is not heard.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
