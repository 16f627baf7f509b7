//! What does not fit a device.

use triaxis_engine::Error as EngineError;

use super::Error;

impl Error {
    /// Whether what was asked for does not fit the device, or the batch its network: another batch may.
    pub fn is_misfit(&self) -> bool {
        use EngineError::{Limit, OutOfMemory, Shape};
        match self {
            Self::Memory { .. } => true,
            // A tensor of 2^32 numbers is no shape either.
            Self::Engine(error) | Self::Model(triaxis_models::Error::Engine(error)) => {
                matches!(error, OutOfMemory { .. } | Limit { .. } | Shape { .. })
            }
            _ => false,
        }
    }
}
