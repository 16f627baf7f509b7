//! How fast an adapter copies: what the traffic of a plan is measured against.

use std::time::Instant;

use super::Gpu;
use crate::Result;

/// Bytes of each of the two buffers: more than the caches of today's processors hold.
const BYTES: u64 = 256 << 20;

/// What one measurement should take, in seconds, so that neither starting it nor the clock weighs.
const LONG_ENOUGH: f64 = 0.05;

impl Gpu {
    /// Bytes a second that a plain copy between two large buffers reads and writes, the best of a few; buffers are
    /// smaller where the adapter or the memory limit allow no more.
    ///
    /// # Errors
    ///
    /// [`crate::Error::OutOfMemory`] where there is not the memory for both, [`crate::Error::DeviceLost`], or what the driver
    /// reported.
    pub fn copy_rate(&self) -> Result<f64> {
        let share = self.memory_limit().unwrap_or(u64::MAX) / 4;
        let bytes = BYTES.min(self.limits().buffer).min(share).max(1 << 16) / 16 * 16;
        let buffer = |label| {
            self.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes,
                usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let both = || (buffer("copied from"), buffer("copied to"));
        let (from, to) = self.taking("two buffers to copy between", 2 * bytes, both)?;
        let seconds = |copies: usize| {
            let mut encoder = self.device().create_command_encoder(&Default::default());
            for _ in 0..copies {
                encoder.copy_buffer_to_buffer(&from, 0, &to, 0, Some(bytes));
            }
            self.wait()?;
            let begin = Instant::now();
            self.queue().submit([encoder.finish()]);
            self.wait()?;
            Ok(begin.elapsed().as_secs_f64() / copies as f64)
        };
        // The first touches the memory.
        seconds(1)?;
        let copies = (LONG_ENOUGH / seconds(1)?).clamp(1.0, 100.0) as usize;
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            best = seconds(copies)?.min(best);
        }
        Ok(2.0 * bytes as f64 / best)
    }
}
