//! Reads that are on their way from the device, and the buffers they go through.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use half::f16;

use super::unpad;
use crate::plan::Plan;
use crate::plan::schedule::Region;
use crate::{DType, Error, Result, Shape};

/// Largest buffer that is kept for the next read, in bytes: a batch's logits, not an arena.
const KEPT: u64 = 1 << 20;

/// Buffers that earlier reads went through and later ones of the same size may.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Staging(Arc<Mutex<Vec<wgpu::Buffer>>>);

impl Staging {
    fn take(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|buffer| buffer.size() == size)?;
        Some(kept.swap_remove(at))
    }

    /// Keeps a buffer that is no longer mapped.
    fn give(&self, buffer: wgpu::Buffer) {
        if buffer.size() <= KEPT {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(buffer);
        }
    }
}

/// A value on its way from the device.
#[derive(Debug)]
pub struct Pending {
    staging: wgpu::Buffer,
    /// Where the buffer goes when it was read.
    kept: Staging,
    mapped: mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// Whether the numbers were given.
    given: bool,
    gpu: crate::Gpu,
    shape: Shape,
    dtype: DType,
}

impl Pending {
    /// The numbers if they have arrived, without waiting.
    ///
    /// # Errors
    ///
    /// [`Error::Given`] once they were given, [`Error::DeviceLost`], or what the driver reported.
    pub fn poll(&mut self) -> Result<Option<Vec<f32>>> {
        self.expect_due()?;
        let polled = self.gpu.device().poll(wgpu::PollType::Poll);
        self.gpu.check()?;
        polled.map_err(|e| self.gpu.device_error(e.to_string()))?;
        match self.mapped.try_recv() {
            Ok(mapped) => {
                let numbers = self.take(mapped)?;
                self.given = true;
                Ok(Some(numbers))
            }
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(mpsc::TryRecvError::Disconnected) => {
                Err(self.gpu.device_error("a read was dropped".into()))
            }
        }
    }

    /// Waits for the numbers.
    ///
    /// # Errors
    ///
    /// As [`Pending::poll`].
    pub fn wait(self) -> Result<Vec<f32>> {
        self.expect_due()?;
        self.gpu.wait()?;
        let mapped = self
            .mapped
            .recv()
            .map_err(|_| self.gpu.device_error("a read was dropped".into()))?;
        self.take(mapped)
    }

    fn expect_due(&self) -> Result<()> {
        match self.given {
            true => Err(Error::Given),
            false => Ok(()),
        }
    }

    fn take(&self, mapped: Result<(), wgpu::BufferAsyncError>) -> Result<Vec<f32>> {
        let failed =
            |e: &dyn std::fmt::Display| self.gpu.device_error(format!("reading back failed: {e}"));
        mapped.map_err(|e| failed(&e))?;
        let view = self.staging.get_mapped_range(..).map_err(|e| failed(&e))?;
        let numbers = match self.dtype {
            DType::F16 => {
                let halves: &[u16] = bytemuck::cast_slice(&view);
                let wide: Vec<f32> = halves.iter().map(|&x| f16::from_bits(x).to_f32()).collect();
                unpad(self.shape, &wide)
            }
            _ => unpad(self.shape, bytemuck::cast_slice(&view)),
        };
        drop(view);
        self.staging.unmap();
        self.kept.give(self.staging.clone());
        Ok(numbers)
    }
}

impl Plan {
    /// Asks for memory as it is after the runs submitted so far.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where there is not the memory to read it through.
    pub(super) fn pending(&self, region: &Region, shape: Shape, dtype: DType) -> Result<Pending> {
        let size = region.bytes.end - region.bytes.start;
        let make = || {
            self.gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("read back"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let staging = match self.staging.take(size) {
            Some(kept) => kept,
            None => self.gpu.taking("a buffer to read through", size, make)?,
        };
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(
            &self.buffers[&region.place],
            region.bytes.start,
            &staging,
            0,
            Some(size),
        );
        self.gpu.queue().submit([encoder.finish()]);
        let (sender, mapped) = mpsc::channel();
        // The receiver may be gone by then: nobody wants the numbers any more.
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            drop(sender.send(result));
        });
        Ok(Pending {
            staging,
            kept: self.staging.clone(),
            mapped,
            given: false,
            gpu: self.gpu.clone(),
            shape,
            dtype,
        })
    }
}
