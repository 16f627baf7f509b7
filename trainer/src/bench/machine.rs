//! Where and with what a row was measured.

use std::fmt;

use triaxis_engine::Gpu;

/// The adapter and the build.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The adapter's name.
    pub adapter: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// What `git describe` says of the sources, or `unknown`.
    pub commit: String,
    /// Our version.
    pub version: &'static str,
}

impl Machine {
    /// Of this device and these sources.
    pub fn of(gpu: &Gpu) -> Self {
        let info = gpu.info();
        Self {
            adapter: info.name.clone(),
            driver: info.driver.clone(),
            backend: info.backend.to_lowercase(),
            commit: env!("TRIAXIS_COMMIT").into(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Library, version and backend: `triaxis-0.1.0-vulkan`.
    pub fn device(&self) -> String {
        format!("triaxis-{}-{}", self.version, self.backend)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = if cfg!(debug_assertions) {
            ", a debug build"
        } else {
            ""
        };
        write!(
            f,
            "{} ({}, {}), triaxis {} ({}{profile})",
            self.adapter, self.driver, self.backend, self.version, self.commit
        )
    }
}

/// Seconds of processor time that this process has used so far, its driver's threads included.
#[cfg(unix)]
pub fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// Seconds of processor time: unknown on this system.
#[cfg(not(unix))]
pub fn cpu_seconds() -> Option<f64> {
    None
}

/// Seconds of processor time that the calling thread has used so far.
#[cfg(unix)]
pub fn thread_cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// Seconds of the calling thread's processor time: unknown on this system.
#[cfg(not(unix))]
pub fn thread_cpu_seconds() -> Option<f64> {
    None
}
