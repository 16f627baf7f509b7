//! How much memory can be had, found out by taking it: wgpu does not tell.

use super::Gpu;

/// Bytes of a piece: what is found is a multiple of it.
const PIECE: u64 = 64 << 20;

impl Gpu {
    /// Bytes of buffers that the device gives now, at most `wanted`: found by taking so much, piece by piece, and giving it
    /// back. A software driver gives what the computer may not have: it takes memory only as that is written.
    ///
    /// # Errors
    ///
    /// [`crate::Error::DeviceLost`], or what the driver reported.
    pub fn free_memory(&self, wanted: u64) -> crate::Result<u64> {
        let piece = PIECE.min(self.limits().buffer);
        let (mut pieces, mut found) = (Vec::new(), 0);
        while found < wanted {
            let scope = (self.device()).push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let buffer = self.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("probe"),
                size: piece,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            });
            if pollster::block_on(scope.pop()).is_some() {
                break;
            }
            pieces.push(buffer);
            found += piece;
        }
        drop(pieces);
        self.wait()?;
        Ok(found.min(wanted))
    }
}
