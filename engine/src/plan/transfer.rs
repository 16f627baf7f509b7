//! Numbers to and from a plan's buffers: values here, whole arenas in `arenas`, reads on their way in `pending`.

mod arenas;
mod pending;

use half::f16;

pub use arenas::{Exported, PendingArena};
pub use pending::Pending;
pub(super) use pending::Staging;

use super::Plan;
use super::schedule::Place;
use crate::{Arena, DType, Error, Result, Shape, Value};

impl Plan {
    /// Writes a value's numbers, `[n, h, w, c]` without padding. Ordered before the next run.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of numbers, [`Error::NotKept`] for a value that is computed and was not asked
    /// to be kept.
    pub fn write(&self, value: Value, data: &[f32]) -> Result<()> {
        let shape = self.graph.shape(value);
        self.expect_length(value, shape.count(), data.len())?;
        let padded = pad(shape, data);
        if self.graph.dtype(value) == DType::F16 {
            let halves: Vec<u16> = padded.iter().map(|&x| f16::from_f32(x).to_bits()).collect();
            return self.write_raw(value, bytemuck::cast_slice(&halves));
        }
        self.write_raw(value, bytemuck::cast_slice(&padded))
    }

    /// Writes unsigned integers, `[n, h, w, c]` without padding.
    ///
    /// # Errors
    ///
    /// As [`Plan::write`].
    pub fn write_u32(&self, value: Value, data: &[u32]) -> Result<()> {
        let shape = self.graph.shape(value);
        self.expect_length(value, shape.count(), data.len())?;
        self.write_raw(value, bytemuck::cast_slice(&pad(shape, data)))
    }

    /// Writes a value's bytes as the device keeps them: the pixel stride is the channel count rounded up to 4.
    ///
    /// # Errors
    ///
    /// [`Error::Bytes`] for another number of bytes, [`Error::NotKept`] as [`Plan::write`].
    pub fn write_raw(&self, value: Value, bytes: &[u8]) -> Result<()> {
        let region = self.region(value)?;
        let expected = (region.bytes.end - region.bytes.start) as usize;
        if bytes.len() != expected {
            return Err(self.wrong_bytes(value, format!("{expected} bytes"), bytes.len()));
        }
        for buffer in self.buffers_of(&region.place) {
            self.gpu
                .queue()
                .write_buffer(buffer, region.bytes.start, bytes);
        }
        Ok(())
    }

    /// Writes whole images of a value, as the device keeps them, from image `first` on. Ordered before the next run.
    ///
    /// # Errors
    ///
    /// [`Error::Bytes`] for part of an image, or more than there are; [`Error::NotKept`] as [`Plan::write`].
    pub fn write_images(&self, value: Value, first: usize, bytes: &[u8]) -> Result<()> {
        let region = self.region(value)?;
        let shape = self.graph.shape(value);
        let image = shape.with_n(1).vec4s() * self.graph.dtype(value).vec4_bytes();
        let left = shape.n().checked_sub(first);
        let whole = bytes.len().is_multiple_of(image);
        if !whole || left.is_none_or(|left| bytes.len() > left * image) {
            let most = left.unwrap_or(0);
            let expected = format!(
                "whole images of {image} bytes, at most {most} of them from image {first} on"
            );
            return Err(self.wrong_bytes(value, expected, bytes.len()));
        }
        let at = region.bytes.start + (first * image) as u64;
        for buffer in self.buffers_of(&region.place) {
            self.gpu.queue().write_buffer(buffer, at, bytes);
        }
        Ok(())
    }

    /// What is written from outside where something is written there: of running statistics also what they are put back to.
    fn buffers_of<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a wgpu::Buffer> {
        let kept = (*place == Place::Arena(Arena::Buffers)).then_some(Place::Arena(Arena::KEPT));
        let own = self.buffers.get(place);
        own.into_iter()
            .chain(kept.and_then(|kept| self.buffers.get(&kept)))
    }

    /// Waits for all runs and reads a value, `[n, h, w, c]` without padding.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] for a value that was not asked to be kept, or the device's errors.
    pub fn read(&self, value: Value) -> Result<Vec<f32>> {
        self.read_later(value)?.wait()
    }

    /// Asks for a value as it is after the runs submitted so far, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Plan::read`].
    pub fn read_later(&self, value: Value) -> Result<Pending> {
        let region = self.region(value)?.clone();
        self.pending(&region, self.graph.shape(value), self.graph.dtype(value))
    }

    /// Waits and reads a value's memory as it is, padding included: for tests of the padding.
    ///
    /// # Errors
    ///
    /// As [`Plan::read`].
    pub fn read_padded(&self, value: Value) -> Result<Vec<f32>> {
        let region = self.region(value)?.clone();
        let dtype = self.graph.dtype(value);
        let vec4s = (region.bytes.end - region.bytes.start) as usize / dtype.vec4_bytes();
        self.pending(&region, Shape::vector(vec4s * 4), dtype)?
            .wait()
    }

    fn wrong_bytes(&self, value: Value, expected: String, got: usize) -> Error {
        Error::Bytes {
            name: self.graph.name(value).into(),
            shape: self.graph.shape(value),
            expected,
            got,
        }
    }

    fn expect_length(&self, value: Value, expected: usize, got: usize) -> Result<()> {
        if expected == got {
            return Ok(());
        }
        Err(Error::Length {
            name: self.graph.name(value).into(),
            shape: self.graph.shape(value),
            expected,
            got,
        })
    }
}

/// The numbers with each pixel filled up to a multiple of four channels.
fn pad<T: Copy + Default>(shape: Shape, data: &[T]) -> Vec<T> {
    let (c, stride) = (shape.c(), shape.c4() * 4);
    let mut padded = vec![T::default(); shape.pixels() * stride];
    if c > 0 {
        padded
            .chunks_exact_mut(stride)
            .zip(data.chunks_exact(c))
            .for_each(|(to, from)| to[..c].copy_from_slice(from));
    }
    padded
}

fn unpad(shape: Shape, padded: &[f32]) -> Vec<f32> {
    let (c, stride) = (shape.c(), (shape.c4() * 4).max(1));
    padded
        .chunks_exact(stride)
        .take(shape.pixels())
        .flat_map(|pixel| &pixel[..c])
        .copied()
        .collect()
}
