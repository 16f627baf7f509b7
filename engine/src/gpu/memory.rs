//! Memory of the device: how much of it a plan may take, and taking it so that what the device does not give is the error
//! of who asked.

use super::{Gpu, GpuOptions};
use crate::{Error, Result};

/// MiB that a plan may use.
const LIMIT: &str = "TRIAXIS_MEMORY_LIMIT";

/// Bytes that a plan may use, as the options or the environment say.
///
/// # Errors
///
/// [`Error::NoAdapter`] where the environment does not say a number of MiB.
pub(super) fn limit(options: &GpuOptions) -> Result<Option<u64>> {
    match (options.memory_limit, std::env::var_os(LIMIT)) {
        (None, Some(text)) if !text.is_empty() => bytes(&text.to_string_lossy()).map(Some),
        (given, _) => Ok(given),
    }
}

/// The bytes of a number of MiB.
fn bytes(text: &str) -> Result<u64> {
    let most = u64::MAX >> 20;
    match text.trim().parse::<u64>() {
        Ok(mib) if mib <= most => Ok(mib << 20),
        _ => Err(Error::NoAdapter(format!(
            "{LIMIT}: {text} is no whole number of MiB up to {most}, as 4096 is: correct it, or leave the variable unset"
        ))),
    }
}

impl Gpu {
    /// What `make` makes, which takes `needed` bytes of the device's memory.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where the device does not give them, which no later call is told of.
    pub(crate) fn taking<T>(&self, what: &str, needed: u64, make: impl FnOnce() -> T) -> Result<T> {
        let scope = self
            .device()
            .push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = make();
        match pollster::block_on(scope.pop()) {
            None => Ok(made),
            Some(error) => Err(Error::OutOfMemory {
                what: format!("{what} ({error})"),
                needed,
                available: 0,
                adapter: self.info().name.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_limit_is_a_whole_number_of_mib_and_nothing_else() {
        assert_eq!(bytes("4096").unwrap(), 4 << 30);
        assert_eq!(bytes(" 17592186044415 ").unwrap(), u64::MAX << 20);
        for wrong in [
            "8G",
            "-1",
            "1.5",
            " ",
            "17592186044416",
            "99999999999999999999",
        ] {
            let error = bytes(wrong).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("TRIAXIS_MEMORY_LIMIT: {wrong} is no whole number")),
                "{error}"
            );
        }
    }
}
