//! Who claims rows, and whether that process is still alive.

use crate::output::host_name;

/// Seconds without a sign of life after which a worker of another host is dead.
pub(super) const SILENCE: i64 = 60;
/// Seconds without a sign of life after which a worker of this host is dead although its number is in use: by then it is
/// another process's.
const LONG_SILENCE: i64 = 600;

/// A process that claims trials: its host and its number there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    host: String,
    process: u32,
}

impl Worker {
    /// This process.
    pub fn this() -> Self {
        Self {
            host: host_name(),
            process: std::process::id(),
        }
    }

    /// As ledgers write it: `alpha:4711`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.process)
    }

    /// The worker of that name.
    fn parse(name: &str) -> Option<Self> {
        let (host, process) = name.rsplit_once(':')?;
        Some(Self {
            host: host.into(),
            process: process.parse().ok()?,
        })
    }
}

/// Whether the worker of that name, heard of `silence` seconds ago, will not be heard of again.
pub(super) fn is_dead(name: &str, silence: i64) -> bool {
    match Worker::parse(name) {
        Some(worker) if worker.host == host_name() => {
            is_gone(worker.process) || silence > LONG_SILENCE
        }
        _ => silence > SILENCE,
    }
}

/// Whether no process of this host has that number.
#[cfg(unix)]
fn is_gone(process: u32) -> bool {
    let process = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let Some(process) = process else {
        return true;
    };
    rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)
}

/// What cannot be asked is told by its silence.
#[cfg(not(unix))]
fn is_gone(_process: u32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_until_it_was_silent_for_long() {
        let name = Worker::this().name();
        assert_eq!(Worker::parse(&name), Some(Worker::this()));
        assert!(!is_dead(&name, SILENCE + 1));
        assert!(is_dead(&name, LONG_SILENCE + 1));
    }

    #[test]
    fn a_worker_elsewhere_is_dead_after_a_minute_of_silence() {
        for name in ["no-such-host.invalid:1", "without a number"] {
            assert!(!is_dead(name, SILENCE));
            assert!(is_dead(name, SILENCE + 1));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_ended_is_dead_at_once() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let name = format!("{}:{}", host_name(), child.id());
        assert!(is_dead(&name, 0));
    }
}
