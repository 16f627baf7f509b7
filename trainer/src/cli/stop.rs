//! Requests to stop: the first ends the run at the next step with a checkpoint, a second interrupt ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether somebody asked the process to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens to interrupts, SIGTERM and, where there is one, SIGUSR1: the warning of a time limit.
    pub(super) fn listen() -> std::io::Result<Self> {
        let stop = Self::default();
        // Order matters: the second interrupt must find the flag that the first one set.
        flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop.0))?;
        #[cfg(unix)]
        let signals = [SIGINT, SIGTERM, signal_hook::consts::SIGUSR1];
        #[cfg(not(unix))]
        let signals = [SIGINT, SIGTERM];
        for signal in signals {
            flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    pub(super) fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
