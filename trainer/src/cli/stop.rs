//! Requests to stop: the first ends the run at the next step with a checkpoint, a second interrupt ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

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
        // Order matters: the second interrupt must find the flag that the first one set.
        flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop.asked))?;
        let mut signals = vec![SIGINT, SIGTERM];
        #[cfg(unix)]
        signals.push(signal_hook::consts::SIGUSR1);
        #[cfg(unix)]
        if !hangups_are_ignored() {
            signals.push(signal_hook::consts::SIGHUP);
        }
        for signal in signals {
            flag::register(signal, Arc::clone(&stop.asked))?;
        }
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

/// Whether the process was started with SIGHUP, signal 1, ignored. Linux tells it; elsewhere `nohup` is not heard.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
