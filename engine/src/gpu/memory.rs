//! Memory of the device: taken so that what it does not give is the error of who asked.

use super::Gpu;
use crate::{Error, Result};

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
